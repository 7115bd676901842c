"""Hosts delivered as vendors deliver them, brought up by the whole controller over HTTPS.

The judge is each BMC itself: which password it takes, what it listens to and which certificate it
shows afterwards. The clock is virtual.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from inventory.applying import BMC_PASSWORD
from inventory.authority import Authority
from inventory.model import Event, Host
from inventory.secrets import SecretBox
from inventory.states import HostState
from inventory.store.protocol import Change
from provisioning.bench.virtual_time import run_on
from provisioning.drivers.protocol import Bmc
from provisioning.errors import CredentialsRefused
from provisioning.settings import ProvisioningSettings
from provisioning.simulator.faults import Fault
from provisioning.simulator.hall import HallPlan
from provisioning.world import World
from tests.integration.faults.farm import Farm, Told, lab
from tests.integration.faults.skipping import SkippingLoop

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

BOX = SecretBox(hashlib.sha256(b"farm").digest())
OWN = "r1-h4-1"
FAULTS = (
    "ipmi-open@r1-h1-1",
    "ipmi-open@r1-h2-1:stays=yes",
    "password-policy@r1-h3-1:length_min=14,length_max=16,signs=none",
    "ipmi-open@r1-h4-1",
)


@dataclass
class Delivered(Farm):
    """A hall whose hosts have their vendor's passwords, all but one; then each BMC is asked."""

    opened_by: dict[str, tuple[bool, bool]] = field(default_factory=dict)
    """Host to whether its BMC takes the password that it was delivered with, and the stored one."""
    ipmi: dict[str, bool | None] = field(default_factory=dict)

    async def run(self) -> Told:
        """Brought up; the BMCs are asked before the hall is closed."""
        await self.hall.start()
        try:
            self._enrol()
            self._seal()
            await self._bring_up()
            for host in self.hosts().values():
                await self._ask(host)
        finally:
            await self.hall.stop()
        return Told(self.hosts(), [], self._events(), self.seconds)

    def _record(self, plan: Any, told: dict[str, Any]) -> Host:
        made = super()._record(plan, told)
        whose = "own" if made.name == OWN else "factory"
        return made.model_copy(update={"bmc": made.bmc.model_copy(update={"credentials": whose})})

    def _seal(self) -> None:
        sealed = {
            (host.id, BMC_PASSWORD): BOX.seal(host.id, BMC_PASSWORD, self.passwords[name])
            for name, host in self.hosts().items()
        }
        self.store.apply(Change(secrets=sealed), now=self.clock.now())

    async def _password(self, host: Host) -> SecretStr:
        return BOX.unseal(host.id, BMC_PASSWORD, self.store.secret(host.id, BMC_PASSWORD) or b"")

    def _world(self) -> World:
        authority = Authority.open(self.directory / "authority", now=self.clock.now())
        return replace(super()._world(), bmc_authority=authority)

    async def _ask(self, host: Host) -> None:
        stored = await self._password(host)
        self.opened_by[host.name] = (
            await self._opens(host, self.passwords[host.name]),
            await self._opens(host, stored),
        )
        bmc: Any = await self._open(host, stored)
        self.ipmi[host.name] = await bmc.ipmi_over_lan()
        await bmc.close()

    async def _opens(self, host: Host, password: SecretStr) -> bool:
        bmc: Bmc = await self._open(host, password)
        try:
            await bmc.identity()
        except CredentialsRefused:
            return False
        finally:
            await bmc.close()
        return True


@pytest.fixture(scope="module")
def brought_up(tmp_path_factory: pytest.TempPathFactory) -> tuple[Delivered, Told]:
    """One bring-up for all of these tests."""
    folder: Path = tmp_path_factory.mktemp("delivered")
    spec = lab(4)
    plan = HallPlan.from_spec(spec, seed=7, faults=[Fault.parse(one) for one in FAULTS])
    settings = ProvisioningSettings(bmc_certificates=True)

    async def main(loop: SkippingLoop) -> tuple[Delivered, Told]:
        farm = Delivered(folder, spec, plan, settings, loop)
        return farm, await farm.run()

    return run_on(SkippingLoop(), main)


def test_every_host_is_ready(brought_up: tuple[Delivered, Told]) -> None:
    _, told = brought_up
    assert {host.state for host in told.hosts.values()} == {HostState.READY}


def test_a_delivered_password_opens_nothing_and_the_stored_one_does(
    brought_up: tuple[Delivered, Told],
) -> None:
    farm, told = brought_up
    factory = {name: both for name, both in farm.opened_by.items() if name != OWN}
    assert set(factory.values()) == {(False, True)}
    assert len(factory) == 3
    assert {told.hosts[name].bmc.credentials for name in factory} == {"own"}


def test_the_site_s_own_password_is_left_alone(brought_up: tuple[Delivered, Told]) -> None:
    farm, told = brought_up
    assert farm.opened_by[OWN] == (True, True)
    assert told.hosts[OWN].adoption.password_set_at is None
    assert "host.password-asked" not in kinds(told, OWN)


def test_a_password_is_replaced_before_anything_is_asked_of_the_hardware(
    brought_up: tuple[Delivered, Told],
) -> None:
    _, told = brought_up
    order = [e.kind for e in of(told, "r1-h1-1") if e.kind.startswith(("host.password", "host.st"))]
    assert order[:4] == [
        "host.state",
        "host.password-asked",
        "host.password-rotated",
        "host.state",
    ]


def test_ipmi_over_lan_is_closed_and_seen_closed(brought_up: tuple[Delivered, Told]) -> None:
    farm, told = brought_up
    assert (farm.ipmi["r1-h1-1"], farm.ipmi[OWN]) == (False, False)
    assert told.hosts["r1-h1-1"].adoption.findings == ()
    assert "host.bmc-closed" in kinds(told, "r1-h1-1")


def test_what_cannot_be_closed_is_a_finding_and_stops_nothing(
    brought_up: tuple[Delivered, Told],
) -> None:
    farm, told = brought_up
    assert farm.ipmi["r1-h2-1"] is True
    assert told.hosts["r1-h2-1"].adoption.findings == ("IPMI over LAN is open at its BMC",)
    assert kinds(told, "r1-h2-1").count("host.bmc-finding") == 2


def test_every_bmc_shows_a_certificate_of_the_site(brought_up: tuple[Delivered, Told]) -> None:
    _, told = brought_up
    assert all(host.adoption.certificate_until for host in told.hosts.values())
    assert all("host.bmc-certificate" in kinds(told, name) for name in told.hosts)


def of(told: Told, name: str) -> list[Event]:
    """What happened to a host."""
    return [event for event in told.events if event.subject == f"host:{name}"]


def kinds(told: Told, name: str) -> list[str]:
    """Of what happened to a host."""
    return [event.kind for event in of(told, name)]
