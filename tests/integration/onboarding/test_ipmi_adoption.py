"""A host that is spoken to over IPMI, adopted at OpenIPMI's own simulator."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from pydantic import SecretStr

from inventory.applying import BMC_PASSWORD
from inventory.authority import Authority
from inventory.clock import SystemClock
from inventory.model import BmcAccess, Host
from inventory.secrets import SecretBox
from inventory.states import HostState, PowerState
from inventory.store.protocol import Change
from provisioning.acting import Acting
from provisioning.bmcs import BmcPool
from provisioning.drivers.choose import open_bmc
from provisioning.drivers.credentials import Credentials
from provisioning.drivers.ipmi import accounts
from provisioning.drivers.ipmi.accounts import PASSWORD_BYTES_MAX
from provisioning.drivers.ipmi.session import IpmiSession
from provisioning.drivers.logged import logged
from provisioning.drivers.protocol import Bmc
from provisioning.faultpoints import FaultPoints
from provisioning.lifecycle.adopting import adopt
from provisioning.lifecycle.decision import Do, Seen
from provisioning.onboarding.openness import openness
from provisioning.onboarding.rotating import PENDING_PASSWORD
from provisioning.settings import ProvisioningSettings
from provisioning.world import World
from tests.contract.bmc.bed import Bed
from tests.contract.bmc.ipmi_beds import ipmi_sim_bed
from tests.integration.onboarding.stage import WANTED_POINTS, Stage, here, told_of
from tests.make import NOW, make_host, make_wanted
from tests.migrated import fresh_store

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]


async def test_weak_suites_are_found_closed_and_seen_closed(tmp_path: Path) -> None:
    with ipmi_sim_bed(tmp_path) as bed:
        stage = Adopted(tmp_path, bed)
        before = await stage.look()
        assert before["weak_ciphers"]
        await stage.adopt()
        assert (await stage.look())["weak_ciphers"] == ()
        assert stage.host.adoption.findings == ()
        assert told_of(stage.store) == ["host.bmc-finding", "host.bmc-closed"]
        await stage.end()


async def test_a_vendor_s_password_over_ipmi_is_replaced_and_opens_nothing(tmp_path: Path) -> None:
    with ipmi_sim_bed(tmp_path) as bed:
        stage = staged(tmp_path, bed)
        factory = stage.stored()
        await stage.life()
        assert (stage.host.rotation, stage.host.bmc.credentials) == ("", "own")
        assert stage.told() == ["host.password-rotated"]
        assert len(stage.stored().get_secret_value()) == PASSWORD_BYTES_MAX
        assert await stage.opens(stage.stored())
        assert not await stage.opens(factory)
        stage.store.close()


async def test_killed_at_each_fault_point_over_ipmi_a_stored_password_opens_the_bmc(
    tmp_path: Path,
) -> None:
    with ipmi_sim_bed(tmp_path) as bed:
        stage = staged(tmp_path, bed)
        points = await stage.life()
        assert set(points) == WANTED_POINTS
        # The last of each kind: a log-in over IPMI takes half a second, and every point in turn is
        # died at over HTTPS.
        for die_at in {point: number for number, point in enumerate(points, 1)}.values():
            before = stage.stored()
            stage.ask(credentials="factory")
            assert len(await stage.life(die_at)) == die_at
            kept = (stage.stored(PENDING_PASSWORD), stage.stored())
            assert any([await stage.opens(one) for one in kept]), points[die_at - 1]
            await stage.life()
            assert stage.host.rotation == "", points[die_at - 1]
            assert await stage.opens(stage.stored()), points[die_at - 1]
            assert stage.stored() != before
        assert set(stage.told()) == {"host.password-rotated"}
        stage.store.close()


async def test_an_account_that_was_renamed_keeps_its_password_and_parks_its_host(
    tmp_path: Path,
) -> None:
    with ipmi_sim_bed(tmp_path) as bed:
        stage = staged(tmp_path, bed)

        async def nobody(_session: IpmiSession, _username: str) -> None:
            return None

        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(accounts, "_number", nobody)
            await stage.life()
        problem = stage.host.problem
        assert problem is not None
        assert (problem.kind, problem.parked) == ("factory-credentials", True)
        assert "no account is called" in problem.message
        assert await stage.opens(stage.stored())
        stage.store.close()


def staged(folder: Path, bed: Bed) -> Stage:
    """A host with its vendor's password, at OpenIPMI's simulator."""
    store, now = fresh_store(folder), SystemClock().now()
    fence = store.take_lease(
        "provisioning", "me", now=now, until=now + timedelta(days=1), alone=True
    )
    assert fence is not None
    stage = Stage(store, fence, Authority.open(folder / "authority", now=now))
    access = BmcAccess(address=bed.address, fingerprint="", username=bed.username)
    host = make_host(serial=bed.serial, bmc=access, state=HostState.REGISTERING)
    sealed = stage.box.seal(host.id, BMC_PASSWORD, SecretStr(bed.password))
    store.apply(Change(insert=(host,), secrets={(host.id, BMC_PASSWORD): sealed}), now=now)
    stage.ask(credentials="factory")
    return stage


class Adopted:
    """One host on record, and the acts that its state decides."""

    def __init__(self, folder: Path, bed: Bed, *, credentials: str = "own") -> None:
        self.bed, self.store, self.box = bed, fresh_store(folder), SecretBox(bytes(32))
        now = SystemClock().now()
        fence = self.store.take_lease(
            "provisioning", "me", now=now, until=now + timedelta(days=1), alone=True
        )
        assert fence is not None
        self.fence = fence
        access = BmcAccess(
            address=bed.address, fingerprint="", username=bed.username, credentials=credentials
        )
        host = make_host(state=HostState.REGISTERING, bmc=access)
        sealed = self.box.seal(host.id, BMC_PASSWORD, SecretStr(bed.password))
        self.store.apply(Change(insert=(host,), secrets={(host.id, BMC_PASSWORD): sealed}), now=now)
        self.world = World(
            store=self.store,
            secrets=self.box,
            clock=SystemClock(),
            bmcs=BmcPool(self._open, self._password),
            door=cast("Any", None),
            player=cast("Any", None),
            signing_key=cast("Any", None),
            simulated_key=cast("Any", None),
            settings=ProvisioningSettings(),
            faults=FaultPoints(),
            in_thread=cast("Any", here),
        )

    @property
    def host(self) -> Host:
        """The record."""
        (found,) = self.store.find(Host)
        return found

    async def look(self) -> dict[str, Any]:
        """What is open now."""
        return await openness(await self.world.bmcs.of(self.host))

    async def adopt(self) -> None:
        """Look, decide and act until nothing is left, or the next step is another's."""
        acting = Acting(self.world, self.fence)
        while self.host.rotation == "":
            seen = Seen(now=NOW, power=PowerState.OFF, **await self.look())
            decided = adopt(self.host, seen, make_wanted())
            if decided is None:
                return
            assert isinstance(decided, Do)
            await acting.perform(
                self.host, decided.action, seen, cast("Any", None), reason=decided.reason
            )

    async def end(self) -> None:
        """Log out, and close the store."""
        await self.world.bmcs.close()
        self.store.close()

    async def _open(self, host: Host, password: SecretStr) -> Bmc:
        credentials = Credentials(username=host.bmc.username, password=password)
        return logged(open_bmc(host.bmc.address, credentials, ipmi_allowed=True), host=host.name)

    async def _password(self, _host: Host) -> SecretStr:
        return SecretStr(self.bed.password)
