"""When a certificate must not be relied upon although it is genuine and in time.

It states what was true of certain parts, with certain firmware, on certain power. If one of these
is no longer so, the statement is about another machine. Suspending is a finding with its reason,
derived anew from observations each time. Whoever keeps certificates writes it down once and does
not take it back when the reason goes: only acceptance makes a new certificate.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from pods.certificate import Predicate
from pods.facts import HardwareFacts

Rule = Literal["part_changed", "firmware_drift", "drain_xid", "feed_lost", "restarted", "leak"]

Cure = Literal["accept", "wait", "person"]
"""What ends it: accepting the host again, that after the reason is gone, or that after a person's
hands were at it."""


@dataclass(frozen=True, slots=True)
class Observation:
    """What is seen of a certified host now."""

    facts: HardwareFacts | None = None
    """None: it could not be looked at, which suspends nothing."""
    xids: tuple[int, ...] = ()
    """GPU error numbers since the certificate was issued."""
    feeds_lost: tuple[str, ...] = ()
    """Feeds of this host that are without power."""
    restarted: bool = False
    """It started again, and nobody here asked it to."""


@dataclass(frozen=True, slots=True)
class Suspension:
    """One rule that a certified host no longer meets."""

    rule: Rule
    what: str
    remedy: str
    cure: Cure = "accept"

    def __str__(self) -> str:
        return f"{self.rule.replace('_', ' ')}: {self.what}"


@dataclass(frozen=True, slots=True)
class PartChange:
    """What sits in one place, before and after; empty: nothing does."""

    place: str
    old: str
    new: str


def suspensions(
    said: Predicate,
    seen: Observation,
    *,
    drain_xids: Collection[int],
    replace_xids: Collection[int] = (),
    certified: HardwareFacts | None = None,
) -> tuple[Suspension, ...]:
    """Every reason to suspend; none means that the certificate stands.

    `certified` are the facts that the certificate was made on: with them a changed part is named,
    without them only the host itself is compared. `drain_xids` is the site's policy, and of
    `replace_xids` no test makes a host good again.
    """
    return (
        *(_parts(said, seen.facts, certified) if seen.facts else ()),
        *(_firmware(said.firmware, seen.facts.firmware) if seen.facts else ()),
        *(_leaks(seen.facts) if seen.facts else ()),
        *_xids(seen.xids, drain_xids, replace_xids),
        *_feeds(seen.feeds_lost),
        *([_RESTARTED] if seen.restarted else ()),
    )


def part_changes(before: HardwareFacts, after: HardwareFacts) -> tuple[PartChange, ...]:
    """Every place whose part is another one, is gone or is new, in the order of the places."""
    old, new = _identities(before), _identities(after)
    return tuple(
        PartChange(place, old.get(place, ""), new.get(place, ""))
        for place in sorted(old.keys() | new.keys())
        if old.get(place) != new.get(place)
    )


_RESTARTED = Suspension(
    rule="restarted",
    what="the host started again by itself since it was accepted",
    remedy="find out why it went down; it is accepted again as soon as nobody holds it",
)


def _parts(
    said: Predicate, now: HardwareFacts, certified: HardwareFacts | None
) -> Iterator[Suspension]:
    if (said.host.serial, said.host.uuid) != (now.serial, now.uuid):
        yield _part(f"host {said.host.serial} was certified, {now.serial} stands in its place")
        return
    if certified is None:
        return
    for one in part_changes(certified, now):
        old, new = one.old or "nothing", one.new or "nothing"
        yield _part(f"{one.place}: {old} was certified, {new} is there")


def _part(what: str) -> Suspension:
    return Suspension(
        rule="part_changed",
        what=what,
        remedy="accept the host again: a new part proves nothing by the old one's results",
    )


def _identities(facts: HardwareFacts) -> dict[str, str]:
    """Where each part sits, to what is written on it."""
    found: dict[str, str] = {}
    for cpu in facts.processors:
        found[f"processor {cpu.slot}"] = cpu.model
    for gpu in facts.accelerators:
        found[f"accelerator {gpu.slot}"] = gpu.serial or gpu.uuid or gpu.model
    for module in facts.memory:
        found[f"memory {module.slot}"] = module.serial or f"{module.capacity_gib} GiB"
    for drive in facts.drives:
        found[f"drive {drive.slot}"] = drive.serial or drive.model
    for nic in facts.nics:
        found[f"network port {nic.slot}"] = nic.mac.lower()
    for adapter in facts.adapters:
        found[f"network adapter {adapter.slot}"] = adapter.serial or adapter.model
    for supply in facts.power_supplies:
        found[f"power supply {supply.slot}"] = supply.serial or supply.model
    return found


def _firmware(said: Mapping[str, str], now: Mapping[str, str]) -> Iterator[Suspension]:
    for component in sorted(said.keys() | now.keys()):
        old, new = said.get(component), now.get(component)
        if old != new:
            yield Suspension(
                rule="firmware_drift",
                what=f"{component} was certified at {old or 'nothing'}, it runs {new or 'nothing'}",
                remedy="flash the baseline, or accept the host again on what it runs",
            )


def _leaks(now: HardwareFacts) -> Iterator[Suspension]:
    """Liquid where none belongs. A little of it only warns, as before a host is accepted."""
    for one in now.leak_detectors:
        if one.state == "Critical":
            yield Suspension(
                rule="leak",
                what=f"leak detector {one.slot} sees liquid",
                remedy="isolate the loop, find the leak and dry the host",
                cure="person",
            )


def _xids(
    seen: Collection[int], drains: Collection[int], replaces: Collection[int]
) -> Iterator[Suspension]:
    """One cause for each number, however often it was reported: it must not grow with the count."""
    for xid in sorted(set(seen) & {*drains, *replaces}):
        yield Suspension(
            rule="drain_xid",
            what=f"Xid {xid} was reported since it was certified",
            remedy="drain the host, follow the Xid's remedy, then accept it again",
            cure="person" if xid in set(replaces) else "accept",
        )


def _feeds(lost: Collection[str]) -> Iterator[Suspension]:
    for feed in sorted(set(lost)):
        yield Suspension(
            rule="feed_lost",
            what=f"feed {feed} is without power: the host runs on what is left",
            remedy="restore the feed; the host is accepted again when it carries load",
            cure="wait",
        )
