"""Dead and slow BMCs cost those that answer nothing; a small pod is done beside a large one."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field

import pytest

from inventory.model import Host
from inventory.turns import Turns
from provisioning.bench.virtual_time import VirtualLoop, run
from provisioning.pacing import Pacing
from tests.make import make_host

DEADLINE_S = 10.0
STEPS = 6
EXCHANGES = 2
LOOK_S = 0.1
HARDWARE_S = 10.0
"""Between two conversations: it starts, trains its memory, boots."""
RETRY_S = 5.0
TURNS = 4
"""Of the loop in one exchange of a service that has much to do."""
BURDEN_S = 0.005


@dataclass
class Hall:
    """Hosts that need so many conversations each, and a controller that does nothing but pace."""

    loop: VirtualLoop
    pacing: Pacing
    hosts: dict[str, Host]
    dead: frozenset[str] = frozenset()
    slow: frozenset[str] = frozenset()
    knees: dict[str, int] = field(default_factory=dict)
    """Rack to how many of its BMCs answer at once; beside more, none of those that came after."""
    burden_s: float = 0.0
    """What each turn of an exchange takes of the only core; nothing else goes on meanwhile."""
    seed: int = 1
    done_at_s: dict[str, float] = field(default_factory=dict)
    called_slow: set[str] = field(default_factory=set)
    most_at_work: int = 0
    _left: dict[str, int] = field(default_factory=dict)
    _due: dict[str, float] = field(default_factory=dict)
    _at_work: set[asyncio.Task[None]] = field(default_factory=set)
    _busy: set[str] = field(default_factory=set)
    _talking: Counter[str] = field(default_factory=Counter)

    async def bring_up(self) -> None:
        """Until everybody who answers is done."""
        self._left = dict.fromkeys(self.hosts, STEPS)
        self._due = dict.fromkeys(self.hosts, 0.0)
        turns = Turns()
        while self.hosts.keys() - self.dead - self.done_at_s.keys():
            now = self.loop.time()
            due = sorted((at, key) for key, at in self._due.items() if at <= now)
            turns.waiting((key, self.hosts[key].pod) for _, key in due)
            for key in turns.pick(self.pacing.free(), busy=self._busy):
                self._begin(key)
            await asyncio.sleep(LOOK_S)
        for task in self._at_work:
            task.cancel()
        await asyncio.gather(*self._at_work, return_exceptions=True)

    def _begin(self, key: str) -> None:
        if self.pacing.enter(self.hosts[key]) is not None:
            return
        self._busy.add(key)
        self.most_at_work = max(self.most_at_work, len(self._busy))
        task = asyncio.ensure_future(self._step(key))
        self._at_work.add(task)
        task.add_done_callback(self._at_work.discard)

    async def _step(self, key: str) -> None:
        try:
            answered = await self._talk(key)
        finally:
            self.called_slow.update(self.pacing.slow)
            self.pacing.leave(key)
            self._busy.discard(key)
        if not answered:
            self._due[key] = self.loop.time() + RETRY_S
            return
        self._left[key] -= 1
        if self._left[key]:
            self._due[key] = self.loop.time() + HARDWARE_S
        else:
            self.done_at_s[key] = self.loop.time()
            del self._due[key]

    async def _talk(self, key: str) -> bool:
        ear = self.pacing.ear(self.hosts[key])
        luck = random.Random(f"{self.seed}/{key}/{self._left[key]}")
        for _ in range(EXCHANGES):
            end = ear.begin("GET")
            if key in self.dead or self._is_beyond(key):
                await asyncio.sleep(DEADLINE_S)
                end(answered=False)
                return False
            rack = self.hosts[key].rack
            self._talking[rack] += 1
            await self._wait(8.0 if key in self.slow else luck.uniform(0.05, 0.3))
            self._talking[rack] -= 1
            end(answered=True)
        return True

    async def _wait(self, delay_s: float) -> None:
        turns = TURNS if self.burden_s else 1
        for _ in range(turns):
            await asyncio.sleep(delay_s / turns)
            self.loop.jump.elapsed_s += self.burden_s

    def _is_beyond(self, key: str) -> bool:
        rack = self.hosts[key].rack
        return self._talking[rack] >= self.knees.get(rack, len(self.hosts))


def hosts(count: int, *, pod: str = "lab") -> dict[str, Host]:
    """Hosts in racks of forty."""
    return {
        f"{pod}-{n}": make_host(
            id=f"{pod}-{n}", name=f"{pod}-h{n}", pod=pod, rack=f"{pod}-r{n // 40}"
        )
        for n in range(count)
    }


def brought_up(
    known: dict[str, Host],
    *,
    dead_share: float = 0.0,
    slow: int = 0,
    knees: dict[str, int] | None = None,
    burden_s: float = 0.0,
) -> tuple[Hall, list[float]]:
    """The hall afterwards, and when each host that answers well was done, in order."""
    keys = sorted(known)
    lots = random.Random(1)
    dead = frozenset(lots.sample(keys, round(dead_share * len(keys))))
    slow_ones = frozenset(lots.sample(sorted(set(keys) - dead), slow))

    async def main(loop: VirtualLoop) -> Hall:
        pacing = Pacing(most=1024, first=64)
        hall = Hall(loop, pacing, known, dead, slow_ones, knees or {}, burden_s)
        await hall.bring_up()
        return hall

    hall = run(main)
    healthy = sorted(at for key, at in hall.done_at_s.items() if key not in slow_ones)
    return hall, healthy


def p99(values: list[float]) -> float:
    """The ninety-ninth percentile."""
    return values[int(0.99 * len(values))]


@pytest.mark.parametrize("share", [0.01, 0.10])
def test_black_holed_bmcs_cost_the_others_less_than_a_hundredth(share: float) -> None:
    known = hosts(600)
    _, without = brought_up(known)
    hall, beside = brought_up(known, dead_share=share)
    assert len(beside) == len(known) - len(hall.dead)
    assert p99(beside) <= p99(without) * 1.01


def test_slow_bmcs_cost_the_others_less_than_a_hundredth() -> None:
    known = hosts(400)
    _, without = brought_up(known)
    hall, beside = brought_up(known, slow=40)
    assert p99(beside) <= p99(without) * 1.01
    assert len(hall.done_at_s) == len(known)


@pytest.mark.parametrize("count", [600, pytest.param(3000, marks=pytest.mark.long)])
def test_a_pod_of_five_is_done_long_before_one_of_thousands(count: int) -> None:
    large, small = hosts(count, pod="large"), hosts(5, pod="small")
    hall, _ = brought_up({**large, **small})
    last = max(hall.done_at_s[key] for key in small)
    alone = max(brought_up(hosts(5, pod="small"))[1])
    assert last < 1.1 * alone
    assert last < max(hall.done_at_s.values())


def test_a_rack_that_answers_three_at_once_is_done_and_costs_the_others_nothing() -> None:
    known = hosts(400)
    _, without = brought_up(known)
    hall, _ = brought_up(known, knees={"lab-r0": 3})
    others = sorted(at for key, at in hall.done_at_s.items() if known[key].rack != "lab-r0")
    own = max(at for key, at in hall.done_at_s.items() if known[key].rack == "lab-r0")
    assert p99(others) <= p99(without) * 1.01
    # Its own hosts wait out deadlines until its limit is found; they end all the same.
    assert own < 4 * max(without)


def test_a_service_that_is_behind_calls_no_bmc_slow_and_asks_no_more_at_once() -> None:
    known = hosts(600)
    hall, done = brought_up(known, burden_s=BURDEN_S)
    assert len(done) == len(known)
    assert not hall.called_slow
    # 0.35 s of the BMC's time and 40 ms of its own in each conversation: ten at once keep it busy.
    assert hall.most_at_work <= 128
    assert max(done) < 1.05 * len(known) * STEPS * EXCHANGES * TURNS * BURDEN_S


def test_black_holes_stand_beside_in_a_service_that_is_behind_too() -> None:
    known = hosts(600)
    _, without = brought_up(known, burden_s=BURDEN_S)
    hall, beside = brought_up(known, dead_share=0.05, burden_s=BURDEN_S)
    assert hall.called_slow <= hall.dead
    # One whose only conversation was nearly all our own delay is not called so yet.
    assert len(hall.called_slow) >= 0.9 * len(hall.dead)
    assert len(beside) == len(known) - len(hall.dead)
    assert p99(beside) <= p99(without) * 1.01


def test_one_late_answer_is_none_of_a_slow_bmc_and_a_dead_one_stands_beside_all_the_same() -> None:
    async def main(_loop: VirtualLoop) -> tuple[int, int, int]:
        pacing = Pacing(most=400, first=100)
        for host in (known := list(hosts(100).values())):
            assert pacing.enter(host) is None
        ends = [pacing.ear(host).begin("GET") for host in known]
        await asyncio.sleep(2.5)
        for end in ends[50:]:
            end(answered=False)
        after_one = len(pacing.slow)
        late_again = [pacing.ear(host).begin("GET") for host in known[90:]]
        await asyncio.sleep(1.2)
        late_twice = len(pacing.slow)
        for end in (*ends[:50], *late_again):
            end(answered=False)
        for host in known:
            pacing.leave(host.id)
        return after_one, late_twice, len(pacing.slow)

    assert run(main) == (0, 60, 60)


def test_a_bmc_that_was_late_and_mostly_answers_is_let_in_again() -> None:
    async def main(_loop: VirtualLoop) -> tuple[int, int]:
        pacing = Pacing(most=40, first=16)
        (host,) = hosts(1).values()
        assert pacing.enter(host) is None
        end = pacing.ear(host).begin("GET")
        await asyncio.sleep(4)
        end(answered=False)
        beside = len(pacing.slow)
        for _ in range(2):
            pacing.ear(host).begin("GET")(answered=True)
        pacing.leave(host.id)
        return beside, len(pacing.slow)

    assert run(main) == (1, 0)


async def test_who_lets_us_wait_gives_its_place_to_somebody_else() -> None:
    pacing = Pacing(most=40, first=2, time=lambda: 0.0)
    one, two, three = hosts(3).values()
    woken: list[bool] = []
    pacing.wake = lambda: woken.append(True)
    # A limit of two is below the least that a site may have: its bound is what holds.
    places = [pacing.enter(host) for host in (one, two, three)]
    assert places == [None, None, None]
    pacing.late(one.id)
    assert woken == [True]
    assert pacing.told()["beside"] == 1
    assert pacing.told()["sites"][one.site]["at_work"] == 2
    pacing.leave(one.id)
    assert pacing.told()["beside"] == 0
    assert pacing.enter(one) is None
    assert pacing.told()["beside"] == 1, "who was slow begins beside"
    pacing.leave(one.id)
    assert pacing.enter(one) is None
    assert pacing.told()["beside"] == 0, "and is let in again when it was not"


async def test_who_stands_beside_has_no_vote_on_how_many_there_may_be_in_the_room() -> None:
    pacing = Pacing(most=400, first=100, time=lambda: 0.0)
    known = list(hosts(80).values())
    slow = known[:60]
    for host in known:
        assert pacing.enter(host) is None
    for host in slow:
        pacing.late(host.id)
    for _ in range(200):
        for host in slow:
            pacing.ear(host).begin("GET")(answered=False)
    site = pacing.told()["sites"][known[0].site]
    assert site["at_once"] >= 100


async def test_a_slow_one_that_finds_no_place_is_told_why() -> None:
    pacing = Pacing(most=2, first=2, time=lambda: 0.0)
    one, two = hosts(2).values()
    for host in (one, two):
        pacing.late(host.id)
    assert pacing.enter(one) is None
    refusal = pacing.enter(two)
    assert refusal is not None
    assert refusal.is_its_own
    assert "its BMC is slow" in refusal.reason


async def test_what_asks_no_bmc_takes_no_place() -> None:
    pacing = Pacing(most=100, first=16, time=lambda: 0.0)
    known = list(hosts(40).values())
    inside = [host for host in known if pacing.enter(host) is None]
    assert len(inside) == 16
    pacing.step_aside(inside[0].id)
    assert pacing.free() == 1
    assert pacing.enter(known[-1]) is None
    pacing.leave(inside[0].id)
    assert pacing.free() == 0


async def test_a_frozen_rack_is_asked_less_and_the_others_are_not() -> None:
    pacing = Pacing(most=400, first=100, time=lambda: 0.0)
    known = list(hosts(80).values())
    for host in known:
        assert pacing.enter(host) is None
    for _ in range(200):
        for host in known:
            end = pacing.ear(host).begin("GET")
            end(answered=host.rack != "lab-r0")
    for host in known:
        pacing.leave(host.id)
    entered = [host.rack for host in known if pacing.enter(host) is None]
    assert entered.count("lab-r1") == 40
    assert entered.count("lab-r0") <= 8
    assert [one["rack"] for one in pacing.told()["racks_refusing"]] == ["lab-r0"]
