"""A BMC reports another part: the certificate is suspended once, whatever happens in between."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, cast

import pytest
from pydantic import SecretStr

from inventory.errors import StoreUnavailable
from inventory.model import AgentSeen, CertificateRecord, ComputeUnit, Event, Host
from inventory.parts import Part
from inventory.states import HostState, PowerState, UnitState
from inventory.store.protocol import Change
from inventory.store.sql import SqlStore
from pods.facts import AcceleratorFact, HardwareFacts
from provisioning.bmcs import BmcPool
from provisioning.context import unit_id
from provisioning.controller import Controller
from provisioning.faultpoints import FaultPoints
from provisioning.settings import ProvisioningSettings
from provisioning.world import World
from tests.make import NOW, lab, make_agent, make_facts, make_host, make_pod
from tests.unit.provisioning.certified import certified, envelope_about
from tests.unit.provisioning.hands import Hands

GPU = AcceleratorFact(slot="GPU.1", model="Lab Accelerator", memory_gib=16, serial="A")
BUILT = make_facts(accelerators=(GPU,))
SWAPPED = make_facts(accelerators=(GPU.model_copy(update={"serial": "B"}),))
PERIOD_S = 60.0


@dataclass
class ReadBmc:
    """A BMC that is only read."""

    answer: HardwareFacts = BUILT
    readings: int = 0

    async def power(self) -> PowerState:
        """On."""
        return PowerState.ON

    async def facts(self) -> HardwareFacts:
        """What is built in by now."""
        self.readings += 1
        return self.answer

    async def close(self) -> None:
        """Nothing to close."""


@dataclass
class Stage:
    """One ready, certified host and the loop that watches it."""

    store: SqlStore
    bmc: ReadBmc
    clock: Hands
    controller: Controller
    away: list[Exception] = field(default_factory=list)

    def host(self) -> Host:
        """The record as it is."""
        found = self.store.get(Host, "host-1")
        assert found is not None
        return found

    def certificate(self) -> CertificateRecord:
        """The certificate as it is."""
        found = self.store.get(CertificateRecord, "c1")
        assert found is not None
        return found

    def unit(self) -> ComputeUnit:
        """The unit as it is."""
        found = self.store.get(ComputeUnit, unit_id(self.host()))
        assert found is not None
        return found

    def told(self, kind: str) -> list[Event]:
        """Events of one kind."""
        return [event for event in self.store.events() if event.kind == kind]

    def watch(self, times: int = 1) -> None:
        """Steps, each when the host is due, without a trace of the one before."""
        for _ in range(times):
            host = self.host()
            self.clock.at = max(self.clock.at, self.controller.resting.until(host))
            asyncio.run(self.controller.stepping.step(host))


def unit(**changes: Any) -> ComputeUnit:
    whole = {
        "id": unit_id(make_host()),
        "name": "r1-h1-u0",
        "pod": "lab",
        "site": "here",
        "unit_class": "lab-cpu",
        "accelerators": 1,
        "host_ids": ("host-1",),
        "certificate_ids": ("c1",),
        "rating": certified(BUILT).rating,
        "labels": {},
        "simulated": True,
        **changes,
    }
    return ComputeUnit.model_validate(whole)


def certificate() -> CertificateRecord:
    said = certified(BUILT)
    return CertificateRecord(
        id="c1",
        host_id="host-1",
        host="r1-h1",
        envelope=envelope_about(BUILT).model_dump(mode="json", by_alias=True),
        issued_at=said.issued_at,
        expires_at=said.expires_at,
        simulated=True,
        facts_digest=BUILT.digest(),
    )


@pytest.fixture
def stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    """The unit's state and claim come from the test's parameter, where it has one."""
    store, clock, bmc = SqlStore.open("sqlite://"), Hands(), ReadBmc()
    host = make_host(
        state=HostState.READY,
        certificate_id="c1",
        facts=BUILT,
        configured_boot_id="b1",
        power=PowerState.ON,
    )
    spec = lab()
    pod = make_pod(spec_document=spec.model_dump(mode="json"))
    offered = unit(**getattr(request, "param", {}))
    store.apply(Change(insert=(pod, host, make_agent(), certificate(), offered)), now=NOW)
    until = NOW + timedelta(days=1)
    fence = store.take_lease("provisioning", "me", now=NOW, until=until, alone=False)
    assert fence is not None
    away: list[Exception] = []

    async def opened(_host: Host, _password: SecretStr) -> Any:
        return bmc

    async def password(_host: Host) -> SecretStr:
        return SecretStr("x")

    async def here(call: Any, /, *args: Any, **kwargs: Any) -> Any:
        if away and call == store.apply:
            raise away.pop()
        return call(*args, **kwargs)

    world = World(
        store=store,
        secrets=cast("Any", None),
        clock=clock,
        bmcs=BmcPool(opened, password),
        door=cast("Any", None),
        player=cast("Any", None),
        signing_key=cast("Any", None),
        simulated_key=cast("Any", None),
        settings=ProvisioningSettings(inspect_every_s=PERIOD_S),
        faults=FaultPoints(),
        in_thread=cast("Any", here),
    )
    yield Stage(store, bmc, clock, Controller(world, fence), away)
    store.close()


def until_read(stage: Stage) -> None:
    """Once whole: from then on it is known which parts sit where."""
    while stage.bmc.readings == 0:
        stage.watch()


def until_suspended(stage: Stage) -> None:
    for _ in range(10):
        if stage.certificate().suspended:
            return
        stage.watch()
    raise AssertionError("ten watches suspended nothing")


def test_a_swapped_accelerator_suspends_once_and_the_host_is_accepted_again(stage: Stage) -> None:
    until_read(stage)
    assert not stage.certificate().suspended
    stage.bmc.answer = SWAPPED

    until_suspended(stage)
    stage.watch(3)

    [cause] = stage.certificate().suspended
    assert cause.what == "accelerator GPU.1: A was certified, B is there"
    assert stage.certificate().envelope == certificate().envelope
    assert len(stage.told("certificate.suspended")) == 1
    [part] = stage.told("part.changed")
    assert (part.subject, part.old, part.new) == ("host:r1-h1", "A", "B")
    stays = {p.serial: p.present for p in stage.store.find(Part) if p.slot == "gpu/GPU.1"}
    assert stays == {"A": False, "B": True}
    assert stage.unit().state is UnitState.WITHDRAWN
    assert len(stage.told("unit.withdrawn")) == 1
    assert stage.host().facts == SWAPPED
    assert stage.host().state in {HostState.DRAINING, HostState.CLEANING}
    assert stage.host().certificate_id == ""


def test_one_wrong_answer_of_a_bmc_costs_nobody_a_host(stage: Stage) -> None:
    stage.bmc.answer = make_facts(accelerators=())
    while not stage.host().doubt:
        stage.watch()
    stage.bmc.answer = BUILT
    stage.watch(5)

    assert not stage.host().doubt
    assert not stage.certificate().suspended
    assert stage.unit().state is UnitState.AVAILABLE
    assert not stage.told("part.changed")


@pytest.mark.parametrize("stage", [{"state": UnitState.CLAIMED, "claim": "k1"}], indirect=True)
def test_the_tenant_of_a_suspended_host_is_not_evicted(stage: Stage) -> None:
    stage.bmc.answer = SWAPPED
    until_suspended(stage)
    stage.watch(5)

    assert stage.host().state is HostState.DRAINING
    assert stage.host().waiting == "a claim still holds this host's unit"
    assert (stage.unit().state, stage.unit().claim) == (UnitState.DRAINING, "k1")


def test_a_database_that_was_away_while_suspending_leaves_nothing_or_all(stage: Stage) -> None:
    until_read(stage)
    stage.bmc.answer = SWAPPED
    while not stage.host().doubt:
        stage.watch()
    stage.away.append(StoreUnavailable("away"))
    with pytest.raises(StoreUnavailable):
        stage.watch()
    assert not stage.certificate().suspended
    assert stage.unit().state is UnitState.AVAILABLE
    assert not stage.told("part.changed")

    until_suspended(stage)
    stage.watch(2)

    assert len(stage.told("certificate.suspended")) == 1
    assert len(stage.told("part.changed")) == 1


def test_a_host_that_started_again_by_itself_is_accepted_again(stage: Stage) -> None:
    agent = stage.store.get(AgentSeen, "host-1")
    assert agent is not None
    assert agent.observed is not None
    observed = agent.observed.model_copy(update={"boot_id": "b2"})
    again = agent.model_copy(update={"observed": observed})
    stage.store.apply(Change(replace=(again,)), now=NOW)

    stage.watch(2)

    assert [one.rule for one in stage.certificate().suspended] == ["restarted"]
    assert stage.host().state is HostState.DRAINING
