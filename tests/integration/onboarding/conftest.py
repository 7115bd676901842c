"""A simulated hall for each test, and one of its hosts on record."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from inventory.applying import BMC_PASSWORD
from inventory.authority import Authority
from inventory.clock import SystemClock
from inventory.model import BmcAccess
from inventory.states import HostState
from inventory.store.protocol import Change
from pods import catalogue
from provisioning.simulator.clock import RealClock
from provisioning.simulator.hall import HallPlan
from provisioning.simulator.process import Hall, HallSettings
from tests.integration.onboarding.stage import Begin, Stage
from tests.make import make_host
from tests.migrated import fresh_store


@pytest.fixture
async def begin(tmp_path: Path) -> AsyncIterator[Begin]:
    closing: list[Any] = []

    async def begun(*faults: str) -> Stage:
        plan = HallPlan.from_spec(catalogue.load("lab-4"), seed=7, faults=faults)
        settings = HallSettings(
            state=tmp_path / "hall", clock=RealClock(speed=10), namespaces=False
        )
        hall = Hall(plan=plan, settings=settings)
        await hall.start()
        closing.append(hall)
        told = json.loads((tmp_path / "hall" / "hall.json").read_text())["hosts"][0]
        store, now = fresh_store(tmp_path), SystemClock().now()
        fence = store.take_lease(
            "provisioning", "me", now=now, until=now + timedelta(days=1), alone=True
        )
        assert fence is not None
        stage = Stage(store, fence, Authority.open(tmp_path / "authority", now=now))
        access = BmcAccess(
            address=told["bmc"], fingerprint=told["fingerprint"], username=told["username"]
        )
        host = make_host(serial=told["serial"], bmc=access, state=HostState.REGISTERING)
        sealed = stage.box.seal(host.id, BMC_PASSWORD, SecretStr(told["password"]))
        change = Change(insert=(host,), secrets={(host.id, BMC_PASSWORD): sealed})
        store.apply(change, now=now)
        return stage

    yield begun
    for hall in closing:
        await hall.stop()
