"""Everything that may be done to a host, as values, each with its class.

The class says what a crash in the middle means, and it is refused at import to leave it out:

- *read*: repeat freely;
- *converge*: compare, then set; repeating it is harmless;
- *destructive-observable*: cannot be undone, but its effect can be seen: guarded;
- *destructive-blind*: cannot be undone and cannot be seen: guarded, and unknown always parks.

Power on and power off converge. Reset, cycle and toggle do not exist here.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar

from inventory.model import BootPurpose
from pods.erasing import EraseMethod
from pods.match_finding import Mismatch
from pods.spec import FirmwareItem
from pods.suspension import Suspension
from provisioning.drivers.protocol import BootSource
from provisioning.remedies import Remedy


class StepClass(StrEnum):
    """What repeating a step means."""

    READ = "read"
    CONVERGE = "converge"
    DESTRUCTIVE_OBSERVABLE = "destructive-observable"
    DESTRUCTIVE_BLIND = "destructive-blind"


class Action:
    """The base of every action. A subclass without a step class does not import."""

    __slots__ = ()
    step_class: ClassVar[StepClass]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if not isinstance(getattr(cls, "step_class", None), StepClass):
            raise TypeError(f"{cls.__name__} declares no step_class")


@dataclass(frozen=True)
class RecordIdentity(Action):
    """Take the BMC's serial and UUID into the record."""

    step_class = StepClass.READ


@dataclass(frozen=True)
class AskRotation(Action):
    """Write down that the BMC is to get another password; it gets it in two phases."""

    step_class = StepClass.CONVERGE


@dataclass(frozen=True)
class AskRenewal(Action):
    """Write down that the BMC is to get a certificate of the site's own authority."""

    step_class = StepClass.CONVERGE


@dataclass(frozen=True)
class CloseIpmi(Action):
    """Switch IPMI over LAN off, at a BMC that is spoken to in another way."""

    step_class = StepClass.CONVERGE


@dataclass(frozen=True)
class CloseWeakCiphers(Action):
    """Let nobody use the IPMI cipher suites that need no password or keep nothing secret."""

    step_class = StepClass.CONVERGE
    suites: tuple[int, ...]


@dataclass(frozen=True)
class RecordFindings(Action):
    """Write down what stays open at the BMC, for people to see."""

    step_class = StepClass.READ
    findings: tuple[str, ...]


@dataclass(frozen=True)
class RecordFacts(Action):
    """Take the facts just seen into the record."""

    step_class = StepClass.READ


@dataclass(frozen=True)
class RecordMismatches(Action):
    """Take what is wrong with the host into the record."""

    step_class = StepClass.READ
    found: tuple[Mismatch, ...]


@dataclass(frozen=True)
class RecordConfigured(Action):
    """Write down that this boot was configured: a person said so."""

    step_class = StepClass.READ
    boot_id: str


@dataclass(frozen=True)
class SettleByHand(Action):
    """Close what was begun and never settled: a person looked, and said how it ended."""

    step_class = StepClass.READ


@dataclass(frozen=True)
class ReservePower(Action):
    """Hold this many watts on the host's feed, instead of what it held before."""

    step_class = StepClass.CONVERGE
    watts: int


@dataclass(frozen=True)
class PowerOn(Action):
    """Ask for power on."""

    step_class = StepClass.CONVERGE


@dataclass(frozen=True)
class PowerOff(Action):
    """Ask for power off."""

    step_class = StepClass.CONVERGE


@dataclass(frozen=True)
class ShutDown(Action):
    """Ask the operating system to shut down, which ends with the power off."""

    step_class = StepClass.CONVERGE


@dataclass(frozen=True)
class StopLoad(Action):
    """Take back the order to measure: the agent starts no further test."""

    step_class = StepClass.CONVERGE


@dataclass(frozen=True)
class RecordDoubt(Action):
    """Note what one answer of a BMC said, for the next one to confirm; empty: it did not."""

    step_class = StepClass.READ
    doubt: str


@dataclass(frozen=True)
class NoteLeak(Action):
    """Write down that the host leaks: its loop is closed, and its certificate suspended."""

    step_class = StepClass.READ
    what: str


@dataclass(frozen=True)
class MakeBootMedium(Action):
    """Mint a single-use boot token and the medium that carries it."""

    step_class = StepClass.CONVERGE
    tries: int
    purpose: BootPurpose = ""
    silence: str = ""
    """What was found of the try before it."""
    disk_gib: int = 0
    """The size of the disk that it writes, where it is for writing one."""


@dataclass(frozen=True)
class GiveLeave(Action):
    """Let the host that was booted for it write its image, or erase its drives.

    It cannot be taken back; that it was done is read from the disks afterwards.
    """

    step_class = StepClass.DESTRUCTIVE_OBSERVABLE


@dataclass(frozen=True)
class SettleInBand(Action):
    """Close what the host was to do to its disks: it ended without its effect."""

    step_class = StepClass.READ
    why: str


@dataclass(frozen=True)
class RecordWritten(Action):
    """Write down that the host's disk has its image: the next boot is from there."""

    step_class = StepClass.READ
    tries: int


@dataclass(frozen=True)
class StartAgent(Action):
    """Hand a host without a BMC its boot document, and start the agent that is installed there."""

    step_class = StepClass.CONVERGE


@dataclass(frozen=True)
class InsertMedia(Action):
    """Put a medium into the virtual CD drive."""

    step_class = StepClass.CONVERGE
    image: str


@dataclass(frozen=True)
class EjectMedia(Action):
    """Empty the virtual CD drive."""

    step_class = StepClass.CONVERGE


@dataclass(frozen=True)
class SetBootSource(Action):
    """Set what the next boot follows."""

    step_class = StepClass.CONVERGE
    source: BootSource


@dataclass(frozen=True)
class PutBootNicFirst(Action):
    """Let the firmware ask this NIC for a boot image before any other."""

    step_class = StepClass.CONVERGE
    slot: str
    mac: str


@dataclass(frozen=True)
class SetBios(Action):
    """Stage BIOS attributes for the next boot."""

    step_class = StepClass.CONVERGE
    attributes: tuple[tuple[str, str | int | bool], ...]


@dataclass(frozen=True)
class UpdateFirmware(Action):
    """Flash one component. Its version can be read back, so it is observable."""

    step_class = StepClass.DESTRUCTIVE_OBSERVABLE
    item: FirmwareItem

    @property
    def step(self) -> str:
        """The name under which intents of this act are kept."""
        return f"firmware:{self.item.component}:{self.item.version}"


@dataclass(frozen=True)
class EraseDrive(Action):
    """Erase one drive. That it is being erased can be seen, and what it holds can be read."""

    step_class = StepClass.DESTRUCTIVE_OBSERVABLE
    serial: str
    slot: str
    method: EraseMethod

    @property
    def step(self) -> str:
        """The name under which intents of this act are kept."""
        return f"erase:{self.serial}:{self.method}"


@dataclass(frozen=True)
class RecordUnerased(Action):
    """Write down that nothing can erase this drive, and why."""

    step_class = StepClass.READ
    serial: str
    slot: str
    why: str


@dataclass(frozen=True)
class CertifyErasure(Action):
    """Sign what became of every drive: it is kept with the host, and anybody can verify it."""

    step_class = StepClass.CONVERGE


@dataclass(frozen=True)
class RecordDrivesRead(Action):
    """Take what was read of the drives into the record: each is proven erased, or it is not."""

    step_class = StepClass.READ


@dataclass(frozen=True)
class Configure(Action):
    """Run the base playbook: a second run changes nothing."""

    step_class = StepClass.CONVERGE
    boot_id: str


@dataclass(frozen=True)
class OrderAcceptance(Action):
    """Let the agent run the acceptance tests, when it is this host's turn on its machine."""

    step_class = StepClass.CONVERGE
    physical_host: str


@dataclass(frozen=True)
class Certify(Action):
    """Sign what was measured and offer the unit."""

    step_class = StepClass.CONVERGE


@dataclass(frozen=True)
class TryRemedy(Action):
    """Try the next thing on a host that stays in its state for too long; each is tried once.

    The BMC may be restarted, which leaves its host running; a host is never reset.
    """

    step_class = StepClass.CONVERGE
    remedy: Remedy
    allowed_s: float


@dataclass(frozen=True)
class RecordInspection(Action):
    """Write down that a ready host was read again; `doubt`: what it said contradicts its paper."""

    step_class = StepClass.READ
    doubt: bool


@dataclass(frozen=True)
class Suspend(Action):
    """Suspend the host's certificate for these causes, and take its units out of the offer."""

    step_class = StepClass.CONVERGE
    causes: tuple[Suspension, ...]


@dataclass(frozen=True)
class WithdrawUnit(Action):
    """Take this host's units out of the offer."""

    step_class = StepClass.CONVERGE


@dataclass(frozen=True)
class ForgetBoot(Action):
    """Drop the boot medium and everything that a boot left on the record."""

    step_class = StepClass.CONVERGE
