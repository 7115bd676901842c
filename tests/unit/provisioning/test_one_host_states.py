"""Whatever people, faults and crashes do to one host, in any order: what must never happen.

Hypothesis picks the order; `one_host` plays it on one host whose journal is the judge. Never is
something that cannot be undone done twice, nor in the middle of itself, nor to another host; never
does a host become ready with anything unverified since its last change; and when all the trouble
ends, the host ends ready or with a person.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from contextlib import ExitStack, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from inventory import holding
from inventory.errors import FenceLost
from inventory.model import CertificateRecord
from inventory.states import HostState, PowerState
from inventory.verbs import NotNow, Verb, Wish, fields_of
from provisioning.controller import Controller
from tests.make import make_facts
from tests.unit.provisioning.iron import WANTED_VERSION
from tests.unit.provisioning.one_host import Crash, Drawer, drawer, ended

CHANGES = {"intent.open", "intent.done", "host.bios.staged", "host.power.on", "host.configured"}
STEPS = settings(
    max_examples=300,
    stateful_step_count=20,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


class OneHost(RuleBasedStateMachine):
    """A host, what is done to it, and what must hold after each of it."""

    keys: ClassVar[Path | None] = None

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        if OneHost.keys is None:
            OneHost.keys = Path(tempfile.mkdtemp(prefix="podyard-one-host-"))
        self.one: Drawer = self.stack.enter_context(drawer(OneHost.keys))
        self.zombies: list[Controller] = []
        self.still_from: int | None = None

    @initialize(steps=st.integers(0, 34))
    def begin(self, steps: int) -> None:
        """Somewhere on the way."""
        self._steps(steps)

    # What happens

    @rule(count=st.integers(1, 6))
    def steps(self, count: int) -> None:
        self._steps(count)

    @rule(points=st.integers(1, 14), count=st.integers(1, 4))
    def crash(self, points: int, count: int) -> None:
        """The controller dies at some point of the next steps."""
        self.one.points.die_at = self.one.points.visited + points
        self._steps(count)

    @rule(fates=st.lists(st.sampled_from(["lost", "unsent", "well"]), min_size=1, max_size=3))
    def replies_are_lost(self, fates: list[str]) -> None:
        self.one.iron.fates.extend(fates)

    @rule(reads=st.integers(1, 4))
    def the_bmc_does_not_answer(self, reads: int) -> None:
        self.one.iron.deaf += reads

    @rule()
    def another_controller_takes_over(self) -> None:
        """The old one does not know yet."""
        self.zombies.append(self.one.controller)
        self.one.start()

    @rule()
    def a_controller_without_its_lease_goes_on(self) -> None:
        if not self.zombies:
            return
        before = self.one.host()
        flashes = len(self.one.iron.flashes)
        with suppress(FenceLost, Crash):
            asyncio.run(self.zombies.pop().stepping.guarded(before))
        assert self.one.host() == before, "it wrote although its lease was lost"
        assert len(self.one.iron.flashes) == flashes

    @rule(seconds=st.sampled_from([1, 30, 600, 4000]))
    def time_passes(self, seconds: int) -> None:
        self.one.clock.at += timedelta(seconds=seconds)

    @rule(power=st.sampled_from([PowerState.ON, PowerState.OFF]))
    def somebody_switches_it(self, power: PowerState) -> None:
        """Not in a flash: then it was not us who broke it."""
        iron = self.one.iron
        if not iron.flashing() and iron.power is not power:
            iron.power, iron.on_since = power, self.one.clock.at
            iron.boots += power is PowerState.ON

    @rule()
    def its_address_leads_to_another_host_for_a_while(self) -> None:
        self.one.iron.serial = "S2"
        self._steps(2)
        self.one.iron.serial = "S1"

    @rule(
        verb=st.sampled_from(
            [Verb.ABORT, Verb.PAUSE, Verb.RESUME, Verb.RETRY, Verb.QUARANTINE, Verb.RETRY]
        )
    )
    def a_person_says(self, verb: Verb) -> None:
        self._say(verb)

    @rule(place=st.sampled_from(["ready", "enrolled", "repairing"]))
    def a_person_wants(self, place: str) -> None:
        self.one.wish(target=place, paused="", quarantine="")
        self._watch_stillness()

    @rule(hold=st.booleans())
    def the_fleet_is_held_or_goes_on(self, *, hold: bool) -> None:
        if hold:
            holding.hold(self.one.store, None, reason="x", by="ann", now=self.one.clock.at)
        else:
            holding.release(self.one.store, None, by="ann", clock=self.one.clock)
        self._watch_stillness()

    # What must hold

    @invariant()
    def nothing_is_done_twice_nor_cut_off_nor_to_another(self) -> None:
        journal = self.one.iron.journal
        assert journal.count("flash BIOS of S1") <= 1, journal
        assert not [line for line in journal if line.startswith("CUT") or " of S2" in line]

    @invariant()
    def each_act_has_its_intent(self) -> None:
        intents = self.one.intents()
        assert len(self.one.iron.flashes) <= len(intents)
        assert len([intent for intent in intents if intent.state == "open"]) <= 1

    @invariant()
    def ready_is_what_was_verified_after_the_last_change(self) -> None:
        host = self.one.host()
        if host.state is not HostState.READY or not host.certificate_id:
            return
        said = self.one.store.get(CertificateRecord, host.certificate_id)
        iron = self.one.iron
        built = make_facts(firmware=dict(iron.firmware), bios=dict(iron.bios))
        assert said is not None
        assert said.facts_digest == built.digest()
        assert all(iron.firmware[name] == version for name, version in WANTED_VERSION.items())
        kinds = [event.kind for event in self.one.store.events(limit=1000)]
        last = max(n for n, kind in enumerate(kinds) if kind == "host.certified")
        assert not CHANGES & set(kinds[last:])

    @invariant()
    def whoever_holds_back_sees_nothing_done(self) -> None:
        if self.still_from is not None:
            assert len(self.one.iron.journal) == self.still_from, self.one.iron.journal

    def teardown(self) -> None:
        """The trouble ends: so must the host, in ready or with a person."""
        one = self.one
        one.iron.fates.clear()
        one.iron.deaf = 0
        one.points.die_at = 0
        holding.release(one.store, None, by="ann", clock=one.clock)
        self._say(Verb.RETRY)
        one.wish(target="ready")
        self.still_from = None
        one.run(ended)
        self.nothing_is_done_twice_nor_cut_off_nor_to_another()
        self.ready_is_what_was_verified_after_the_last_change()
        self.stack.close()

    # How it is done

    def _steps(self, count: int) -> None:
        for _ in range(count):
            self.one.step()

    def _say(self, verb: Verb) -> None:
        host = self.one.host()
        wish = Wish(verb, by="ann", at=self.one.clock.at, why="x")
        found: Any = fields_of(wish, host)
        if not isinstance(found, NotNow):
            self.one.wish(**found)
        self._watch_stillness()

    def _watch_stillness(self) -> None:
        """From when somebody holds back on, the journal must not grow."""
        host = self.one.host()
        held = holding.held(self.one.store, None) is not None
        back = bool(host.paused or host.quarantine) or held
        if not back:
            self.still_from = None
        elif self.still_from is None:
            self.still_from = len(self.one.iron.journal)


RUNS = int(os.environ.get("PODYARD_ONE_HOST_RUNS", "20000"))
"""A thousand take a minute of one core. `--hypothesis-seed=N` repeats a night."""


class LongOneHost(OneHost):
    """The same, for a night."""


TestOneHost = OneHost.TestCase
TestOneHost.settings = STEPS
TestLongOneHost = pytest.mark.long(pytest.mark.timeout(6 * 3600)(LongOneHost.TestCase))
TestLongOneHost.settings = settings(STEPS, max_examples=RUNS)
