"""The port between podyard and a host's BMC: small, because only what is used belongs here.

Every method is one bounded exchange: it has a deadline, it never retries a change, and it raises
the errors of `provisioning.errors`. *Converge* methods may be repeated freely (setting what is
already so is not an error). What only some BMCs can do is a protocol of its own, asked for with
`isinstance`, never a method that raises.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Protocol, runtime_checkable

from pydantic import BaseModel, ConfigDict

from inventory.states import PowerState
from pods.facts import HardwareFacts


class Reading(BaseModel):
    """The base of what a driver reports."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class BootTarget(StrEnum):
    """Boot sources, in Redfish's spelling."""

    NONE = "None"
    PXE = "Pxe"
    CD = "Cd"
    HDD = "Hdd"
    UEFI_HTTP = "UefiHttp"


class BootEnabled(StrEnum):
    """How long a boot source override holds, in Redfish's spelling."""

    DISABLED = "Disabled"
    ONCE = "Once"
    CONTINUOUS = "Continuous"


class BootSource(Reading):
    """The override that the next boot will follow."""

    target: BootTarget
    enabled: BootEnabled
    uri: str = ""
    """What UEFI_HTTP fetches; empty for every other target."""


class Media(Reading):
    """What is in the virtual CD drive; `image` is empty when nothing is."""

    image: str
    inserted: bool


class BmcIdentity(Reading):
    """Which host this BMC says it controls. Re-read before every destructive act."""

    serial: str
    uuid: str
    manufacturer: str
    model: str
    bmc_firmware: str
    redfish_version: str = ""


class BiosState(Reading):
    """BIOS attributes in force, and those that the next boot will apply."""

    current: dict[str, str | int | bool | None]
    pending: dict[str, str | int | bool | None]


class TaskPhase(StrEnum):
    """What became of a long operation. VANISHED: the BMC no longer knows the task."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    VANISHED = "vanished"


class TaskReading(Reading):
    """One look at a task."""

    uri: str
    phase: TaskPhase
    percent: int | None = None
    message: str = ""
    nothing_written: bool = False
    """A failed update of which the BMC says that the image never arrived, so nothing was begun."""
    about: str = ""
    """Where the request was sent that began it; empty where the BMC hides it."""


class Bmc(Protocol):
    """What every driver can do."""

    async def identity(self) -> BmcIdentity:
        """Log in if need be and say which host this is."""

    async def facts(self) -> HardwareFacts:
        """Read the whole hardware, planned (about 40 reads), `$expand` where offered."""

    async def power(self) -> PowerState:
        """The chassis power state."""

    async def power_on(self) -> None:
        """Converge: ask for On unless it is on already. The caller sees on later."""

    async def power_off(self) -> None:
        """Converge: ask for ForceOff unless it is off already."""

    async def boot_source(self) -> BootSource:
        """The override in force."""

    async def set_boot_source(self, source: BootSource) -> None:
        """Converge."""

    async def close(self) -> None:
        """Log out and close: BMCs allow 4 to 16 sessions. Safe to call twice; never raises."""


@runtime_checkable
class ShutdownDriver(Protocol):
    """A BMC that can ask the operating system of its host to shut down."""

    async def shut_down(self) -> None:
        """Converge: ask for it unless the host is off. An operating system may not listen."""


@runtime_checkable
class MediaDriver(Protocol):
    """A BMC with a virtual CD drive."""

    async def media(self) -> Media:
        """What is inserted."""

    async def insert_media(self, image: str) -> None:
        """Converge: insert this URL, ejecting another one first."""

    async def eject_media(self) -> None:
        """Converge."""


@runtime_checkable
class BootNicDriver(Protocol):
    """A BMC that tells in which order its host's firmware asks NICs for a network boot."""

    async def boot_nics(self) -> tuple[str, ...]:
        """Their MAC addresses, the one that is asked first at the front; those it can boot from."""

    async def put_boot_nic_first(self, mac: str) -> None:
        """Converge: this one is asked before all others. What is no NIC keeps its place."""


@runtime_checkable
class BiosDriver(Protocol):
    """A BMC through which BIOS attributes can be set."""

    async def bios(self) -> BiosState:
        """Current and pending attributes."""

    async def set_bios(self, attributes: dict[str, str | int | bool]) -> None:
        """Converge: stage these for the next boot."""


@runtime_checkable
class FirmwareDriver(Protocol):
    """A BMC that can flash."""

    async def firmware(self) -> dict[str, str]:
        """Component to version, from FirmwareInventory."""

    async def update_firmware(self, component: str, image: str) -> str:
        """Destructive: start one update (SimpleUpdate), return the task's URI. Single try."""

    async def update_tasks(self) -> tuple[TaskReading, ...]:
        """Every update task that the BMC still knows."""


@runtime_checkable
class ManagerReset(Protocol):
    """A BMC that can be asked to restart itself. Its host runs on meanwhile."""

    async def restart_manager(self) -> None:
        """Ask for one graceful restart of the BMC, which is then away for minutes. Single try."""


@runtime_checkable
class ResourceReader(Protocol):
    """A BMC whose every resource can be read."""

    async def resources(self) -> dict[str, dict[str, Any]]:
        """Path to payload. Hundreds of reads: for what cannot be told from fewer."""


@runtime_checkable
class PowerMeter(Protocol):
    """A BMC that measures its host's draw."""

    async def power_draw_watts(self) -> float | None:
        """Watts drawn now; None when the BMC has no reading."""
