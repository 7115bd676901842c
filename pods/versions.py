"""Which of two firmware versions is the older, in the spellings that vendors use.

Wrongly answered, a host is flashed backwards, so an order that is not plain is `UNCLEAR` and
nobody acts on it. Understood are dotted numbers (`24.09.1`), a leading `v`, letters after a number
(`2.4.1a`, `A05`), pre-releases (`-rc2`), a build suffix (`+77`, `-b77`, ` build 77`), a product
name in front when both have it (`iLO 5 v2.72`) and a date in brackets behind, which is ignored.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from itertools import zip_longest

PRE_RELEASE = frozenset({"rc", "pre", "alpha", "beta", "dev"})
"""Words that sort before the version they are attached to."""


class Order(StrEnum):
    """How a found version stands to a wanted one."""

    BEHIND = "behind"
    SAME = "same"
    AHEAD = "ahead"
    UNCLEAR = "unclear"


@dataclass(frozen=True, slots=True)
class _Version:
    release: tuple[int | str, ...]
    build: int | None


def order(found: str, *, wanted: str) -> Order:
    """How `found` stands to `wanted`."""
    if found.strip().casefold() == wanted.strip().casefold():
        return Order.SAME if found.strip() else Order.UNCLEAR
    here, there = _parsed(found), _parsed(wanted)
    if here is None or there is None:
        return Order.UNCLEAR
    if _product(here) != _product(there):
        return Order.UNCLEAR
    for a, b in zip_longest(here.release, there.release):
        step = _step(a, b)
        if step is not Order.SAME:
            return step
    return _build_order(here.build, there.build)


def _parsed(text: str) -> _Version | None:
    plain = re.sub(r"\([^)]*\)", " ", text.casefold())
    build_match = re.search(r"(?:\+|[-_ ]b(?:uild)?[-_. ]?)(\d{1,18})\s*$", plain)
    build = int(build_match.group(1)) if build_match else None
    release = plain[: build_match.start()] if build_match else plain
    tokens = re.findall(r"\d{1,18}|[a-z]+", release)
    if not any(token.isdigit() for token in tokens):
        return None
    return _Version(tuple(int(t) if t.isdigit() else t for t in tokens if t != "v"), build)


def _product(version: _Version) -> str:
    """The word that a version begins with: a BIOS family such as U46 or P89, never an order."""
    first = version.release[0]
    return first if isinstance(first, str) else ""


def _step(a: int | str | None, b: int | str | None) -> Order:
    """Compare one place; None is where a version has ended."""
    a, b = _ended(a, b), _ended(b, a)
    if a == b:
        return Order.SAME
    if isinstance(a, int) and isinstance(b, int):
        return Order.BEHIND if a < b else Order.AHEAD
    if isinstance(a, str) and isinstance(b, str) and (a and b):
        return _words(a, b)
    if a == "":
        return Order.AHEAD if b in PRE_RELEASE else Order.BEHIND
    if b == "":
        return Order.BEHIND if a in PRE_RELEASE else Order.AHEAD
    return Order.UNCLEAR


def _ended(place: int | str | None, other: int | str | None) -> int | str:
    """`2.4` is `2.4.0`, and before a letter the end is the empty word."""
    if place is not None:
        return place
    return 0 if isinstance(other, int) else ""


def _words(a: str, b: str) -> Order:
    """Single letters have an order (`2.4.1a`, `2.4.1b`); product names have none."""
    if len(a) == len(b) == 1:
        return Order.BEHIND if a < b else Order.AHEAD
    if a in PRE_RELEASE and b in PRE_RELEASE and {a, b} <= {"alpha", "beta", "rc"}:
        return Order.BEHIND if a < b else Order.AHEAD
    return Order.UNCLEAR


def _build_order(found: int | None, wanted: int | None) -> Order:
    """A build number counts only where both tell theirs."""
    if found is None or wanted is None or found == wanted:
        return Order.SAME
    return Order.BEHIND if found < wanted else Order.AHEAD
