"""Which events that come to our door are believed to be a BMC's, and what is done about each.

Anybody who reaches the door can write to it, and a BMC's word proves little even where it is real.
So an event must come to the address that one BMC was given, which nobody guesses; from that BMC's
own network address; over TLS; and with the second secret that only its subscription holds. It is
looked at within a rate, whoever sends it, and the same one twice is told once. What is left of it
then is one thing: this host is looked at now. Nothing that it says is ever read into a record.

Nothing here asks the database or the network: an event costs some microseconds, a forged one less.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import json
from collections import OrderedDict
from collections.abc import Collection
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from provisioning.telemetry.listening import Intake

BYTES_MAX = 256 * 1024
"""Real ones are 1 to 10 KiB; a BMC that tells of a whole log at once sends some 100."""
REMEMBERED = 64
"""Events of one BMC by which it is seen that one comes again: as many as two minutes admit."""
RECORDS_MAX = 256


class Fate(StrEnum):
    """What became of one."""

    TAKEN = "taken"
    DROPPED = "dropped"
    FORGED = "forged"
    REPLAYED = "replayed"
    TOO_LARGE = "too large"


@dataclass(slots=True)
class _Box:
    """One BMC that was asked to send its events."""

    sources: frozenset[str]
    token: str
    context: str
    seen: OrderedDict[bytes, None] = field(default_factory=OrderedDict)


class Inbox:
    """Shared by the door that events come through and the loop that asked for them."""

    def __init__(self) -> None:
        self._boxes: dict[str, _Box] = {}
        self._intake: Intake | None = None

    def open(self, intake: Intake) -> None:
        """Begin anew: nobody is expected yet."""
        self._boxes, self._intake = {}, intake

    def close(self, intake: Intake) -> None:
        """Nothing is taken in, unless somebody else has begun meanwhile."""
        if self._intake is intake:
            self._boxes, self._intake = {}, None

    def expect(self, host_id: str, *, sources: Collection[str], token: str, context: str) -> None:
        """This BMC sends its events from now on; `sources` are its network addresses."""
        known = self._boxes.get(host_id)
        fresh = _Box(frozenset(map(plain, sources)), token, context)
        if known is not None:
            fresh.seen = known.seen
        self._boxes[host_id] = fresh

    def forget(self, host_id: str) -> None:
        """It does not any more."""
        self._boxes.pop(host_id, None)

    def receive(self, host_id: str, token: str, *, source: str, body: bytes, now: float) -> Fate:
        """One request at the door. The cheapest test comes first, and nothing is parsed before."""
        intake, box = self._intake, self._boxes.get(host_id)
        if intake is None or box is None:
            return Fate.FORGED  # nobody was given this address: not even counted
        if not hmac.compare_digest(box.token, token) or plain(source) not in box.sources:
            intake.forged += 1
            return Fate.FORGED
        if not intake.admits(host_id, now=now):
            return Fate.DROPPED
        if len(body) > BYTES_MAX:
            return Fate.TOO_LARGE
        if not any(hmac.compare_digest(box.context, said) for said in _contexts(body)):
            intake.forged += 1
            return Fate.FORGED
        digest = hashlib.sha256(body).digest()
        if digest in box.seen:
            intake.replayed += 1
            return Fate.REPLAYED
        box.seen[digest] = None
        if len(box.seen) > REMEMBERED:
            box.seen.popitem(last=False)
        intake.take(host_id)
        return Fate.TAKEN


def plain(address: str) -> str:
    """A network address in one spelling: IPv4 seen through an IPv6 socket is IPv4."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return str(mapped or found)


def _contexts(body: bytes) -> list[str]:
    """What it says its subscription's context is; older BMCs say it in each record."""
    try:
        document: Any = json.loads(body)
    except (ValueError, RecursionError):
        return []
    if not isinstance(document, dict):
        return []
    listed = document.get("Events")
    records = listed[:RECORDS_MAX] if isinstance(listed, list) else []
    told = [document.get("Context"), *(r.get("Context") for r in records if isinstance(r, dict))]
    return [one for one in told if isinstance(one, str) and one.isascii()]
