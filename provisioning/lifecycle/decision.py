"""The vocabulary of deciding: what a decider sees, and the four things it may answer.

A decider is a pure function `(host, seen, wanted) -> Decision`. It has no clock, no randomness and
does no I/O: the time is in what was seen. The same inputs give the same answer, so a restart, a
simulation and a replay decide alike.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import Flag, auto
from typing import Literal, NamedTuple

from inventory.model import AgentSeen, Host, SuspendedFor
from inventory.states import HostState, PowerState
from pods.acceptance import PEER_SHARE
from pods.certificate import Predicate
from pods.erasing import ErasePolicy
from pods.facts import HardwareFacts
from pods.match_finding import Mismatch
from pods.spec import FirmwareItem, Floor, HostType, RackSpec, SlotSpec
from provisioning.drivers.driveerase import DriveReading
from provisioning.drivers.protocol import (
    BiosState,
    BmcIdentity,
    BootSource,
    Media,
    TaskReading,
)
from provisioning.lifecycle.actions import Action
from provisioning.onboarding.policy import COMMON, AdoptionPolicy


class Look(Flag):
    """What a state needs to see of the BMC. The agent's last report is always there."""

    NOTHING = 0
    IDENTITY = auto()
    POWER = auto()
    FACTS = auto()
    FIRMWARE = auto()
    BIOS = auto()
    BOOT = auto()
    PROFILES = auto()
    """Every resource of the BMC, held against the spec's profiles: hundreds of reads."""
    OPENNESS = auto()
    """Which ways into the BMC are open that podyard does not need."""
    DRAW = auto()
    """What the BMC's meter says of the draw, where it has one."""
    DRIVES = auto()
    """The drives, and what erases them."""
    BOOT_NICS = auto()
    """Which NIC the firmware asks first for a boot image."""


class Seen(NamedTuple):
    """One observation of a host. What was not looked at is None."""

    now: datetime
    identity: BmcIdentity | None = None
    power: PowerState = PowerState.UNKNOWN
    ipmi_open: bool | None = None
    """Whether the BMC listens to IPMI over LAN; None: it does not tell, or needs it."""
    weak_ciphers: tuple[int, ...] = ()
    """IPMI cipher suites that need no password or keep nothing secret, and may be used."""
    takes_certificates: bool = False
    """Whether the BMC's own certificate can be replaced."""
    draw_watts: float | None = None
    facts: HardwareFacts | None = None
    conformance: tuple[Mismatch, ...] | None = None
    firmware: dict[str, str] | None = None
    tasks: tuple[TaskReading, ...] = ()
    drives: tuple[DriveReading, ...] | None = None
    """None: not looked at, or this BMC erases no drives."""
    erasing: tuple[TaskReading, ...] = ()
    bios: BiosState | None = None
    boot_source: BootSource | None = None
    media: Media | None = None
    boot_nics: tuple[str, ...] | None = None
    """MAC addresses as the firmware asks them; None: not looked at, or this BMC does not tell."""
    agent: AgentSeen | None = None

    @property
    def age_s(self) -> Callable[[datetime], float]:
        """Seconds between a moment and this observation."""
        return lambda moment: (self.now - moment).total_seconds()


@dataclass(frozen=True, slots=True)
class Place:
    """Where the spec puts a host."""

    rack: RackSpec
    slot: SlotSpec


class Around(NamedTuple):
    """What a look at the whole pod says of one host."""

    findings: tuple[Mismatch, ...] = ()
    as_of: datetime | None = None
    """When that look was taken; None: nobody looked, and nothing is waited for."""


@dataclass(frozen=True, slots=True)
class Erasure:
    """What was tried on one drive since its host began to be cleaned, and what became of it."""

    serial: str
    slot: str
    method: str
    """Empty: nothing could be tried."""
    state: Literal["open", "told", "failed", "proven"]
    """`told`: the BMC says that it is done, or nobody says anything: it has to be read."""
    task: str = ""
    note: str = ""
    gone: bool = False
    """Neither its BMC nor an agent shows it any more."""
    hidden: bool = False
    """Its BMC does not show it, and an agent sees it."""
    lied: bool = False
    """The BMC said that it was erased, and a read showed that it was not."""
    unbegun: bool = False
    """Nobody ever saw it begin, and a read showed that it did not: it may be asked for again."""


class Wanted(NamedTuple):
    """What the pod's spec and its bring-up want of one host.

    A tuple, since one is made at every step, and a frozen class takes five times as long to fill.
    """

    host_type: HostType
    firmware: tuple[FirmwareItem, ...]
    bios: dict[str, str | int | bool]
    floors: tuple[Floor, ...]
    bring_up: bool
    """The pod's plan is approved and running."""
    canary_clear: bool
    """Every host of an earlier canary wave is ready."""
    trial_waits: str = ""
    """Which host of the trial stage is waited for; empty when none is."""
    brake: str = ""
    """Why nothing more may be started in this pod; empty when the brake is off."""
    planned_updates: frozenset[tuple[str, str]] = frozenset()
    """(component, version) that the approved plan lists for this host."""
    open_steps: frozenset[str] = frozenset()
    """Guarded acts of this host that were begun and not settled, but for those it does itself."""
    in_band: bool = False
    """A boot in which the host writes or erases its own disks is on record and not settled."""
    unit_free: bool = True
    """No claim holds a unit of this host."""
    place: Place | None = None
    around: Around = Around()
    profiles: tuple[str, ...] = ()
    """Interoperability profiles that its BMC must satisfy."""
    certified: Predicate | None = None
    """What the host's certificate states; None while it has none."""
    suspended: tuple[SuspendedFor, ...] = ()
    """Why that certificate must not be relied upon; none: it stands."""
    feeds: tuple[str, ...] = ()
    """The feeds of its slot."""
    inspect_every_s: float = 900.0
    """How long a ready host's hardware may go unread."""
    erase: ErasePolicy | None = None
    """How the drives of a host that comes back are erased; None: they are left alone."""
    erasures: tuple[Erasure, ...] = ()
    """What was tried on its drives since it began to be cleaned, in order."""
    unerased: tuple[Erasure, ...] = ()
    """Drives that the last cleaning of this host could not erase."""
    drives_looked: bool = False
    """A system of ours looked for drives in this stay in *cleaning*."""
    erasure_certified: bool = False
    """What became of its drives in this stay in *cleaning* is signed."""
    adoption: AdoptionPolicy = COMMON
    """What the site wants done at its BMCs."""
    loop_leak: str = ""
    """Which host leaks on the cooling loop of this one, itself first; empty: none does."""
    leak_stops_claims: bool = False
    """The pod's policy: hosts on a loop that leaks are shut down though a claim holds them."""
    peer_share: float = PEER_SHARE
    """How much of its peers' speed each accelerator of the host must reach."""
    boot_policy: Literal["memory", "disk"] = "memory"
    """Where the host is to run from."""
    restore_power: bool = False
    """The pod's policy: a ready host that somebody switched off is brought up anew."""


@dataclass(frozen=True, slots=True)
class Notice:
    """Trouble that is shown beside the state while podyard goes on by itself."""

    kind: str
    message: str
    remedy: str
    """What a person may do about it meanwhile."""
    next_step: str = "looks again"


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing to do but look again."""

    reason: str
    recheck_after_s: float
    others: bool = False
    """It waits for people or for other hosts: its own allowed time does not run meanwhile."""
    notice: Notice | None = None


@dataclass(frozen=True, slots=True)
class Do:
    """Change one thing. Repeated until an observation shows its effect."""

    action: Action
    reason: str


@dataclass(frozen=True, slots=True)
class Advance:
    """Move to another state."""

    to: HostState
    reason: str


@dataclass(frozen=True, slots=True)
class Hold:
    """A person must act: the loop leaves the host alone until someone says retry."""

    problem: str
    message: str
    remedy: str


Decision = Wait | Do | Advance | Hold
Decider = Callable[[Host, Seen, Wanted], Decision]
Looks = Callable[[Host, Wanted, AgentSeen | None, datetime], Look]
"""What a decider needs to see, where that depends on the host."""
