"""Whether a feed is dead, told by the power supplies that hang on it.

A BMC says which of its supplies have no input. Half of them, in the order of their slots, are on
the host's first feed and half on its second: that is how racks are cabled, and how specs split the
draw. One host may have a broken cord; a feed is dead when two hosts of it agree, and lives again
when two agree on that later. Between the two nothing changes: one answer is none.

Pure: it sees records and says what they say.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from inventory.model import Host
from pods.facts import HardwareFacts, PowerSupplyFact
from pods.match_finding import Mismatch

AGREE = 2
"""How many hosts must say the same; of a feed with one host, that one."""
_NO_INPUT = "LossOfInput"
_DIGITS = re.compile(r"(\d+)")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the supplies of a feed's hosts say, and who says it."""

    dead: bool
    hosts: tuple[str, ...]


def feeds_of(host: Host) -> tuple[str, ...]:
    """The feeds that a host hangs on."""
    return tuple(dict.fromkeys(feed for feed in (host.feed, host.feed_b) if feed))


def inputs_of(host: Host) -> Mapping[str, bool]:
    """Feed to whether it gives power, as far as this host's supplies tell."""
    return inputs(host.facts.power_supplies, feeds_of(host)) if host.facts is not None else {}


def inputs(fitted: Sequence[PowerSupplyFact], feeds: tuple[str, ...]) -> Mapping[str, bool]:
    """The same of supplies and feeds."""
    if not feeds or not any(map(_lives, fitted)):
        return {}  # without any input nobody would answer: its BMC misreads, or lists none
    if len(feeds) == 1:
        return {feeds[0]: True}
    ordered = sorted(fitted, key=lambda one: _counted(one.slot))
    if len(ordered) % 2:
        return {}  # nobody knows which feed the odd one is on
    half = len(ordered) // 2
    return {
        feed: any(map(_lives, some))
        for feed, some in zip(feeds, (ordered[:half], ordered[half:]), strict=True)
    }


def lacks_input(host: Host) -> bool:
    """Whether a feed of this host gives it nothing."""
    return not all(inputs_of(host).values())


def verdict(feed: str, hosts: Iterable[Host]) -> Verdict | None:
    """Whether the feed is dead; None when its hosts do not agree, or say nothing."""
    said: dict[bool, list[tuple[datetime, str]]] = {True: [], False: []}
    for host in hosts:
        lives = inputs_of(host).get(feed)
        if lives is not None and host.facts is not None:
            said[lives].append((host.facts.observed_at, host.name))
    need = min(AGREE, len(said[True]) + len(said[False]))
    if not need:
        return None
    dead, alive = _agreed(said[False], need), _agreed(said[True], need)
    if dead is None and alive is None:
        return None
    if alive is None or (dead is not None and dead > alive):
        return Verdict(dead=True, hosts=_names(said[False]))
    return Verdict(dead=False, hosts=_names(said[True]))


def _agreed(said: Sequence[tuple[datetime, str]], need: int) -> datetime | None:
    """Since when so many say it, by their newest readings."""
    newest = sorted((at for at, _ in said), reverse=True)
    return newest[need - 1] if len(newest) >= need else None


def _names(said: Iterable[tuple[datetime, str]]) -> tuple[str, ...]:
    return tuple(sorted(name for _, name in said))


def _lives(supply: PowerSupplyFact) -> bool:
    return supply.input_status != _NO_INPUT


def _counted(slot: str) -> tuple[tuple[bool, int, str], ...]:
    """`PSU2` before `PSU10`."""
    parts = (part for part in _DIGITS.split(slot) if part)
    return tuple((part.isdigit(), int(part) if part.isdigit() else 0, part) for part in parts)


def is_only_the_feed(
    wrong: Sequence[Mismatch], facts: HardwareFacts | None, feeds: tuple[str, ...]
) -> bool:
    """Whether all that is wrong with a host is that one of its feeds gives nothing."""
    fitted = facts.power_supplies if facts is not None else ()
    dead = not all(inputs(fitted, feeds).values())
    return dead and all(one.found == _NO_INPUT for one in wrong)
