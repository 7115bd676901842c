"""The allocator: told what changes, it decides who gets which units, and says why.

It holds the whole site in memory and is fed by events: a unit is seen or gone, a claim asks, holds
or ends, a quota is set. Every answer follows from what it was told and the moment it is given;
there is no clock, no randomness and no I/O in here, so the same events give the same answers. It
never guesses that something was written: who carries an answer out says so, or takes it back.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from runtime.allocation import explaining
from runtime.allocation.answer import Answer, Estimate, Move, Placed, Refused
from runtime.allocation.ask import Ask, Holding, Part
from runtime.allocation.batching import put_off
from runtime.allocation.estimating import ENDS_WALKED, estimate
from runtime.allocation.fitting import Fit, Misfit, fit, fit_among
from runtime.allocation.holdings import Holdings
from runtime.allocation.preempting import Eviction, evict, gives_way
from runtime.allocation.quota import Excess, Quota, Quotas
from runtime.allocation.reserving import Reservation, Reservations
from runtime.allocation.search import Search
from runtime.allocation.stock import Stock
from runtime.allocation.telling import reasons
from runtime.allocation.tidying import moves_for
from runtime.allocation.unit import Constraint, Level, Unit
from runtime.allocation.waiting import Bed, Waiting

HEADS_LOOKED_AT = 32
"""How many of the longest waiting are looked at for a promise, each time."""

POOL_MAX = 4096
"""Units of one group that are weighed for a promise without a date."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What a site decides about waiting."""

    reserve_after: timedelta = timedelta(minutes=10)
    """Whoever has waited so long is promised units: until then, luck is the better allocator."""
    reservations_max: int = 8


class Allocator:
    """One site's units and everybody who wants some."""

    def __init__(self, rules: Rules | None = None) -> None:
        self._rules = rules or Rules()
        self.stock = Stock()
        self.quotas = Quotas()
        self.holdings = Holdings()
        self.waiting = Waiting(self.quotas)
        self.reservations = Reservations(self.stock)

    def unit_seen(self, unit: Unit) -> None:
        """A unit that is new, or as it is now."""
        promised = self.stock.reserved_for(unit.id)
        if promised and unit.bar is not None:
            self._cancel(promised)
        self.stock.put(unit)

    def unit_gone(self, unit_id: str) -> None:
        """A unit that is no more."""
        if promised := self.stock.reserved_for(unit_id):
            self._cancel(promised)
        self.stock.drop(unit_id)

    def unit_refused(self, unit_id: str, reason: str) -> None:
        """Its certificate does not hold."""
        if promised := self.stock.reserved_for(unit_id):
            self._cancel(promised)
        self.stock.refuse(unit_id, reason)

    def quota_seen(self, quota: Quota) -> None:
        """A quota that is new, or as it is now. Raises QuotaRefused when it makes no tree."""
        self.quotas.set(quota, self.holdings.by_tenant())
        self.waiting.wake_all()

    def quota_gone(self, name: str) -> None:
        """A quota that is no more."""
        self.quotas.drop(name, self.holdings.by_tenant())
        self.waiting.wake_all()

    def holds(self, holding: Holding) -> None:
        """A claim has units, by the records; whatever was thought of it before."""
        known = self.holdings.get(holding.id)
        if known == holding:
            return
        if known is not None and _same_units(known, holding):
            units = self.holdings.units(holding.id)  # only its end or the like is another
            self.holdings.drop(holding.id)
            self.holdings.add(holding, units)
            return
        self.ended(holding.id)
        self.withdrawn(holding.id)
        found = tuple(self.stock.unit(i) for i in holding.unit_ids if i in self.stock)
        self._hold(holding, found)

    def ended(self, claim_id: str) -> None:
        """A claim has no units any more."""
        units = self.holdings.units(claim_id)
        holding = self.holdings.drop(claim_id)
        if holding is None:
            return
        self.quotas.charge(holding.tenant, units, times=-1)
        promised: set[str] = set()
        for unit_id in holding.unit_ids:
            if self.stock.holder(unit_id) == claim_id:
                self.stock.give_back(unit_id)
                promised.add(self.stock.reserved_for(unit_id))
        self.waiting.wake_by_quota(self.quotas.line(holding.tenant))
        self.waiting.wake(sorted(filter(self.reservations.ready, promised)))

    def promised(self, ask_id: str, unit_ids: tuple[str, ...], start_at: datetime) -> None:
        """Units are kept for an ask, by the records: others were told to end for it.

        What can be kept no more, because a unit is gone or barred, is not: it then waits as others.
        """
        made = self.reservations.get(ask_id)
        stands = bool(unit_ids) and all(
            unit_id in self.stock
            and self.stock.unit(unit_id).bar is None
            and self.stock.reserved_for(unit_id) in {"", ask_id}
            for unit_id in unit_ids
        )
        if stands and (made is None or made.unit_ids != unit_ids):
            self.reservations.make(Reservation(ask_id, unit_ids, start_at))

    def withdrawn(self, ask_id: str) -> None:
        """An ask that is not wanted any more."""
        self._cancel(ask_id)
        self.waiting.drop(ask_id)

    def advance(self, now: datetime) -> None:
        """Time goes on: certificates expire."""
        for unit_id in self.stock.advance(now):
            promised = self.stock.reserved_for(unit_id)
            if promised and not self.stock.is_fit(unit_id):
                self._cancel(promised)

    def decide(self, ask: Ask, now: datetime) -> Answer:
        """Units, or why not; then it waits. Raises AskRefused for what cannot mean anything."""
        ask.check()
        self.advance(now)
        found = self._try(ask, now)
        if isinstance(found, Placed):
            self.withdrawn(ask.id)
            return found
        self.waiting.add(ask)
        preempts = self._preempt(ask, found, now)
        self._to_bed(ask, found)
        return replace(self._refusal(ask, found), preempts=preempts)

    def enqueue(self, ask: Ask) -> None:
        """Decide with the next look, in turn: for several that ask at the same moment."""
        ask.check()
        self.waiting.add(ask)

    def serve(self, now: datetime, *, most: int = 1000) -> list[Placed]:
        """Try those whom something that changed may serve, in turn; then make promises."""
        placed: list[Placed] = []
        self.advance(now)
        self.waiting.wake_by_views()
        self.waiting.begin(put_off(self.waiting.awake(), self.stock, self.quotas))
        for _ in range(most):
            ask = self.waiting.next()
            if ask is None:
                break
            found = self._try(ask, now)
            if isinstance(found, Placed):
                self.withdrawn(ask.id)
                placed.append(found)
            else:
                self._to_bed(ask, found)
        self._promise(now)
        self.stock.forget_views(self.waiting.views())
        return placed

    def explain(self, ask_id: str) -> Refused | None:
        """Why an ask still waits; None when it does not."""
        ask = self.waiting.get(ask_id)
        if ask is None:
            return None
        found = self._find(self._pinned(ask))
        if isinstance(found, Fit):  # it fits, and has not been tried since
            return Refused(ask_id, Constraint.HELD, "its turn comes with the next look")
        return self._refusal(ask, found)

    def _try(self, ask: Ask, now: datetime) -> Placed | Misfit | Excess:
        asked, ask = ask, self._pinned(ask)
        near = self._near(ask)
        kept = self.reservations.ready(ask.id)
        found = Fit((kept,)) if kept else self._find(ask, near)
        if isinstance(found, Misfit):
            found = self._backfill(ask, now) or found
        if not isinstance(found, Fit):
            return found
        excess = self.quotas.excess(ask.tenant, found.units)
        if excess is not None:
            return excess
        told = reasons(self.stock, ask, found, near[Level.RACK])
        self._cancel(ask.id)
        self._hold(_holding(asked, found.units, now), found.units)
        by_part = tuple(tuple(unit.id for unit in units) for units in found.by_part)
        return Placed(ask.id, tuple(unit.id for unit in found.units), told, by_part)

    def _find(
        self, ask: Ask, near: Mapping[Level, AbstractSet[str]] | None = None
    ) -> Fit | Misfit | Excess:
        """Where it fits; what its quota cannot allow in any case is not looked for."""
        milli, classes = self._least(ask)
        excess = self.quotas.excess_of(ask.tenant, milli, classes)
        return excess or fit(self.stock, ask, near or self._near(ask))

    def _least(self, ask: Ask) -> tuple[int, Counter[str]]:
        """What an ask counts against quotas at least."""
        milli, classes = 0, Counter[str]()
        for part in ask.parts:
            if not part.count:
                continue
            kinds = self.stock.view(part.choice, part.profile).kinds
            milli += part.count * self.stock.charge_min(kinds)
            if len(part.choice.classes) == 1:
                classes[next(iter(part.choice.classes))] += part.count
        return milli, classes

    def _pinned(self, ask: Ask) -> Ask:
        """A cluster is inside one site: once it is somewhere, more of it is asked for there."""
        sites = self.holdings.near(ask.tenant, ask.cluster)[Level.SITE]
        if len(self.stock.sites()) < 2 or len(sites) != 1:  # noqa: PLR2004 - one site is no choice
            return ask
        site = next(iter(sites))
        parts = tuple(
            part if part.choice.site else replace(part, choice=replace(part.choice, site=site))
            for part in ask.parts
        )
        return replace(ask, parts=parts)

    def _near(self, ask: Ask) -> Mapping[Level, AbstractSet[str]]:
        return self.holdings.near(ask.tenant, ask.cluster)

    def _hold(self, holding: Holding, units: tuple[Unit, ...]) -> None:
        self.holdings.add(holding, units)
        self.quotas.charge(holding.tenant, units)
        for unit_id in holding.unit_ids:
            self.stock.hold(unit_id, holding.id)

    def _backfill(self, ask: Ask, now: datetime) -> Fit | None:
        """Units that are kept for later, for an ask that is over by then."""
        ends = ask.ends(now)
        if ends is None or len(ask.parts) != 1 or not len(self.reservations):
            return None
        search = self._search(ask, ask.parts[0])
        kept = {
            unit.id: unit
            for unit in self.reservations.idle_until(ends)
            if unit.kind in search.view.kinds and search.view.weight(unit)
        }
        if search.level is not Level.SITE:
            for group in sorted({unit.at(search.level) for unit in kept.values()} - {""}):
                kept |= {unit.id: unit for unit in search.free(search.level, group)}
        found = fit_among(search, kept.values())
        return Fit((tuple(found),)) if found else None

    def _to_bed(self, ask: Ask, found: Misfit | Excess) -> None:
        if isinstance(found, Excess):
            self.waiting.sleep(ask.id, Bed(quota=found.quota, need=self._least(ask)[0]))
            return
        part = found.part
        view = self.stock.view(part.choice, part.profile)
        level = ask.level_of(part) if len(ask.parts) == 1 else ask.together
        short = view.ranking(level).best < part.need
        self.waiting.sleep(ask.id, Bed(view=view, level=level, need=part.need if short else 0))

    def _refusal(self, ask: Ask, found: Misfit | Excess) -> Refused:
        if isinstance(found, Excess):
            return self._over_quota(ask, found)
        part, level = found.part, ask.level_of(found.part)
        counted = explaining.tally(self.stock, part)
        limit, message = explaining.why_short(self.stock, part, counted, found.constraint, level)
        moves: tuple[Move, ...] = ()
        if found.constraint is Constraint.TOPOLOGY:
            moves = moves_for(self._search(ask, part), self.holdings.get)
        soonest = self._soonest(ask, part)
        return Refused(
            ask.id,
            limit,
            explaining.when(message, soonest, moves),
            free=self.stock.view(part.choice, part.profile).free(),
            counts=counted.counts,
            estimate=soonest,
            moves=moves,
        )

    def _soonest(self, ask: Ask, part: Part) -> Estimate | None:
        made = self.reservations.get(ask.id)
        if made is not None:
            if made.start_at is None:
                return None
            holders = {self.stock.holder(unit_id) for unit_id in made.unit_ids} - {""}
            return Estimate(made.start_at, made.unit_ids, tuple(sorted(holders)))
        return estimate(self._search(ask, part), self.holdings.ending(ENDS_WALKED))

    def _over_quota(self, ask: Ask, excess: Excess) -> Refused:
        """Refused until claims below the same quota end."""
        milli, classes = self._least(ask)
        back = 0
        given: Counter[str] = Counter()
        soonest = None
        for ends_at, holding in self.holdings.ending(ENDS_WALKED):
            if excess.quota in self.quotas.line(holding.tenant):
                units = self.holdings.units(holding.id)
                back += sum(unit.charge for unit in units)
                given.update(unit.kind.unit_class for unit in units)
                rest = {name: count - given[name] for name, count in classes.items()}
                if self.quotas.excess_of(ask.tenant, milli - back, rest) is None:
                    soonest = Estimate(ends_at, (), (holding.id,))
                    break
        message = explaining.when(explaining.why_over(excess), soonest, ())
        return Refused(ask.id, Constraint.QUOTA, message, estimate=soonest, quota=excess.quota)

    def _preempt(self, ask: Ask, found: Misfit | Excess, now: datetime) -> tuple[str, ...]:
        """End others' claims for it, where it may; their units are kept for it."""
        if isinstance(found, Excess) or not ask.may_preempt or len(ask.parts) != 1:
            return ()
        if ask.id in self.reservations:
            return ()
        milli, _ = self._least(ask)
        ask = self._pinned(ask)
        candidates = [
            one
            for one in self.holdings.preemptible()
            if gives_way(ask, one, self.quotas, milli=milli)
        ]
        eviction = evict(self._search(ask, ask.parts[0]), candidates) if candidates else None
        if eviction is None or self.quotas.excess(ask.tenant, eviction.units):
            return ()
        return self._carry_out(ask, eviction, now)

    def _carry_out(self, ask: Ask, eviction: Eviction, now: datetime) -> tuple[str, ...]:
        last = now
        for victim in eviction.victims:
            last = max(last, now + victim.grace)
            self.holdings.leave_by(victim.id, now + victim.grace)
        unit_ids = tuple(unit.id for unit in eviction.units)
        self.reservations.make(Reservation(ask.id, unit_ids, last))
        return tuple(victim.id for victim in eviction.victims)

    def _promise(self, now: datetime) -> None:
        """Keep units for those who have waited longest."""
        for place, ask in enumerate(self.waiting.in_order()):
            full = len(self.reservations) >= self._rules.reservations_max
            if full or place >= HEADS_LOOKED_AT:
                return
            waited = now - ask.asked_at >= self._rules.reserve_after
            if waited and len(ask.parts) == 1 and ask.id not in self.reservations:
                self._promise_to(self._pinned(ask))

    def _promise_to(self, ask: Ask) -> None:
        part = ask.parts[0]
        found = self._find(ask)
        if not isinstance(found, Misfit):
            return  # its quota is used up, or its turn has not come yet
        soonest = self._soonest(ask, part)
        if soonest is not None:
            made = Reservation(ask.id, soonest.unit_ids, soonest.start_at)
        else:
            made = Reservation(ask.id, self._some_day(ask, part), None)
        units = tuple(self.stock.unit(unit_id) for unit_id in made.unit_ids)
        if units and self.quotas.excess(ask.tenant, units) is None:
            self.reservations.make(made)

    def _some_day(self, ask: Ask, part: Part) -> tuple[str, ...]:
        """Units of the group with most free, where no end is known."""
        search = self._search(ask, part)
        for _, group in reversed(search.view.ranking(search.level).order[-HEADS_LOOKED_AT:]):
            pool = [u for u in self.stock.members(search.level, group) if search.would_do(u)]
            if len(pool) > POOL_MAX:
                return ()
            pool.sort(key=lambda unit: (not self.stock.is_free(unit.id), unit.name))
            if chosen := search.choose(pool):
                return tuple(unit.id for unit in chosen)
        return ()

    def _search(self, ask: Ask, part: Part) -> Search:
        return Search.of(self.stock, ask, part, self._near(ask)[Level.RACK])

    def _cancel(self, ask_id: str) -> None:
        if ask_id in self.reservations:
            self.reservations.cancel(ask_id)
            self.waiting.wake((ask_id,))


def _same_units(known: Holding, holding: Holding) -> bool:
    mine = (known.tenant, known.cluster, known.unit_ids)
    return mine == (holding.tenant, holding.cluster, holding.unit_ids)


def _holding(ask: Ask, units: tuple[Unit, ...], now: datetime) -> Holding:
    return Holding(
        id=ask.id,
        tenant=ask.tenant,
        unit_ids=tuple(unit.id for unit in units),
        since=now,
        cluster=ask.cluster,
        priority=ask.priority,
        preemptible=ask.preemptible,
        grace=ask.grace,
        ends_at=ask.ends(now),
    )
