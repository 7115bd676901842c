"""Whatever happens in whatever order, no rule of topology, quota or ownership is ever broken.

The judge of the bench tells the rules a second time and shares no code with the allocator. And who
waits although it would fit is as wrong as who got too much: after each look nobody does.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from runtime.allocation.allocator import Rules
from runtime.allocation.answer import Placed
from runtime.allocation.ask import Ask, Part
from runtime.allocation.quota import Quota
from runtime.allocation.unit import Bar, Constraint, Level, Unit
from runtime.bench.judge import Judge
from tests.unit.runtime.allocation.makers import NOW, ask, part, site, unit

TENANTS = ("a1", "a2", "b1", "b2", "b3")
"""Quotas are set for the first two and for what is above them; nothing bounds the others."""

PARENTS = {name: f"org{name[0]}" for name in TENANTS}
RATINGS = (700, 900, 1000)


def fleet() -> list[Unit]:
    """Two sites; racks of four hosts on two feeds, and a rack that is one domain of six trays."""
    found = []
    for number in range(16):
        # Pods meet in the middle of a rack, so that one rack is not always one pod.
        place = {"site": f"s{number // 12}", "pod": f"p{number // 6}", "leaf": f"l{number // 8}"}
        found.append(
            unit(
                f"h{number:02}",
                **place,
                rack=f"r{number // 4}",
                feed=f"r{number // 4}-{'ab'[number % 2]}",
                milli=RATINGS[number % 3],
                owned=number % 8 != 0,
            )
        )
    found += [
        unit(f"t{n}", unit_class="gb200", site="s0", pod="pg", leaf="lg", rack="rg", domain="dg",
             feed=f"g-{'ab'[n % 2]}", milli=1000 + 100 * (n % 2))
        for n in range(6)
    ]  # fmt: skip
    return found


PARTS = st.one_of(
    st.builds(
        lambda count, within, feeds, classes, owned: part(
            count, within=within, feeds_min=min(feeds, count), classes=classes, owned=owned
        ),
        st.integers(1, 8),
        st.sampled_from(Level),
        st.sampled_from([1, 1, 1, 2, 3]),
        st.sampled_from([("b200",), ("b200",), ("gb200",), ("b200", "gb200")]),
        st.sampled_from([None, None, True]),
    ),
    st.builds(
        lambda milli, within, classes: part(milli=milli, within=within, classes=classes),
        st.integers(500, 6000),
        st.sampled_from(Level),
        st.sampled_from([("b200",), ("gb200",), ()]),
    ),
)


class AnyOrder(RuleBasedStateMachine):
    """Events of every kind, and the judge after each."""

    def __init__(self) -> None:
        super().__init__()
        self.fleet = fleet()
        self.allocator = site(
            *self.fleet, rules=Rules(reserve_after=timedelta(minutes=1), reservations_max=2)
        )
        self.judge = Judge(self.fleet, [])
        self.asks: dict[str, Ask] = {}
        self.now = NOW
        self.number = 0
        for unit_class, count in (("b200", 13), ("gb200", 5)):  # nearly full from the start
            for _ in range(count):
                self.decide(part(1, classes=(unit_class,)), tenant="b3")

    def decide(self, *parts: Part, tenant: str, **changes: Any) -> None:
        self.number += 1
        name = f"c{self.number:03}"
        cluster = changes.pop("cluster", "") or name
        wanted = ask(name, *parts, tenant=tenant, at=self.now, cluster=cluster, **changes)
        self.asks[name] = wanted
        answer = self.allocator.decide(wanted, self.now)
        if isinstance(answer, Placed):
            self.given([answer])
            return
        assert "hint: " in answer.message
        assert name in self.allocator.waiting
        again = self.allocator.explain(name)
        assert again is not None
        assert again.message

    def quota(self, name: str, **changes: Any) -> None:
        quota = Quota(name, parent=PARENTS.get(name, ""), **changes)
        self.allocator.quota_seen(quota)
        self.judge.quotas[name] = quota
        self.judge.recount()

    def given(self, answers: list[Placed]) -> None:
        for answer in answers:
            self.judge.given(self.asks[answer.ask_id], answer, self.now)

    @rule(
        parts=st.one_of(
            st.tuples(PARTS), st.tuples(PARTS), st.tuples(PARTS), st.tuples(PARTS, PARTS)
        ),
        tenant=st.sampled_from(TENANTS),
        together=st.sampled_from([Level.SITE, Level.SITE, Level.POD]),
        priority=st.integers(0, 2),
        flags=st.tuples(st.booleans(), st.booleans()),
        minutes=st.sampled_from([None, 1, 10, 60]),
        cluster=st.sampled_from(["", "", "", "main"]),
        times=st.integers(1, 3),
    )
    def asks_for(
        self,
        parts: tuple[Part, ...],
        tenant: str,
        together: Level,
        priority: int,
        flags: tuple[bool, bool],
        minutes: int | None,
        cluster: str,
        times: int,
    ) -> None:
        for _ in range(times):
            self.decide(
                *parts,
                tenant=tenant,
                together=together if len(parts) > 1 else Level.SITE,
                priority=priority,
                preemptible=flags[0],
                may_preempt=flags[1],
                grace=timedelta(minutes=1),
                lasts=timedelta(minutes=minutes) if minutes else None,
                cluster=cluster,
            )

    @precondition(lambda self: self.judge.holders())
    @rule(data=st.data(), times=st.integers(1, 4))
    def ends(self, data: st.DataObject, times: int) -> None:
        for _ in range(min(times, len(self.judge.holders()))):
            claim = data.draw(st.sampled_from(sorted(self.judge.holders())))
            self.judge.ended(claim)
            self.allocator.ended(claim)

    @precondition(lambda self: len(self.allocator.waiting))
    @rule(data=st.data())
    def withdraws(self, data: st.DataObject) -> None:
        waiting = sorted(one.id for one in self.allocator.waiting.in_order())
        self.allocator.withdrawn(data.draw(st.sampled_from(waiting)))

    @rule(place=st.integers(0, 21), what=st.sampled_from([None, *Constraint][:6]))
    def a_unit_changes(self, place: int, what: Constraint | None) -> None:
        one = replace(self.fleet[place], bar=Bar(what) if what else None)
        self.fleet[place] = self.judge.units[one.id] = one
        self.allocator.unit_seen(one)

    @rule(place=st.integers(0, 21), minutes=st.integers(-5, 120))
    def is_certified_anew(self, place: int, minutes: int) -> None:
        one = replace(self.fleet[place], certified_until=self.now + timedelta(minutes=minutes))
        self.fleet[place] = self.judge.units[one.id] = one
        self.allocator.unit_seen(one)

    @rule(name=st.sampled_from(["a1", "a2", "orga"]), milli=st.sampled_from([None, 2000, 6000]),
          weight=st.sampled_from([1.0, 2.0]), most=st.sampled_from([{}, {"b200": 3}]),
          guaranteed=st.sampled_from([0, 3000]))  # fmt: skip
    def a_quota_is_set(
        self, name: str, milli: int | None, weight: float, most: Any, guaranteed: int
    ) -> None:
        self.quota(
            name, limit_milli=milli, weight=weight, units_max=most, guaranteed_milli=guaranteed
        )

    @rule(minutes=st.integers(0, 90))
    def time_goes_on(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)
        self.allocator.advance(self.now)

    @rule()
    def looks(self) -> None:
        self.given(self.allocator.serve(self.now))
        for waiting in self.allocator.waiting.in_order():
            assert not self.would_fit(waiting), f"{waiting} waits although it fits"

    def would_fit(self, wanted: Ask) -> bool:
        """By force: every group of every level. Asks whose quota may matter are left out."""
        bounded = {wanted.tenant, PARENTS[wanted.tenant]} & self.judge.quotas.keys()
        if bounded or len(wanted.parts) > 1 or wanted.cluster == "main":
            return False
        if self.allocator.reservations.ready(wanted.id):
            return True
        one = wanted.parts[0]
        groups: dict[str, list[Unit]] = {}
        for free in self.fleet:
            right = (
                not one.choice.classes or free.kind.unit_class in one.choice.classes
            ) and one.choice.owned in {None, free.kind.owned}
            if right and self.allocator.stock.is_free(free.id):
                groups.setdefault(free.at(one.within), []).append(free)
        return any(fits(one, members) for members in groups.values())

    @invariant()
    def nothing_is_wrong(self) -> None:
        assert self.judge.violations == []

    @invariant()
    def both_agree_on_who_holds_what(self) -> None:
        mine = {claim: self.allocator.holdings.get(claim) for claim in self.judge.holders()}
        assert None not in mine.values()
        assert len(self.allocator.holdings) == len(mine)
        for name, quota in self.judge.quotas.items():
            assert self.allocator.quotas.used_milli(name) == self.judge.used_milli(quota.name)

    @invariant()
    def what_is_kept_is_promised(self) -> None:
        for one in self.fleet:
            why = self.allocator.stock.why(one.id)
            if why is not None and why.constraint is Constraint.RESERVED:
                promised = self.allocator.stock.reserved_for(one.id)
                assert promised in self.allocator.reservations
                assert promised in self.allocator.waiting

    @invariant()
    def every_view_is_right(self) -> None:
        stock = self.allocator.stock
        for view in stock.views():
            free = [u for u in self.fleet if stock.is_free(u.id) and view.choice.takes(u.kind)]
            for level in Level:
                want: Counter[str] = Counter()
                for one in free:
                    want[one.at(level)] += view.weight(one)
                ranking = view.ranking(level)
                assert ranking.totals == {k: v for k, v in want.items() if k and v}
                assert ranking.order == sorted((v, k) for k, v in ranking.totals.items())


def fits(one: Part, members: list[Unit]) -> bool:
    """True when some choice of these units is what the part wants."""
    if one.b200e_milli:
        return sum(u.ratings["decode"] for u in members) >= one.b200e_milli
    feeds = Counter(u.feed for u in members)
    even = -(-one.count // one.feeds_min)
    most = len(members) if one.feeds_min == 1 else even
    return sum(min(n, most) for n in feeds.values()) >= one.count and len(feeds) >= one.feeds_min


AnyOrder.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestAnyOrder = AnyOrder.TestCase
