"""The driver of an adopted host: it is told apart and described, and its agent is started.

A host that somebody else runs keeps its power, its disks and its boot order. So there is no power
here and no boot source: the port's verbs for them refuse with a hint, and `without` tells so before
anybody asks. What the host is, it tells by itself; an owner with root on it could lie, which a BMC
cannot so easily, and facts say so by their source. The agent is not installed from here: whoever
runs the host has its unit there, and is handed the boot document that others find on their medium.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Self

from inventory.states import PowerState
from pods.facts import HardwareFacts
from provisioning.drivers.capabilities import Capability, lacking
from provisioning.drivers.credentials import Credentials
from provisioning.drivers.protocol import BmcIdentity, BootSource
from provisioning.drivers.ssh.address import SshEndpoint
from provisioning.drivers.ssh.session import SshSession
from provisioning.errors import AnswerRefused, Unsupported

DEADLINE_S = 15.0
_FIELDS = ("product_serial", "product_uuid", "sys_vendor", "product_name", "bios_version")
_READ = (
    "cd /sys/class/dmi/id && for f in "
    + " ".join(_FIELDS)
    + "; do printf '%s=' $f; { cat $f 2>/dev/null || echo; } | head -n 1; done"
)
_STARTED = "started"
_START = (
    "umask 077 && mkdir -p /run/podyard && cat > /run/podyard/boot.json.new "
    "&& mv /run/podyard/boot.json.new /run/podyard/boot.json "
    f"&& systemctl restart podyard-agent && echo {_STARTED}"
)


class AdoptedHost:
    """One host without a BMC. Nothing is sent before the first verb."""

    without = frozenset({Capability.POWER, Capability.BOOT_SOURCE})
    """The port's verbs that refuse."""

    def __init__(self, *, session: SshSession, clock: Callable[[], datetime]) -> None:
        self._session = session
        self._clock = clock

    @classmethod
    def connect(
        cls,
        address: str,
        credentials: Credentials,
        *,
        fingerprint: str | None,
        deadline_s: float = DEADLINE_S,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> Self:
        """Describe the host at `ssh://host[:port]`; `fingerprint` is that of its host key."""
        session = SshSession(
            endpoint=SshEndpoint.parse(address),
            credentials=credentials,
            fingerprint=fingerprint,
            deadline_s=deadline_s,
        )
        return cls(session=session, clock=clock)

    async def identity(self) -> BmcIdentity:
        """Serial number and UUID as the firmware tells the operating system."""
        found = await self._told()
        return BmcIdentity(
            serial=found["product_serial"],
            uuid=found["product_uuid"].lower(),
            manufacturer=found["sys_vendor"],
            model=found["product_name"],
            bmc_firmware="",
        )

    async def facts(self) -> HardwareFacts:
        """Who the host is; what is in it, the agent on it tells."""
        found = await self._told()
        return HardwareFacts(
            observed_at=self._clock(),
            source="ssh",
            manufacturer=found["sys_vendor"],
            model=found["product_name"],
            serial=found["product_serial"],
            uuid=found["product_uuid"].lower(),
            bmc_firmware="",
            bios_version=found["bios_version"],
        )

    async def start_agent(self, document: bytes) -> None:
        """Hand it the boot document, which holds a token: readable by root alone, then the unit."""
        if (await self._session.run(_START, send=document)).strip() != _STARTED:
            raise Unsupported(
                f"{self._session.label}: the host did not start its agent",
                hint="install podyard's agent there: a unit podyard-agent.service that runs "
                "`python -m runtime.agent --boot /run/podyard/boot.json`; the account must be root",
            )

    async def power(self) -> PowerState:
        """Refused: a host that does not answer may be off, and may be anything else."""
        raise lacking(Capability.POWER, where=self._session.label)

    async def power_on(self) -> None:
        """Refused."""
        raise lacking(Capability.POWER, where=self._session.label)

    async def power_off(self) -> None:
        """Refused."""
        raise lacking(Capability.POWER, where=self._session.label)

    async def boot_source(self) -> BootSource:
        """Refused."""
        raise lacking(Capability.BOOT_SOURCE, where=self._session.label)

    async def set_boot_source(self, source: BootSource) -> None:  # noqa: ARG002 - the port's
        """Refused."""
        raise lacking(Capability.BOOT_SOURCE, where=self._session.label)

    async def close(self) -> None:
        """Nothing is kept open."""

    async def _told(self) -> dict[str, str]:
        lines = (await self._session.run(_READ)).splitlines()
        found = {name: said.strip() for name, _, said in (line.partition("=") for line in lines)}
        if not set(_FIELDS) <= found.keys():
            raise AnswerRefused(f"{self._session.label}: the host does not tell who it is")
        return {name: _text(found[name]) for name in _FIELDS}


def _text(said: str) -> str:
    return "".join(c if c.isprintable() else " " for c in said)[:256].strip()
