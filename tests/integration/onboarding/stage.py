"""One host on record, its simulated BMC over HTTPS, and lives of a controller that end anywhere.

The controller dies by an exception that nothing of the product catches, at a fault point that is
chosen by its number; what was sent to the BMC by then arrives.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, cast

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from pydantic import SecretStr

from inventory.applying import BMC_PASSWORD
from inventory.authority import Authority
from inventory.clock import SystemClock
from inventory.model import Host
from inventory.secrets import SecretBox
from inventory.store.protocol import Change, Fence
from inventory.store.sql import SqlStore
from provisioning.bmcs import BmcPool
from provisioning.drivers.choose import open_bmc
from provisioning.drivers.credentials import Credentials
from provisioning.drivers.logged import logged
from provisioning.drivers.protocol import Bmc
from provisioning.errors import CertificateChanged, CredentialsRefused
from provisioning.faultpoints import FaultPoints
from provisioning.onboarding.renewing import PENDING_CERTIFICATE, Renewing
from provisioning.onboarding.rotating import Rotating
from provisioning.settings import ProvisioningSettings
from provisioning.speaking import under_lease
from provisioning.world import World

NEVER = 0
WANTED_POINTS = {
    "before-act",
    "before-record",
    "after-record",
    "mid-request set_account_password",
    "after-effect set_account_password",
}
"""Where a rotation may be cut off."""


class Crash(BaseException):
    """The controller dies here: no handler of the product may catch it."""


class Points(FaultPoints):
    """Fault points that raise instead of killing this process."""

    def __init__(self, die_at: int) -> None:
        super().__init__()
        self.visited: list[str] = []
        self._die_at = die_at

    @property
    def armed(self) -> bool:
        """So that the points in the middle of a call are visited."""
        return True

    def reach(self, point: str, detail: str = "") -> None:
        """One more; the chosen one is the last."""
        self.visited.append(f"{point} {detail}".strip())
        if len(self.visited) == self._die_at:
            raise Crash(point)


async def here(call: Callable[..., Any], /, *arguments: Any, **named: Any) -> Any:
    """At once: nothing else waits."""
    return call(*arguments, **named)


@dataclass
class Stage:
    """One host on record, and its simulated BMC."""

    store: SqlStore
    fence: Fence
    authority: Authority
    box: SecretBox = field(default_factory=lambda: SecretBox(bytes(32)))

    @property
    def host(self) -> Host:
        """The record."""
        (found,) = self.store.find(Host)
        return found

    def ask(self, *, credentials: str = "own") -> None:
        """What `podyard bmc rotate` writes, or registering a host with its vendor's password."""
        access = self.host.bmc.model_copy(update={"credentials": credentials})
        asked = self.host.model_copy(update={"rotation": "asked", "bmc": access})
        self.store.apply(Change(replace=(asked,)), now=SystemClock().now())

    def ask_renewal(self) -> None:
        """What registering writes where the site wants certificates."""
        asked = self.host.model_copy(update={"renewal": "asked"})
        self.store.apply(Change(replace=(asked,)), now=SystemClock().now())

    def stored(self, name: str = BMC_PASSWORD) -> SecretStr:
        """A stored password; of no worth when there is none."""
        sealed = self.store.secret(self.host.id, name)
        return self.box.unseal(self.host.id, name, sealed) if sealed else SecretStr("none")

    async def life(self, die_at: int = NEVER, *, held: bool = False) -> list[str]:
        """One life of a controller: what it came through until it ended or died."""
        points = Points(die_at)
        around = under_lease(lambda: True, points)

        async def opened(host: Host, password: SecretStr) -> Bmc:
            return logged(driver(host, password), host=host.name, around=around)

        async def current(_host: Host) -> SecretStr:
            return self.stored()

        pool = BmcPool(opened, current)
        world = World(
            store=self.store,
            secrets=self.box,
            clock=SystemClock(),
            bmcs=pool,
            door=cast("Any", None),
            player=cast("Any", None),
            signing_key=cast("Any", None),
            simulated_key=cast("Any", None),
            settings=ProvisioningSettings(),
            faults=points,
            in_thread=cast("Any", here),
            bmc_authority=self.authority,
        )
        replacing = Renewing if self.host.renewal else Rotating
        try:
            await replacing(world, self.fence).go_on(self.host, held=held)
        except Crash:
            pass
        finally:
            others = asyncio.all_tasks() - {asyncio.current_task()}
            sent = [task for task in others if "provisioning/drivers/" in str(task)]
            await asyncio.gather(*sent, return_exceptions=True)  # what was sent arrives
            await pool.close()
        return points.visited

    async def opens(self, password: SecretStr) -> bool:
        """Whether the BMC takes it."""
        return await opens(self.host, password)

    async def shows(self, pin: str) -> bool:
        """Whether the BMC shows the certificate with this fingerprint."""
        under = self.host.bmc.model_copy(update={"fingerprint": pin})
        try:
            return await opens(self.host.model_copy(update={"bmc": under}), self.stored())
        except CertificateChanged:
            return False

    def pending_pin(self) -> str:
        """Of the certificate that the BMC may show already; of no worth when there is none."""
        pem = self.stored(PENDING_CERTIFICATE).get_secret_value()
        return fingerprint_of(pem) if pem != "none" else ""

    def told(self) -> list[str]:
        """What the events say of the password and the certificate."""
        return [k for k in told_of(self.store) if k.startswith(("host.password", "host.bmc-cert"))]


def driver(host: Host, password: SecretStr) -> Bmc:
    """The product's own driver."""
    return open_bmc(
        host.bmc.address,
        Credentials(username=host.bmc.username, password=password),
        fingerprint=host.bmc.fingerprint or None,
        deadline_s=10,
        ipmi_allowed=True,
    )


async def opens(host: Host, password: SecretStr) -> bool:
    """Whether the host's BMC takes it, by a login of its own."""
    bmc = driver(host, password)
    try:
        await bmc.identity()
    except CredentialsRefused:
        return False
    finally:
        await bmc.close()
    return True


def told_of(store: SqlStore) -> list[str]:
    """The kinds of what happened to the host."""
    return [e.kind for e in store.events(limit=1000) if e.subject == "host:r1-h1"]


Begin = Callable[..., Awaitable[Stage]]


def fingerprint_of(pem: str) -> str:
    """As it is pinned."""
    der = x509.load_pem_x509_certificate(pem.encode()).public_bytes(Encoding.DER)
    return f"sha256:{hashlib.sha256(der).hexdigest()}"
