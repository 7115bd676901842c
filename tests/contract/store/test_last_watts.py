"""The last watts of a feed go to one host, whoever asks at once: pods and controllers add up."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, cast

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from inventory.clock import SystemClock
from inventory.errors import StaleWrite
from inventory.model import Host, Pod
from inventory.secrets import SecretBox
from inventory.states import HostState, PowerState
from inventory.store.protocol import Change
from inventory.store.sql import SqlStore
from pods.keys import SigningKey
from pods.power import PowerPhase, reserved_watts
from pods.spec import PodSpec
from provisioning.acts.recorder import Recorder
from provisioning.acts.watts import Watts
from provisioning.admission import Ledger
from provisioning.context import load_context
from provisioning.faultpoints import FaultPoints
from provisioning.podmaps import PodMaps
from provisioning.settings import ProvisioningSettings
from provisioning.world import World
from tests.make import NOW, lab, make_host

either = pytest.mark.parametrize(
    "url", ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)], indirect=True
)
POWER = lab().host_types["lab-cpu"].power
STARTING = int(reserved_watts(POWER, PowerPhase.STARTING))
STANDBY = int(reserved_watts(POWER, PowerPhase.STANDBY))


class Still(SystemClock):
    """Always now."""

    def now(self) -> Any:
        """The tests' moment."""
        return NOW


async def inline(call: Any, *arguments: Any, **named: Any) -> Any:
    return call(*arguments, **named)


def spec_of(name: str, *, feed_b: str = "") -> PodSpec:
    """Room on feed a for one start and a standby; other hosts may hang there by their second."""
    spec = lab()
    feed = spec.feeds["a"].model_copy(
        update={
            "rated_amps": (STARTING + STANDBY + 1) / 100,
            "volts": 100.0,
            "continuous_limit": 1.0,
        }
    )
    feeds = {"a": feed, **({"z": feed} if feed_b else {})}
    rack = spec.racks[0]
    slot = rack.slots[0]
    if feed_b:
        slot = slot.model_copy(update={"feed": "z", "feed_b": feed_b})
    racks = (rack.model_copy(update={"slots": (slot,), "name": f"rack-{name}"}),)
    return spec.model_copy(update={"name": name, "feeds": feeds, "racks": racks})


def enrol(store: SqlStore, name: str, spec: PodSpec) -> None:
    """A pod with one host that wants its power now."""
    slot = spec.racks[0].slots[0]
    pod = Pod(
        name=name,
        site="here",
        spec=spec.identity,
        spec_digest=spec.digest(),
        spec_document=spec.model_dump(mode="json"),
        simulated=True,
        created_at=NOW,
    )
    host = make_host(
        id=f"{name}-1",
        name=f"{name}-1",
        serial=f"{name}-1",
        pod=name,
        rack=spec.racks[0].name,
        slot=slot.slot,
        feed=slot.feed,
        feed_b=slot.feed_b or "",
        state=HostState.BOOTING,
        power=PowerState.OFF,
        reserved_watts=STANDBY,
        wake_at=NOW + timedelta(days=1),
    )
    store.apply(Change(insert=(pod, host)), now=NOW)


class Controller:
    """As much of one as grants watts."""

    def __init__(self, store: SqlStore, name: str) -> None:
        self.store = store
        lease = store.join("provisioning", name, now=NOW, valid=timedelta(minutes=5), alone=False)
        assert lease is not None
        self.fence = lease
        key = SigningKey(
            Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"k").digest()), purpose="simulated"
        )
        self.world = World(
            store=store,
            secrets=SecretBox(hashlib.sha256(b"t").digest()),
            clock=Still(),
            bmcs=cast("Any", None),
            door=cast("Any", None),
            player=cast("Any", None),
            signing_key=key,
            simulated_key=key,
            settings=ProvisioningSettings(),
            faults=FaultPoints(),
            in_thread=inline,
        )
        self.maps = PodMaps(self.world, alone=False)
        self.watts = Watts(self.world, Recorder(self.world, lease, self.maps), self.maps)

    def meet(self, both_looked: asyncio.Barrier) -> None:
        """Grant only when the other one has looked too."""
        read = self.watts._feeds.ledger

        async def look(host: Host, context: Any) -> Ledger:
            found = await read(host, context)
            await both_looked.wait()
            return found

        self.watts._feeds.ledger = look  # type: ignore[method-assign]

    async def ask(self, host_id: str) -> Host:
        """One try of one host."""
        self.store.wake_hosts(now=NOW, host_id=host_id)
        self.store.take_due(self.fence, now=NOW, limit=1, busy=(), rested=())
        host = self.store.get(Host, host_id)
        assert host is not None
        context = await load_context(self.world, self.maps, host)
        return (await self.watts.reserve(host, STARTING, context)).host


def granted(store: SqlStore, ids: Sequence[str]) -> list[str]:
    """Who holds an inrush now."""
    hosts = store.get_many(Host, ids)
    return [key for key in ids if hosts[key].reserved_watts >= STARTING]


@either
def test_two_controllers_that_saw_the_same_room_give_it_once(
    store: SqlStore, second: SqlStore
) -> None:
    for name in ("one", "two"):  # two pods on one feed, each in another controller's hands
        enrol(store, name, spec_of(name))

    async def both() -> list[Host | BaseException]:
        barrier = asyncio.Barrier(2)
        first, other = Controller(store, "a"), Controller(second, "b")
        first.meet(barrier)
        other.meet(barrier)
        asked = (first.ask("one-1"), other.ask("two-1"))
        return await asyncio.gather(*asked, return_exceptions=True)

    told = asyncio.run(both())
    assert len(granted(store, ("one-1", "two-1"))) == 1, told
    assert [type(one) for one in told if isinstance(one, BaseException)] == [StaleWrite]


@either
def test_who_looks_again_is_told_what_the_other_pod_took(store: SqlStore, second: SqlStore) -> None:
    for name in ("one", "two"):
        enrol(store, name, spec_of(name))
    asyncio.run(Controller(store, "a").ask("one-1"))
    left = asyncio.run(Controller(second, "b").ask("two-1"))
    assert granted(store, ("one-1", "two-1")) == ["one-1"]
    assert left.waiting.startswith("waiting for power: feed a carries")


@either
def test_another_pods_host_counts_on_the_feed_of_its_second_supply_too(
    store: SqlStore, second: SqlStore
) -> None:
    enrol(store, "one", spec_of("one"))
    enrol(store, "two", spec_of("two", feed_b="a"))
    taken = asyncio.run(Controller(second, "b").ask("two-1"))
    assert taken.reserved_watts == STARTING
    left = asyncio.run(Controller(store, "a").ask("one-1"))
    assert left.waiting.startswith("waiting for power: feed a carries")
