"""Cooling units that leak: two looks that agree close the loop, and only a person opens it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from inventory.errors import FenceLost
from inventory.model import Pod
from inventory.places import Equipment
from inventory.store.memory import MemoryStore
from inventory.store.protocol import Change
from pods import catalogue
from pods.facts import LeakDetectorFact
from provisioning.bench.virtual_time import inline
from provisioning.cooling.listed import CoolingUnit, read_units
from provisioning.cooling.watching import CoolingWatch, World
from provisioning.drivers.credentials import BmcMisconfigured
from provisioning.errors import BmcUnreachable
from provisioning.livepod import LivePod
from provisioning.poddesign import design_of
from tests.make import NOW, make_host, make_pod

UNIT = CoolingUnit(
    name="lab-r1-cdu",
    address="redfish+https://127.0.0.1:1",
    username="reader",
    password=SecretStr("secret-of-the-unit"),
    fingerprint="sha256:" + "0" * 64,
)


class Still:
    """Nothing waits."""

    def now(self) -> datetime:
        return NOW

    async def sleep(self, seconds: float) -> None:
        assert seconds > 0


class Says:
    """A unit that says these, look after look; None: it does not answer."""

    def __init__(self, *states: str | None) -> None:
        self.states = list(states)

    async def leak_detectors(self) -> tuple[LeakDetectorFact, ...]:
        state = self.states.pop(0)
        if state is None:
            raise BmcUnreachable("no answer")
        return (
            LeakDetectorFact(slot="Floor", state="OK"),
            LeakDetectorFact(slot="Drip", state=state),
        )

    async def close(self) -> None:
        """Nothing to close."""


def record(**fields: Any) -> Equipment:
    known = {"id": "e1", "kind": "cdu", "name": UNIT.name, "site": "here", "pod": "lab"}
    return Equipment.model_validate({**known, "rack": "r1", **fields})


async def looked(*states: str | None, kept: Equipment | None = None) -> tuple[MemoryStore, Any]:
    """One look at a unit on record."""
    store, changed = MemoryStore(), dict[str, datetime]()
    store.apply(Change(insert=(kept or record(),)), now=NOW)
    fence = store.take_lease("cooling", "t", now=NOW, until=NOW + timedelta(hours=1), alone=True)
    assert fence is not None
    world = World(store, Still(), inline, fence, (UNIT,), lambda _unit: Says(), 10.0, changed)  # type: ignore[arg-type]
    await CoolingWatch(world).look(UNIT, Says(*states))
    return store, changed


def leak_of(store: MemoryStore) -> str:
    found = store.get(Equipment, "e1")
    assert found is not None
    return found.leak


async def test_two_looks_that_see_liquid_close_the_loop_and_tell_it() -> None:
    store, changed = await looked("Critical", "Critical")

    assert leak_of(store) == "leak detector Drip sees liquid"
    (event,) = store.events(kind="loop.leak")
    assert (event.old, event.why) == (UNIT.name, "leak detector Drip sees liquid")
    assert changed == {"lab": NOW}


@pytest.mark.parametrize(
    "states", [("OK",), ("Critical", "OK"), ("Warning",), (None,), ("Critical", None)]
)
async def test_one_look_and_no_answer_close_nothing(states: Sequence[str | None]) -> None:
    store, changed = await looked(*states)

    assert leak_of(store) == ""
    assert not changed


async def test_a_watch_whose_lease_is_another_one_s_says_so_and_ends_no_service() -> None:
    store = MemoryStore()
    store.apply(Change(insert=(record(),)), now=NOW)
    earlier = store.take_lease("cooling", "t", now=NOW, until=NOW + timedelta(hours=1), alone=True)
    assert earlier is not None
    late, till = NOW + timedelta(hours=2), NOW + timedelta(hours=9)
    store.take_lease("cooling", "another", now=late, until=till, alone=True)
    units = (UNIT, UNIT.model_copy(update={"name": "another"}))
    wet = Says("Critical", "Critical")
    world = World(store, Still(), inline, earlier, units, lambda _unit: wet, 10.0, {})  # type: ignore[arg-type]

    with pytest.raises(FenceLost):
        await asyncio.wait_for(CoolingWatch(world).run(), 5.0)


@pytest.mark.parametrize("states", [("OK",), (None,), ("Critical", "Critical")])
async def test_only_a_person_opens_a_loop(states: Sequence[str | None]) -> None:
    store, _ = await looked(*states, kept=record(leak="coolant under the manifold"))

    assert leak_of(store) == "coolant under the manifold"
    assert not store.events(kind="loop.leak")


def test_a_unit_closes_the_loop_of_its_rack_and_no_other() -> None:
    spec = catalogue.load("hgx-b200-8-liquid")
    pod: Pod = make_pod().model_copy(
        update={"spec_document": spec.document(), "spec_digest": spec.digest()}
    )
    live = LivePod(pod, design_of(pod))
    (rack, slot) = spec.slots()[0]
    cooled = make_host(rack=rack.name, slot=slot.slot, host_type=slot.host_type)
    elsewhere = make_host(rack="r99", slot=slot.slot, host_type=slot.host_type)

    assert live.leak_near(cooled) == ""
    live.read_units([record(rack=rack.name, leak="wet")])
    assert live.leak_near(cooled) == f"{UNIT.name}, wet"
    assert live.leak_near(elsewhere) == ""
    live.read_units([record(rack=rack.name)])
    assert live.leak_near(cooled) == ""


def listed(path: Path, content: str, *, mode: int = 0o600) -> Path:
    path.write_text(content)
    path.chmod(mode)
    return path


def test_units_are_read_from_a_file_for_the_service_alone(tmp_path: Path) -> None:
    told = UNIT.model_dump(mode="json") | {"password": "secret-of-the-unit"}
    path = listed(tmp_path / "units.json", json.dumps([told]))

    assert read_units(path) == (UNIT,)
    assert read_units(None) == ()
    with pytest.raises(BmcMisconfigured, match="others may read"):
        read_units(listed(path, json.dumps([told]), mode=0o640))
    with pytest.raises(BmcMisconfigured, match=r"0\.address") as refused:
        read_units(listed(path, json.dumps([told | {"address": "http://secret-of-the-unit"}])))
    assert "secret-of-the-unit" not in str(refused.value)
    for wrong in (
        {"fingerprint": "sha256:12"},
        {"fingerprint": "secret-of-the-unit"},
        {"address": "redfish+https://127.0.0.1:99999999"},
        {"address": "redfish+https://x:secret-of-the-unit@127.0.0.1"},
    ):
        with pytest.raises(BmcMisconfigured, match=rf"0\.{next(iter(wrong))}") as refused:
            read_units(listed(path, json.dumps([told | wrong])))
        assert "secret-of-the-unit" not in str(refused.value)
    with pytest.raises(BmcMisconfigured, match="cannot be read"):
        read_units(tmp_path / "nothing.json")
