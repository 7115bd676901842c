"""The records of the inventory: what exists, in which state, who holds it.

Records are frozen values; a change is a new value written through a store, which bumps `version`
and refuses a write that was based on an older one. They carry no behaviour beyond small questions
about themselves: deciding happens in the deciders, writing in the store.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from inventory.agents import ObservedState, RayOrder
from inventory.states import ClaimState, Health, HostState, PowerState, UnitState
from pods.erasing import EraseMethod
from pods.facts import HardwareFacts
from pods.match import Mismatch
from pods.plan import Plan
from pods.rating import Rating
from pods.suspension import Cure, Rule

Name = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$")]
Tag = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9_.-]{0,61}[a-z0-9])?$")]
"""A word that people put on records to find them by."""
CustomName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
Custom = dict[CustomName, str | bool | int | float | None]
"""Fields that a site adds for itself: plain values, so that each can be filtered."""


class Record(BaseModel):
    """The base of every record."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """As every model's. A record has fields and nothing else, and each write makes copies."""
        if deep or self.__pydantic_private__ is not None:
            return super().model_copy(update=update, deep=deep)
        changed, known = update or {}, self.__pydantic_fields_set__
        copied = type(self).__new__(type(self))
        object.__setattr__(copied, "__dict__", {**self.__dict__, **changed})
        # Shared where nothing was set for the first time: nobody changes the set of a frozen model.
        told = known if changed.keys() <= known else known | changed.keys()
        object.__setattr__(copied, "__pydantic_fields_set__", told)
        object.__setattr__(copied, "__pydantic_extra__", None)
        object.__setattr__(copied, "__pydantic_private__", None)
        return copied


class Problem(Record):
    """Why a host does not move on. It stands beside the state and never replaces it."""

    kind: str
    message: str
    since: datetime
    seen: int = 1
    tried: tuple[str, ...] = ()
    next_step: str = ""
    next_at: datetime | None = None
    remedy: str = ""
    """What a person must do; empty when podyard goes on by itself."""

    @property
    def parked(self) -> bool:
        """True when only a person can move this host."""
        return self.next_at is None


class Tried(Record):
    """A remedy that podyard tried on a host that stayed in its state for too long."""

    remedy: str
    at: datetime
    outcome: str = ""
    """What became of it, where that is known at once."""


class Skipped(Record):
    """What a person said need not be waited for, in the state that the host was in then."""

    what: Literal["canary", "clean", "configure", "update"]
    why: str
    by: str
    at: datetime


RotationPhase = Literal["", "asked", "pending"]
"""How far a BMC's new password, or certificate, is: wished for, or stored beside the one that it
replaces."""
Whose = Literal["own", "factory"]
"""Who knows a BMC's password: its owner alone, or its vendor and whoever unpacked it as well."""


BootPurpose = Literal["", "read-drives", "deploy", "disk"]
"""Why a host is booted, where that is not to run it in memory: to read its drives, to write an
image to its disk, or to run it from there."""


class BmcAccess(Record):
    """Where and as whom to reach a host's BMC. The password is in `secrets`, enveloped."""

    address: str
    fingerprint: str
    username: str
    revision: int = 0
    """Grows with every correction, also of the password alone: an open connection is an old one."""
    credentials: Whose = "own"
    """Whether others know them: podyard gives a BMC with its vendor's another password."""


class Adoption(Record):
    """What podyard did to make a host's BMC its own, and what it found there."""

    password_set_at: datetime | None = None
    """When podyard made its password; None: a person gave it, and it is left alone."""
    password_tried_at: datetime | None = None
    """When a new password was last refused: it is not tried again at once."""
    certificate_until: datetime | None = None
    """The end of the certificate that the site's authority signed; None: the BMC's own."""
    certificate_tried_at: datetime | None = None
    """When a new certificate was last refused."""
    closings: int = 0
    """How often what must be closed was asked to close, and did not."""
    findings: tuple[str, ...] = ()
    """What was found open or could not be done, in words for a person."""
    first_sight_at: datetime | None = None
    """When the certificate that its BMC showed to a stranger was pinned and nobody vouched for it;
    None: a person gave the pin, or an authority of the site's signed the certificate."""


class BootRecord(Record):
    """The boot medium made for one boot of a host."""

    media_id: str
    media_url: str
    token_hash: str
    expires_at: datetime
    powered_at: datetime | None = None
    """When power-on was asked for with this medium inserted; None: not yet."""
    tries: int = 1
    purpose: BootPurpose = ""
    asked_at: datetime | None = None
    """When the medium was first asked for after power-on; None: it was not. Only the boot door
    writes it."""
    refused: str = ""
    """Why an agent that presented its token was turned away. Only the boot door writes it."""
    nic_asked_at: datetime | None = None
    """When its BMC was asked to have the spec's port asked first; None: not for this boot."""
    silence: str = ""
    """What was found of the try before this one, of which no agent reported."""
    image: str = ""
    """What is written to the disk, or was: the digest of an image."""
    disk_gib: int = 0
    """The size of the disk that the spec means; 0: it does not say."""
    erase: tuple[EraseMethod, ...] = ()
    """How its agent erases the drives that it reads and that are not proven erased."""
    leave_asked_at: datetime | None = None
    """When its agent last asked whether it may destroy anything. Only the boot door writes it."""
    leave_given_at: datetime | None = None
    """When the controller said that it may; for minutes."""


class Rental(Record):
    """On which terms a host that belongs to somebody else is here."""

    provider: Name
    price_per_hour: Annotated[float, Field(ge=0, le=1e6, allow_inf_nan=False)]
    """For the whole host, in the site's own currency."""
    until: AwareDatetime
    """When it goes back: no certificate of it is valid for longer."""


class Host(Record):
    """One physical server with a BMC."""

    id: str
    name: Name
    site: Name = "here"
    pod: Name
    slot: Name
    rack: Name
    position: float | None = None
    """The lowest rack unit that it fills; None where its place is not counted in units."""
    feed: Name
    feed_b: str = ""
    """The other feed of a host with supplies on two."""
    link_domain: str = ""
    """The accelerators that reach each other over the fastest links, by a name of their own: one
    host, or the hosts of one rack. Empty: not known."""
    asset_tag: str = ""
    host_type: Name
    simulated: bool
    wave: int = 0
    state: HostState = HostState.ENROLLED
    state_since: datetime
    target: Literal["enrolled", "ready", "repairing", "retired"] = "enrolled"
    """Where people want it: the only thing that API and CLI set."""
    serial: str
    uuid: str = ""
    register_again: bool = False
    """A person gave it another identity: what was learned of the old one no longer counts."""
    bmc: BmcAccess
    rotation: RotationPhase = ""
    renewal: RotationPhase = ""
    """How far the BMC's new certificate is."""
    adoption: Adoption = Adoption()
    power: PowerState = PowerState.UNKNOWN
    health: Health = Health.UNKNOWN
    problem: Problem | None = None
    maintenance: str = ""
    """Why a person has the host, or wants it, for repair."""
    paused: str = ""
    """Why a person stopped podyard from changing anything here; empty: nobody did."""
    quarantine: str = ""
    """Why a person set it apart: nothing is done to it and nothing new placed on it."""
    skipped: Skipped | None = None
    counted_from: datetime | None = None
    """Since when the state's allowed time counts: waiting for others does not use it up. None:
    since the state began."""
    tried: tuple[Tried, ...] = ()
    """The remedies of this stay in this state, in order."""
    uncleaned: bool = False
    """It was offered, and has not been cleaned since: what tenants left may still be on it."""
    setbacks: int = 0
    """How often it went down on this way up, after it had booted."""
    waiting: str = ""
    """What the host is waiting for, in words for an operator."""
    wake_at: datetime
    facts: HardwareFacts | None = None
    inspected_at: datetime | None = None
    """When a ready host's hardware was read whole again; None: not since it became ready."""
    leak: str = ""
    """What its leak detectors saw: its cooling loop is closed until a person retries this host."""
    shutdown_at: datetime | None = None
    """When its operating system was asked to shut down; None: nobody asked."""
    doubt: str = ""
    """Digest of facts that contradict the certificate and were seen once: one look is none."""
    conformance: tuple[Mismatch, ...] | None = None
    """What the BMC misses of the profiles that the spec names; None: not looked at."""
    mismatches: tuple[Mismatch, ...] = ()
    boot: BootRecord | None = None
    configured_boot_id: str = ""
    """The boot that ansible configured last; another boot needs it again."""
    acceptance_order: str = ""
    acceptance_round: int = 0
    """How often acceptance was ordered: the order's part of the desired state's generation."""
    certificate_id: str = ""
    reserved_watts: int = 0
    """Held on the feed by power admission."""
    root: str = ""
    """Simulated hosts only: the directory that stands for the host's file system."""
    rental: Rental | None = None
    """None: it is owned."""
    tags: tuple[Tag, ...] = ()
    custom: Custom = Field(default_factory=dict)
    version: int = 1


class AgentSeen(Record):
    """The last exchange with a host's agent. Only the agent door writes it."""

    host_id: str
    media_id: str
    """The boot medium whose token this agent enrolled with: a token is single-use."""
    certificate_serial: str
    """Of this boot's client certificate, in hexadecimal: an earlier boot's is refused."""
    key_digest: str = ""
    """sha256 of the public key that enrolled: tells a repeated request from a stolen token."""
    enrolled_at: datetime
    seen_at: datetime
    observed: ObservedState | None = None
    version: int = 1


class RayMember(Record):
    """What runtime wants a host's agent to do for a Ray cluster. Only runtime writes it."""

    host_id: str
    cluster_id: str = ""
    order: RayOrder | None = None
    """Its token is empty here: the agent door fills it in from the sealed secret."""
    drain: bool = False
    version: int = 1


class PlanApproval(Record):
    """Who approved a plan: it is bound into the certificates of what the plan brought up."""

    by: str
    plan_digest: str
    at: datetime


class Pod(Record):
    """One instance of a PodSpec at a site."""

    name: Name
    site: Name
    spec: str
    spec_digest: str
    spec_document: dict[str, Any]
    plan: Plan | None = None
    """The approved plan; None until `podyard pod up`."""
    approval: PlanApproval | None = None
    simulated: bool
    created_at: datetime
    bring_up: Literal["inspecting", "running", "held"] = "inspecting"
    price_per_unit_hour: Annotated[float, Field(ge=0, le=1e6)] = 0.0
    """What a unit of an owned host of it costs, in the site's own currency."""
    tags: tuple[Tag, ...] = ()
    custom: Custom = Field(default_factory=dict)
    version: int = 1


class SuspendedFor(Record):
    """One cause for which a certificate is suspended, from when on."""

    rule: Rule
    what: str
    remedy: str
    cure: Cure
    since: datetime


class CertificateRecord(Record):
    """A signed certificate as stored: the envelope is the truth, the rest is for finding it."""

    id: str
    host_id: str
    host: str
    envelope: dict[str, Any]
    issued_at: datetime
    expires_at: datetime
    simulated: bool
    facts_digest: str
    suspended: tuple[SuspendedFor, ...] = ()
    """Why it must not be relied upon. The envelope stays as it is: only a new one ends this."""


class ComputeUnit(Record):
    """The uniform thing offered upward."""

    id: str
    name: str
    pod: str
    site: str
    unit_class: str
    accelerators: int
    host_ids: tuple[str, ...]
    certificate_ids: tuple[str, ...]
    rating: Rating
    labels: dict[str, str]
    simulated: bool
    state: UnitState = UnitState.AVAILABLE
    claim: str = ""
    expiry_told: str = ""
    """The certificate of which was said that it soon ends: it is said once."""
    version: int = 1


Level = Literal["domain", "rack", "leaf", "pod", "site"]
"""How close together units can be asked for, closest first."""

UNITS_MAX = 4096


class ClaimPart(Record):
    """One more sort of unit that a claim asks for: it gets all of its parts, or nothing."""

    unit_class: str
    """A class, several with commas between, or `any`."""
    count: Annotated[int, Field(ge=0, le=UNITS_MAX)] = 0
    b200_equivalents: Annotated[float, Field(gt=0, le=1e6)] | None = None
    profile: str = ""
    within: Level = "site"
    feeds_min: Annotated[int, Field(ge=1, le=64)] = 1


class Notice(Record):
    """A claim was told that it ends before its time."""

    told_at: datetime
    leave_at: datetime
    why: str
    for_claim: str = ""
    """The claim that gets its units."""


class Leaving(Record):
    """A unit that a claim is giving back while it keeps the others."""

    unit_id: str
    since: datetime
    """From here on it is not paid for."""
    leave_at: datetime
    """Until then what runs on it may go on, if it can."""
    why: str
    replaced_by: str = ""
    left: bool = False
    """The claim has it no more; it is given back when nothing of the tenant runs on it."""


class Claim(Record):
    """A tenant's hold on units until released or expired."""

    id: str
    tenant: Name
    cluster: Name = "main"
    unit_class: str
    """A class, several with commas between, or `any`."""
    count: Annotated[int, Field(ge=0, le=UNITS_MAX)]
    """0 where an amount of B200-equivalents is asked for instead."""
    b200_equivalents: Annotated[float, Field(gt=0, le=1e6)] | None = None
    profile: str = ""
    """What the B200-equivalents are rated for."""
    within: Level = "site"
    """All units in one of these."""
    feeds_min: Annotated[int, Field(ge=1, le=64)] = 1
    """On at least so many power feeds, none of which carries more than its even part."""
    more: tuple[ClaimPart, ...] = ()
    """What it asks for besides."""
    together: Level = "site"
    """All parts in one of these."""
    site: str = ""
    """Only units of this site; empty: of any."""
    owned: bool | None = None
    """Only units that are owned, or only rented ones; null: either."""
    price_max_per_hour: Annotated[float, Field(ge=0)] | None = None
    """Of one unit."""
    labels: dict[str, str] = Field(default_factory=dict)
    """Only units that have all of these."""
    accept_simulated: bool = False
    priority: Annotated[int, Field(ge=0, le=1000)] = 0
    """Higher goes first."""
    preemptible: bool = False
    """It may be ended, after its grace, for a higher priority or for a guaranteed share."""
    may_preempt: bool = False
    """Others that are preemptible may be ended for it."""
    grace_minutes: Annotated[int, Field(ge=0, le=7 * 24 * 60)] = 5
    """How long beforehand it is told that it, or a unit of it, goes."""
    when_withdrawn: Literal["replace", "keep"] = "replace"
    """What becomes of a unit whose certificate is suspended, or whose host is off, under it."""
    state: ClaimState = ClaimState.PENDING
    why: str = ""
    lacks: str = ""
    """Which constraint fails, while it is pending: one word."""
    estimated_start: datetime | None = None
    """When it could start, while it is pending, if claims end when they say; null: nobody knows."""
    unit_ids: tuple[str, ...] = ()
    promised: tuple[str, ...] = ()
    """Units that are kept for it, because others are being ended for it."""
    promised_from: datetime | None = None
    notice: Notice | None = None
    leaving: tuple[Leaving, ...] = ()
    fence: int = 0
    """Grows with every change of what it holds: what was told an older number is out of date."""
    created_at: datetime
    bound_at: datetime | None = None
    released_at: datetime | None = None
    expires_at: datetime | None = None
    metered_unit_seconds: float = 0.0
    """Used until `metered_until`; from there on, its paid units times the time."""
    metered_until: datetime | None = None
    idempotency_key: str = ""
    version: int = 1

    @property
    def held_unit_ids(self) -> tuple[str, ...]:
        """Every unit on which something of the tenant may still run."""
        return (*self.unit_ids, *(one.unit_id for one in self.leaving if one.left))

    @property
    def paid_units(self) -> int:
        """Units that count: those it is told to leave do not."""
        gone = {one.unit_id for one in self.leaving}
        return sum(1 for unit_id in self.unit_ids if unit_id not in gone)

    def unit_seconds(self, now: datetime) -> float:
        """What it has used until now: computed when it is asked for, so it cannot be lost."""
        since = self.metered_until or self.bound_at
        if since is None:
            return 0.0
        until = self.released_at or now
        used = max(0.0, (until - since).total_seconds()) * self.paid_units
        return self.metered_unit_seconds + used

    @property
    def wants(self) -> str:
        """What it asks for, in words."""
        first = ClaimPart(**{name: getattr(self, name) for name in ClaimPart.model_fields})
        told = " and ".join(_wants(part) for part in (first, *self.more))
        return told + ("" if self.together == "site" else f", all in one {self.together}")


def _wants(part: ClaimPart) -> str:
    what = f"{part.count} of {part.unit_class}"
    if part.b200_equivalents is not None:
        amount = f"{part.b200_equivalents:g} B200-equivalents for {part.profile}"
        what = f"{amount} of {part.unit_class}"
    close = "" if part.within == "site" else f" in one {part.within}"
    return what + close + (f" on {part.feeds_min} feeds" if part.feeds_min > 1 else "")


class RayCluster(Record):
    """A tenant's named Ray cluster on the hosts of its claims."""

    id: str
    tenant: Name
    name: Name
    simulated: bool
    network: str
    subnet: int
    """Third octet of 10.77.x.0/24: one network per cluster."""
    head_host_id: str = ""
    member_host_ids: tuple[str, ...] = ()
    phase: Literal["forming", "running", "degraded", "stopping", "stopped"] = "forming"
    nodes_alive: int = 0
    isolated: bool = False
    message: str = ""
    version: int = 1


class Deployment(Record):
    """A model served on a cluster."""

    id: str
    tenant: Name
    cluster: Name
    name: Name
    """Also the model name that tenants ask for."""
    engine: Literal["xllamacpp"] = "xllamacpp"
    source: str
    """`package:<module>/<file>` or an absolute path on the hosts."""
    sha256: str
    replicas: Annotated[int, Field(ge=1, le=256)] = 1
    context_tokens: Annotated[int, Field(ge=256, le=131072)] = 2048
    phase: Literal["pending", "deploying", "running", "failed", "deleting"] = "pending"
    message: str = ""
    version: int = 1


class Tenant(Record):
    """Who pays."""

    name: Name
    created_at: datetime


class ApiKey(Record):
    """How a tenant or an operator proves who it is. Only the hash of the secret is kept."""

    id: str
    """The public middle part of `pyd_<id>_<secret>`."""
    secret_hash: str
    title: str = ""
    """What it is for, in its maker's words."""
    role: Literal["viewer", "operator", "admin", "tenant", "setup"]
    tenant: str = ""
    sites: tuple[str, ...] = ()
    """Where the role holds; none: everywhere."""
    permissions: tuple[str, ...] = ()
    """Those of the role that this key has; none: all of them."""
    read_only: bool = False
    networks: tuple[str, ...] = ()
    """Where it may be used from, as CIDR; none: from anywhere."""
    requests_per_minute: int = 0
    """0: no limit."""
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    """When it stops working; after a rotation that may lie ahead."""
    last_used_at: datetime | None = None
    """To within a few minutes: a write per request would cost more than it tells."""
    version: int = 1


class UsageRecord(Record):
    """A metered quantity for a tenant over an interval."""

    id: str
    """Given by whoever metered it: ingesting the same id twice counts once."""
    tenant: str
    kind: Literal["tokens", "unit_seconds"]
    model: str = ""
    claim: str = ""
    prompt_tokens: Annotated[int, Field(ge=0)] = 0
    completion_tokens: Annotated[int, Field(ge=0)] = 0
    unit_seconds: Annotated[float, Field(ge=0)] = 0.0
    started_at: datetime
    ended_at: datetime


class Event(Record):
    """Append-only: who, what, from, to, why, when."""

    seq: int = 0
    at: datetime
    actor: str
    kind: str
    subject: str
    """`host:<name>`, `pod:<name>`, `claim:<id>` …"""
    old: str = ""
    new: str = ""
    why: str = ""


class Intent(Record):
    """A destructive act, written down before the hardware is touched."""

    id: str
    host_id: str
    step: str
    """What it is for: the same step of the same host has one open intent at most."""
    step_class: Literal["destructive-observable", "destructive-blind"]
    arguments: dict[str, Any]
    fence: int
    state: Literal["open", "done", "parked", "failed"] = "open"
    note: str = ""
    created_at: datetime
    settled_at: datetime | None = None
