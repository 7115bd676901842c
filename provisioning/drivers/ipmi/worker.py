"""The only door to pyghmi, in a process of its own: one BMC, one session, one life.

pyghmi keeps its sessions, sockets and timers in the module, shared by every thread that uses it,
and has no deadline: a BMC whose log or sensor list leads in a circle is read for ever. So it runs
here, where the parent ends it at the deadline and one BMC's trouble is nobody else's.

Requests and answers are lines of JSON. The first request logs in; its password came over the pipe
and is in no argument and no environment. The cures of this door:

- cipher suite 17, then 3. pyghmi asks for nothing else, but takes for granted that it gets it: here
  what the BMC chose is looked at. Its way down to IPMI 1.5, which would send an MD5 of the
  password, is closed;
- a change is sent once. pyghmi repeats what is not answered, also a power-off; here a change is
  sent without its retries and waited for;
- no maker's extensions: some open the BMC's web page with the same password, unverified.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sys
from collections.abc import Callable
from typing import Any, TextIO

from pyghmi import exceptions
from pyghmi.ipmi import command, events, fru
from pyghmi.ipmi.oem import generic
from pyghmi.ipmi.private import session

SUITES = {256: 17, 1: 3}
"""The hash that pyghmi settled on, to the number of the cipher suite."""
MAX_SENSORS = 512
MAX_FRU_BYTES = 4096
FRU_PART_BYTES = 24
"""Every BMC has room for a reply of so many."""
ALGORITHMS = {(3, 4, 1): 256, (1, 1, 1): 1}
"""Authentication, integrity and confidentiality of suites 17 and 3, to pyghmi's name for them."""
_HEALTH = {0: "OK", 1: "Warning", 2: "Critical", 4: "Critical"}

Json = dict[str, Any]


class Refused(Exception):
    """What the parent turns into one of its errors: a kind, and words."""

    def __init__(self, kind: str, message: str, *, code: int = 0) -> None:
        super().__init__(message)
        self.kind = kind
        self.code = code


def refuse_older(self: Any) -> None:
    """In the place of the step that would begin an IPMI 1.5 log-in."""
    self.onlogon({"error": "IPMI 2.0 is not offered"})


def agree(self: Any, data: bytearray) -> Any:
    """Look at what the BMC chose, which pyghmi takes for granted to be what it asked for.

    A BMC that takes suite 3 where 17 was asked is believed; one that takes less is left.
    """
    if data[0] == self.rmcptag and data[1] == 0:
        chosen = tuple(data[place] & 0x3F for place in (16, 24, 32))
        if chosen not in ALGORITHMS:
            self.onlogon({"error": f"the BMC chose cipher algorithms {chosen}"})
            return None
        if ALGORITHMS[chosen] != self.attemptedhash:
            self.attemptedhash = ALGORITHMS[chosen]
            self.currhashlib, self.currhashlen = hashlib.sha1, 12
    return _GOT_RESPONSE(self, data)


_GOT_RESPONSE = session.Session._got_rmcp_response  # noqa: SLF001 - what `agree` stands before


class Worker:
    """One logged-in session."""

    def __init__(self, opening: Json) -> None:
        session.Session._get_session_challenge = refuse_older  # noqa: SLF001 - see the docstring
        session.Session._got_rmcp_response = agree  # noqa: SLF001
        self._command = command.Command(
            bmc=opening["host"],
            port=opening["port"],
            userid=opening["username"],
            password=opening["password"],
        )
        # The generic handler in place of the one that pyghmi would pick by the maker's number.
        self._command._oem = generic.OEMHandler(None, self._command)  # noqa: SLF001
        self._command._oemknown = True  # noqa: SLF001
        self._session = self._command.ipmi_session
        self._session.autokeepalive = False

    @property
    def suite(self) -> int:
        """The cipher suite that was agreed on."""
        return SUITES[self._session.attemptedhash]

    def read(self, request: Json) -> Json:
        """One command that changes nothing; pyghmi repeats it until it is answered."""
        reply = self._command.raw_command(
            netfn=request["netfn"], command=request["command"], data=tuple(request["data"])
        )
        return self._told(reply)

    def change(self, request: Json) -> Json:
        """One command, sent once and waited for."""
        replies: list[Json] = []
        self._session.raw_command(
            request["netfn"],
            request["command"],
            data=tuple(request["data"]),
            retry=False,
            callback=replies.append,
        )
        while not replies:
            # The parent ends this process at its deadline.
            session.Session.wait_for_rsp(timeout=1)
        self._session.incommand = False
        return self._told(replies[0])

    def sensors(self, _request: Json) -> list[Json]:
        """Every sensor that can be read."""
        found = []
        for reading in self._command.get_sensor_data():
            found.append(
                {
                    "name": str(reading.name),
                    "type": str(reading.type),
                    "value": None if reading.unavailable else reading.value,
                    "unit": str(reading.units or ""),
                    "health": _HEALTH.get(int(reading.health), "Warning"),
                }
            )
            if len(found) >= MAX_SENSORS:
                break
        return found

    def product(self, _request: Json) -> Json:
        """FRU 0: who made this host and which it is."""
        found = fru.FRU(rawdata=self._raw_fru()).info or {}
        return {str(name): str(value) for name, value in found.items() if isinstance(value, str)}

    def _raw_fru(self) -> bytearray:
        """FRU 0 in small parts: pyghmi asks for 224 bytes at once, and some BMCs refuse that."""
        told = self._command.xraw_command(netfn=0x0A, command=0x10, data=(0,))["data"]
        size = min(told[0] | told[1] << 8, MAX_FRU_BYTES)
        found = bytearray()
        while len(found) < size:
            asked = min(FRU_PART_BYTES, size - len(found))
            place = (len(found) & 0xFF, len(found) >> 8)
            part = self._command.xraw_command(netfn=0x0A, command=0x11, data=(0, *place, asked))[
                "data"
            ]
            if not part[0]:
                break
            found += bytearray(part[1 : 1 + part[0]])
        return found

    def log(self, _request: Json) -> list[Json]:
        """The system event log."""
        try:
            known = self._command.init_sdr()
        except exceptions.IpmiException:
            known = _NoSensors()
        handler = events.EventHandler(known, self._command)
        records: list[Json] = []
        handler._fetch_entries(self._command, 0, records)  # noqa: SLF001 - the rest guesses at time
        return [
            {
                "id": str(one.get("record_id", "")),
                "at": one.get("timecode"),
                "severity": _HEALTH.get(int(one.get("severity", 0)), "Warning"),
                "message": _message(one),
            }
            for one in records
        ]

    def close(self) -> None:
        """Log out."""
        with contextlib.suppress(exceptions.PyghmiException):
            self._session.logout()

    @staticmethod
    def _told(reply: Json | None) -> Json:
        if reply is None or reply.get("code") in {None, 0xFFFF}:
            raise Refused("lost", "no answer")
        return {"code": reply["code"], "data": list(reply.get("data", ()))}


class _NoSensors:
    """In the place of a sensor list that a BMC does not have: its log names sensors by number."""

    sensors: dict[str, Any] = {}  # noqa: RUF012 - never changed


def _message(record: Json) -> str:
    parts = [str(record.get(name) or "") for name in ("component_type", "component", "event")]
    said = ": ".join(filter(None, parts))
    return said or f"OEM record {bytes(record.get('oemdata', b'')).hex()}"


def answer(line: str, worker: Worker | None) -> tuple[Worker | None, Json]:
    """One request to one answer."""
    request = json.loads(line)
    try:
        if worker is None:
            worker = Worker(request)
            return worker, {"result": {"suite": worker.suite}}
        verbs: dict[str, Callable[[Json], Any]] = {
            "read": worker.read,
            "change": worker.change,
            "sensors": worker.sensors,
            "product": worker.product,
            "log": worker.log,
        }
        return worker, {"result": verbs[request["verb"]](request)}
    except Refused as refused:
        return worker, {"error": refused.kind, "message": str(refused), "code": refused.code}
    except exceptions.PyghmiException as error:
        code = getattr(error, "ipmicode", 0) or 0
        ended = "no longer connected" in str(error)
        kind = "login" if worker is None else "gone" if ended else "refused"
        return worker, {"error": kind, "message": str(error), "code": code}
    except Exception as error:  # noqa: BLE001 - a hostile answer ends as one of pyghmi's many own
        # errors (struct.error, KeyError, UnicodeDecodeError …): the parent is told the class.
        return worker, {"error": "garbled", "message": type(error).__name__, "code": 0}


def serve(requests: TextIO, answers: TextIO) -> None:
    """Answer until the parent closes the pipe."""
    worker: Worker | None = None
    for line in requests:
        worker, told = answer(line, worker)
        answers.write(json.dumps(told) + "\n")
        answers.flush()
        if worker is None:
            break
    if worker is not None:
        worker.close()


def main() -> None:
    """Keep the pipe for answers alone: pyghmi prints some of its troubles."""
    with os.fdopen(os.dup(1), "w") as answers:
        os.dup2(2, 1)
        serve(sys.stdin, answers)


if __name__ == "__main__":
    main()
