"""A host without a BMC, over a real sshd: registered and read, and its power is never claimed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from pydantic import SecretStr

from inventory.clock import SystemClock
from inventory.model import BmcAccess, Host
from inventory.secrets import SecretBox
from inventory.states import HostState, PowerState
from inventory.store.protocol import Change
from provisioning.acting import Acting
from provisioning.bmcs import BmcPool
from provisioning.drivers.choose import open_bmc
from provisioning.drivers.credentials import Credentials
from provisioning.drivers.logged import logged
from provisioning.drivers.protocol import Bmc
from provisioning.faultpoints import FaultPoints
from provisioning.lifecycle.decision import Advance, Do, Hold, Seen
from provisioning.lifecycle.table import STATES
from provisioning.observing import observe
from provisioning.settings import ProvisioningSettings
from provisioning.world import World
from tests.integration.drivers.test_ssh_host import DMI, Sshd, sshd
from tests.integration.onboarding.stage import here
from tests.make import make_host, make_wanted
from tests.migrated import fresh_store

__all__ = ["sshd"]  # a fixture of the driver's own tests

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]


async def test_a_host_without_a_bmc_parks_where_its_spec_wants_what_nobody_can_read(
    tmp_path: Path,
    sshd: Callable[..., Sshd],
) -> None:
    far = sshd()
    store, now = fresh_store(tmp_path), SystemClock().now()
    fence = store.take_lease(
        "provisioning", "me", now=now, until=now + timedelta(days=1), alone=True
    )
    assert fence is not None
    access = BmcAccess(
        address=f"ssh://127.0.0.1:{far.port}", fingerprint=far.fingerprint, username="root"
    )
    made = make_host(
        state=HostState.REGISTERING,
        serial=DMI["product_serial"],
        uuid="",
        facts=None,
        bmc=access,
    )
    store.apply(Change(insert=(made,)), now=now)

    async def opened(host: Host, password: SecretStr) -> Bmc:
        credentials = Credentials(username=host.bmc.username, password=password)
        bmc = open_bmc(host.bmc.address, credentials, fingerprint=host.bmc.fingerprint)
        return logged(bmc, host=host.name)

    async def key(_host: Host) -> SecretStr:
        return SecretStr(far.key)

    world = World(
        store=store,
        secrets=SecretBox(bytes(32)),
        clock=SystemClock(),
        bmcs=BmcPool(opened, key),
        door=cast("Any", None),
        player=cast("Any", None),
        signing_key=cast("Any", None),
        simulated_key=cast("Any", None),
        settings=ProvisioningSettings(),
        faults=FaultPoints(),
        in_thread=cast("Any", here),
    )
    seen, parked = await until_parked(world, Acting(world, fence), made)
    (host,) = store.find(Host)

    assert (parked.problem, host.state) == ("no-bmc", HostState.INSPECTING)
    assert "has no BMC, and its spec wants BIOS" in parked.message
    assert f"podyard host bmc {host.name} --address redfish+https://" in parked.remedy
    assert host.uuid == DMI["product_uuid"].lower()
    assert host.facts is not None
    assert host.facts.serial == DMI["product_serial"]
    assert {one.power for one in seen} == {PowerState.UNKNOWN}
    assert host.power is PowerState.UNKNOWN
    store.close()


async def until_parked(world: World, acting: Acting, host: Host) -> tuple[list[Seen], Hold]:
    """The way of one host, as the loop goes it: look, decide, act."""
    looks: list[Seen] = []
    context = cast("Any", Surroundings())
    for _ in range(10):
        row, now = STATES[host.state], world.clock.now()
        look = row.look_at(host, make_wanted(), agent=None, now=now)
        bmc = await world.bmcs.of(host)
        looks.append(await observe(bmc, look, agent=None, now=now, check=cast("Any", None)))
        for _ in range(3):
            decided = row.decide(host, looks[-1], make_wanted())
            if isinstance(decided, Hold):
                return looks, decided
            if isinstance(decided, Advance):
                moved = host.model_copy(update={"state": decided.to})
                world.store.apply(Change(replace=(moved,)), now=now)
                host = moved.model_copy(update={"version": host.version + 1})
                break
            assert isinstance(decided, Do)
            outcome = await acting.perform(
                host, decided.action, looks[-1], context, reason=decided.reason
            )
            host = outcome.host
    raise AssertionError(f"{host.name} is {host.state} and goes on for ever")


class Surroundings:
    """What acts of looking need to know of its pod."""

    wanted = make_wanted()
