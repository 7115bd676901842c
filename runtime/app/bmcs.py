"""How a service reaches a BMC: by its address as it is reached, with a password unsealed then."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from pydantic import SecretStr

from inventory.errors import StaleWrite
from inventory.expecting.reaching import reach_of
from inventory.model import Host
from inventory.outbound.bmc_address import WITHOUT_BMC
from provisioning.drivers.choose import open_bmc
from provisioning.drivers.credentials import Credentials
from provisioning.drivers.ear import DEAF, Ear
from provisioning.drivers.logged import Around, logged
from provisioning.drivers.protocol import Bmc
from provisioning.drivers.reaching import reached
from provisioning.drivers.redfish.transport import KEEPALIVE_S
from provisioning.inband.reach import ReachOf, SshReach, ssh_reach
from provisioning.pacing import Pacing
from provisioning.settings import ProvisioningSettings
from runtime.app.parts import Parts

BMC_PASSWORD = "bmc-password"  # noqa: S105 - the name of a field, not a secret


def bmc_opener(
    parts: Parts, settings: ProvisioningSettings, around: Around, pacing: Pacing
) -> Callable[[Host, SecretStr], Awaitable[Bmc]]:
    """What opens a BMC for the controller: each exchange is logged, paced, and under its lease."""

    async def opened(host: Host, password: SecretStr) -> Bmc:
        bmc = driver_of(settings, await reached_host(parts, host), password, ear=pacing.ear(host))
        return logged(bmc, host=host.name, around=around)

    return opened


def driver_of(
    settings: ProvisioningSettings,
    host: Host,
    password: SecretStr,
    *,
    keepalive_s: float = KEEPALIVE_S,
    ear: Ear = DEAF,
) -> Bmc:
    """The driver of a host's address, as the site allows it."""
    return open_bmc(
        host.bmc.address,
        Credentials(username=host.bmc.username, password=password),
        fingerprint=host.bmc.fingerprint,
        keepalive_s=keepalive_s,
        deadline_s=settings.bmc_deadline_s,
        expected_serial=host.serial,
        ipmi_allowed=settings.ipmi,
        ear=ear,
    )


async def reached_host(parts: Parts, host: Host) -> Host:
    """The host with its BMC's address as it is connected to."""
    reach = await asyncio.to_thread(reach_of, parts.store, simulated=host.simulated)
    address = await reached(host.bmc.address, reach)
    if address == host.bmc.address:
        return host
    return host.model_copy(update={"bmc": host.bmc.model_copy(update={"address": address})})


def password_reader(parts: Parts) -> Callable[[Host], Awaitable[SecretStr]]:
    """What unseals a BMC's password, for the account that the caller knows and for no other."""

    async def read(host: Host) -> SecretStr:
        sealed = await asyncio.to_thread(parts.store.secret, host.id, BMC_PASSWORD)
        now = await asyncio.to_thread(parts.store.get, Host, host.id)
        if now is None or now.bmc != host.bmc:  # a new password must not go to the old address
            raise StaleWrite(f"the BMC account of {host.name} was corrected meanwhile")
        return parts.box.unseal(host.id, BMC_PASSWORD, sealed or b"")

    return read


def playbook_reach(parts: Parts, settings: ProvisioningSettings) -> ReachOf:
    """How playbooks reach a host without a BMC: by the account that its driver has as well."""
    password = password_reader(parts)

    async def reach(host: Host) -> SshReach | None:
        if not host.bmc.address.startswith(WITHOUT_BMC):
            return None
        where = await reached_host(parts, host)
        return await ssh_reach(
            where.bmc.address,
            Credentials(username=host.bmc.username, password=await password(host)),
            fingerprint=host.bmc.fingerprint,
            deadline_s=settings.bmc_deadline_s,
        )

    return reach
