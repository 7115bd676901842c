"""Why an ask got nothing, in words: what is wanted, what there is, what fell through which hole."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice

from runtime.allocation.answer import Estimate, Move
from runtime.allocation.ask import Part
from runtime.allocation.quota import Excess
from runtime.allocation.stock import Stock
from runtime.allocation.unit import MILLI, Constraint, Kind, Level, plain

NAMES_SHOWN = 3
"""Enough to go and look; a list of a thousand units helps nobody."""

HARDER = frozenset({Constraint.WITHDRAWN, Constraint.HELD, Constraint.MAINTENANCE, Constraint.OFF})
"""Reasons that matter more than that the unit is not of the kind that was asked for."""

_WORDS: Mapping[Constraint, str] = {
    Constraint.HELD: "held by a claim",
    Constraint.RESERVED: "kept for claims that have waited longer",
    Constraint.WITHDRAWN: "draining or withdrawn",
    Constraint.MAINTENANCE: "in maintenance",
    Constraint.OFF: "without power",
    Constraint.SIMULATED: "simulated, and the claim does not accept those",
    Constraint.CHOICE: "of another site, price, ownership or label",
    Constraint.UNCERTIFIED: "without a certificate",
    Constraint.EXPIRED: "certified too long ago",
    Constraint.REFUSED: "not used because of the certificate",
}

_REMEDIES: Mapping[Constraint, str] = {
    Constraint.CLASS: "bring up a pod that yields this class, or claim a class that exists",
    Constraint.HELD: "wait for another claim's release or expiry, or claim fewer units",
    Constraint.RESERVED: "say how long the claim lasts: what ends in time may use these units",
    Constraint.WITHDRAWN: "bring their hosts up again, or claim fewer units",
    Constraint.MAINTENANCE: "end the maintenance of their hosts, or claim fewer units",
    Constraint.OFF: "see why their hosts are off: podyard host why",
    Constraint.SIMULATED: "accept simulated units (--simulated-ok), or bring up real hosts",
    Constraint.CHOICE: "ask for another site, price, ownership or label, or for none",
    Constraint.UNCERTIFIED: "accept their hosts again: that certifies them",
    Constraint.EXPIRED: "accept their hosts again: that renews the certificate",
    Constraint.REFUSED: "accept their hosts again, and find out who changed the records",
    Constraint.TOPOLOGY: "ask for units less close together, or for fewer",
    Constraint.FEEDS: "ask for fewer feeds, or for units less close together",
    Constraint.QUOTA: "release another claim, or ask for a larger quota",
}


@dataclass(slots=True)
class Tally:
    """What fell through which hole."""

    of_class: int = 0
    counts: Counter[Constraint] = field(default_factory=Counter)
    names: dict[Constraint, list[str]] = field(default_factory=dict)

    def drop(self, constraint: Constraint, count: int, names: Iterable[str]) -> None:
        """So many, some of them by name."""
        if count:
            self.counts[constraint] += count
            shown = self.names.setdefault(constraint, [])
            shown.extend(islice(names, max(0, NAMES_SHOWN - len(shown))))


def tally(stock: Stock, part: Part) -> Tally:
    """Count every unit that is not free for a part under its first reason."""
    found = Tally()
    for kind, size in stock.kinds().items():
        if not part.choice.of_class(kind):
            found.counts[Constraint.CLASS] += size
            continue
        found.of_class += size
        other = _not_this_kind(part, kind)
        for constraint, names in stock.barred(kind).items():
            what = other if other and constraint not in HARDER else constraint
            found.drop(what, len(names), (f"{n} ({d})" if d else n for n, d in names.items()))
        if other:
            rest = size - sum(map(len, stock.barred(kind).values()))
            found.drop(other, rest, (unit.name for unit in stock.free_of((kind,))))
    return found


def _not_this_kind(part: Part, kind: Kind) -> Constraint | None:
    if kind.simulated and not part.choice.accept_simulated:
        return Constraint.SIMULATED
    return None if part.choice.fits(kind) else Constraint.CHOICE


def wanted(part: Part) -> str:
    """What a part asks for."""
    classes = " or ".join(sorted(part.choice.classes))
    of_class = f" of class {classes}" if classes else ""
    if part.b200e_milli:
        what = f"{part.b200e_milli / MILLI:g} B200-equivalents for {part.profile}{of_class}"
    else:
        what = f"{part.count} units{of_class}"
    close = "" if part.within is Level.SITE else f" in one {part.within}"
    feeds = f" on {part.feeds_min} feeds" if part.feeds_min > 1 else ""
    return f"{what}{close}{feeds}"


def why_short(
    stock: Stock, part: Part, found: Tally, constraint: Constraint, level: Level
) -> tuple[Constraint, str]:
    """The constraint that failed most, and the whole story in one line."""
    view = stock.view(part.choice, part.profile)
    if not found.of_class:
        return Constraint.CLASS, f"{_unknown(stock, part)}; hint: {_REMEDIES[Constraint.CLASS]}"
    free = f"{view.free()} of {found.of_class} can be used"
    if part.b200e_milli:
        free = f"{free}, which are {view.total / MILLI:g}"
    message = f"{wanted(part)} are wanted, {free}"
    if constraint is not Constraint.CLASS:
        message += _closest(stock, part, level)
    blocking = [one for one in _WORDS if found.counts[one]]
    message += "".join(f"; {_told(one, found)}" for one in blocking)
    if constraint is Constraint.CLASS:
        limit = max(blocking, key=lambda one: found.counts[one], default=Constraint.CLASS)
        if not part.b200e_milli and found.of_class < part.count:
            limit = Constraint.CLASS
    else:
        limit = constraint
    return limit, f"{message}; hint: {_REMEDIES[limit]}"


def _closest(stock: Stock, part: Part, level: Level) -> str:
    ranking = stock.view(part.choice, part.profile).ranking(level)
    if not ranking.order:
        return f"; no {level} is known for any of them"
    total, group = ranking.order[-1]
    most = f"{total / MILLI:g}" if part.b200e_milli else f"{total}"
    return f"; the {level} with most has {most} ({plain(group)})"


def why_over(excess: Excess) -> str:
    """Whose quota is used up."""
    return (
        f"quota {excess.quota} allows {excess.limit} {excess.what}: {excess.used} are held and "
        f"{excess.wanted} more are wanted; hint: {_REMEDIES[Constraint.QUOTA]}"
    )


def when(message: str, estimate: Estimate | None, moves: tuple[Move, ...]) -> str:
    """The story with its end: what would free it, and when."""
    told, _, hint = message.partition("; hint: ")
    if moves:
        claims = ", ".join(move.claim_id for move in moves)
        out_of = plain(moves[0].out_of)
        told += f"; starting {claims} anew elsewhere than in {out_of} would make room"
    if estimate is not None:
        ends = ", ".join(estimate.after[:NAMES_SHOWN]) or "what is being ended"
        told += f"; estimated start {moment(estimate.start_at)}, when {ends} ends"
    return f"{told}; hint: {hint}"


def moment(at: datetime) -> str:
    """To the minute: an estimate is no more exact."""
    return f"{at:%Y-%m-%d %H:%M} UTC"


def _told(constraint: Constraint, found: Tally) -> str:
    count, shown = found.counts[constraint], ", ".join(sorted(found.names[constraint]))
    more = f" and {count - NAMES_SHOWN} more" if count > NAMES_SHOWN else ""
    return f"{count} {_WORDS[constraint]}: {shown}{more}"


def _unknown(stock: Stock, part: Part) -> str:
    classes: Counter[str] = Counter()
    for kind, size in stock.kinds().items():
        classes[kind.unit_class] += size
    there = ", ".join(f"{name} ({count})" for name, count in sorted(classes.items()) if count)
    asked = " or ".join(sorted(part.choice.classes)) or "any"
    return f"no unit of class {asked} is on record; classes: {there or 'none'}"
