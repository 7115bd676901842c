"""What calls take and give.

Written by `python -m inventory.sdk.generating`; change the API instead.
"""

# ruff: noqa: A003, D101, D400, D415, E501, RUF100 - generated

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict


class AcceleratorFact(TypedDict):
    firmware: NotRequired[str]
    link_gbps: NotRequired[float | None]
    link_ports: NotRequired[int | None]
    links_up: NotRequired[int | None]
    memory_gib: int
    model: str
    part_number: NotRequired[str]
    pcie_lanes: NotRequired[int | None]
    pcie_lanes_max: NotRequired[int | None]
    power_limit_watts: NotRequired[float | None]
    remap_failed: NotRequired[bool | None]
    remap_pending: NotRequired[bool | None]
    rows_remapped: NotRequired[int | None]
    serial: NotRequired[str]
    slot: str
    sram_threshold_exceeded: NotRequired[bool | None]
    uuid: NotRequired[str]


class AccountBody(TypedDict):
    password: str
    username: str


class AccountSaid(TypedDict):
    name: str
    username: str


class Act(TypedDict):
    component: NotRequired[str]
    destructive: NotRequired[bool]
    from_version: NotRequired[str]
    host: str
    kind: Literal["power_on", "firmware_update", "bios_change", "boot", "configure", "accept"]
    to_version: NotRequired[str]


class AdapterFact(TypedDict):
    firmware: NotRequired[str]
    model: str
    part_number: NotRequired[str]
    pcie_lanes: NotRequired[int | None]
    pcie_lanes_max: NotRequired[int | None]
    port_gbps: NotRequired[float | None]
    ports: NotRequired[int | None]
    ports_up: NotRequired[int | None]
    serial: NotRequired[str]
    slot: str


class Anchor(TypedDict):
    at: str
    hash: str
    public_key: str
    seq: int
    signature: NotRequired[str]


class AnchorsView(TypedDict):
    head: Anchor | None
    kept: Anchor | None


class AuditEntry(TypedDict):
    action: str
    actor: str
    address: NotRequired[str]
    at: str
    detail: NotRequired[str]
    hash: NotRequired[str]
    outcome: NotRequired[str]
    previous_hash: NotRequired[str]
    request_id: NotRequired[str]
    seq: int
    subject: NotRequired[str]


class AuditPage(TypedDict):
    count: int | None
    last: int
    misfiled: list[int]
    next: str | None
    previous: str | None
    results: list[AuditEntry]


class BmcBody(TypedDict):
    address: NotRequired[str | None]
    credentials: NotRequired[Literal["own", "factory"] | None]
    fingerprint: NotRequired[str | None]
    password: NotRequired[str | None]
    serial: NotRequired[str | None]
    username: NotRequired[str | None]


class BmcLineView(TypedDict):
    at: str | None
    message: str
    seen_at: str
    severity: str
    source: str


class BmcLinesView(TypedDict):
    host: str
    results: list[BmcLineView]


class BmcNetworkView(TypedDict):
    cidr: str
    created: NotRequired[str | None]
    display: str
    id: str
    ipmi_port: int
    last_updated: NotRequired[str | None]
    name: str
    ports: list[int]
    simulated: bool
    site: str
    url: str
    version: int


class BodySignInSignInPost(TypedDict):
    key: NotRequired[str]
    next: NotRequired[str]
    password: NotRequired[str]
    user: NotRequired[str]


class CableEnd(TypedDict):
    id: str
    kind: Literal["host", "equipment"]
    name: NotRequired[str]
    port: str


class CableView(TypedDict):
    a: CableEnd
    created: NotRequired[str | None]
    custom: dict[str, Any]
    display: str
    id: str
    kind: str
    label: str
    last_updated: NotRequired[str | None]
    length_m: float | None
    pod: str
    site: str
    status: Literal["planned", "connected", "removed"]
    tags: list[str]
    url: str
    version: int
    z: CableEnd


class CduView(TypedDict):
    address: str
    asset_tag: str
    created: NotRequired[str | None]
    custom: dict[str, Any]
    display: str
    id: str
    kind: Literal["pdu", "power-shelf", "cdu", "switch"]
    last_updated: NotRequired[str | None]
    leak: str
    leak_seen: str | None
    model: str
    name: str
    pod: str
    position: float | None
    rack: str
    serial: str
    site: str
    tags: list[str]
    url: str
    version: int


class CertificateKey(TypedDict):
    key_id: str
    pem: str
    purpose: str


class CertificateView(TypedDict):
    created: NotRequired[str | None]
    display: str
    expires_at: str
    facts_digest: str
    host: str
    host_id: str
    id: str
    issued_at: str
    last_updated: NotRequired[str | None]
    simulated: bool
    suspended: list[SuspendedFor]
    url: str


class CertificateWhole(TypedDict):
    created: NotRequired[str | None]
    display: str
    envelope: dict[str, Any]
    expires_at: str
    facts_digest: str
    host: str
    host_id: str
    id: str
    issued_at: str
    last_updated: NotRequired[str | None]
    simulated: bool
    suspended: list[SuspendedFor]
    url: str


class ChangeCable(TypedDict):
    a: NotRequired[CableEnd]
    add_tags: NotRequired[list[str]]
    changelog_message: NotRequired[str]
    custom: NotRequired[dict[str, Any]]
    kind: NotRequired[str]
    label: NotRequired[str]
    length_m: NotRequired[float | None]
    pod: NotRequired[str]
    remove_tags: NotRequired[list[str]]
    status: NotRequired[Literal["planned", "connected", "removed"]]
    tags: NotRequired[list[str]]
    z: NotRequired[CableEnd]


class ChangeCdu(TypedDict):
    add_tags: NotRequired[list[str]]
    address: NotRequired[str]
    asset_tag: NotRequired[str]
    changelog_message: NotRequired[str]
    custom: NotRequired[dict[str, Any]]
    leak: NotRequired[str]
    model: NotRequired[str]
    pod: NotRequired[str]
    position: NotRequired[float | None]
    rack: NotRequired[str]
    remove_tags: NotRequired[list[str]]
    serial: NotRequired[str]
    tags: NotRequired[list[str]]


class ChangeFeed(TypedDict):
    add_tags: NotRequired[list[str]]
    amps: NotRequired[float]
    budget_watts: NotRequired[float | None]
    changelog_message: NotRequired[str]
    continuous_share: NotRequired[float]
    custom: NotRequired[dict[str, Any]]
    dead: NotRequired[str]
    phases: NotRequired[Literal[1, 3]]
    pod: NotRequired[str]
    racks: NotRequired[list[str]]
    remove_tags: NotRequired[list[str]]
    side: NotRequired[Literal["A", "B"]]
    tags: NotRequired[list[str]]
    volts: NotRequired[float]


class ChangeHost(TypedDict):
    add_tags: NotRequired[list[str]]
    asset_tag: NotRequired[str]
    changelog_message: NotRequired[str]
    custom: NotRequired[dict[str, Any]]
    remove_tags: NotRequired[list[str]]
    rental: NotRequired[Rental | None]
    tags: NotRequired[list[str]]


class ChangeJournalEntry(TypedDict):
    changelog_message: NotRequired[str]
    level: NotRequired[Literal["info", "success", "warning", "danger"]]
    text: NotRequired[str]


class ChangeLocation(TypedDict):
    add_tags: NotRequired[list[str]]
    changelog_message: NotRequired[str]
    custom: NotRequired[dict[str, Any]]
    kind: NotRequired[Literal["hall", "row"]]
    parent: NotRequired[str]
    remove_tags: NotRequired[list[str]]
    tags: NotRequired[list[str]]
    title: NotRequired[str]


class ChangePart(TypedDict):
    changelog_message: NotRequired[str]
    rma: NotRequired[str]
    why: NotRequired[str]


class ChangePdu(TypedDict):
    add_tags: NotRequired[list[str]]
    address: NotRequired[str]
    asset_tag: NotRequired[str]
    changelog_message: NotRequired[str]
    custom: NotRequired[dict[str, Any]]
    model: NotRequired[str]
    pod: NotRequired[str]
    position: NotRequired[float | None]
    rack: NotRequired[str]
    remove_tags: NotRequired[list[str]]
    serial: NotRequired[str]
    tags: NotRequired[list[str]]


class ChangePod(TypedDict):
    add_tags: NotRequired[list[str]]
    changelog_message: NotRequired[str]
    custom: NotRequired[dict[str, Any]]
    price_per_unit_hour: NotRequired[float]
    remove_tags: NotRequired[list[str]]
    tags: NotRequired[list[str]]


class ChangePowerShelf(TypedDict):
    add_tags: NotRequired[list[str]]
    address: NotRequired[str]
    asset_tag: NotRequired[str]
    changelog_message: NotRequired[str]
    custom: NotRequired[dict[str, Any]]
    model: NotRequired[str]
    pod: NotRequired[str]
    position: NotRequired[float | None]
    rack: NotRequired[str]
    remove_tags: NotRequired[list[str]]
    serial: NotRequired[str]
    tags: NotRequired[list[str]]


class ChangeQuota(TypedDict):
    changelog_message: NotRequired[str]
    guaranteed_b200e: NotRequired[float]
    jobs_queued_max: NotRequired[int | None]
    jobs_running_max: NotRequired[int | None]
    limit_b200e: NotRequired[float | None]
    priority_max: NotRequired[int]
    units_max: NotRequired[dict[str, Any]]
    weight: NotRequired[float]


class ChangeRack(TypedDict):
    add_tags: NotRequired[list[str]]
    asset_tag: NotRequired[str]
    changelog_message: NotRequired[str]
    custom: NotRequired[dict[str, Any]]
    form: NotRequired[Literal["eia", "orv3"]]
    height_units: NotRequired[int]
    location: NotRequired[str]
    max_weight_kg: NotRequired[float | None]
    pod: NotRequired[str]
    position_in_row: NotRequired[int | None]
    power_limit_watts: NotRequired[float | None]
    rack_type: NotRequired[str]
    remove_tags: NotRequired[list[str]]
    serial: NotRequired[str]
    tags: NotRequired[list[str]]


class ChangeSite(TypedDict):
    add_tags: NotRequired[list[str]]
    address: NotRequired[str]
    changelog_message: NotRequired[str]
    custom: NotRequired[dict[str, Any]]
    latitude: NotRequired[float | None]
    longitude: NotRequired[float | None]
    remove_tags: NotRequired[list[str]]
    tags: NotRequired[list[str]]
    time_zone: NotRequired[str]
    title: NotRequired[str]


class ChangeSwitch(TypedDict):
    add_tags: NotRequired[list[str]]
    address: NotRequired[str]
    asset_tag: NotRequired[str]
    changelog_message: NotRequired[str]
    custom: NotRequired[dict[str, Any]]
    model: NotRequired[str]
    pod: NotRequired[str]
    position: NotRequired[float | None]
    rack: NotRequired[str]
    remove_tags: NotRequired[list[str]]
    serial: NotRequired[str]
    tags: NotRequired[list[str]]


class Claim(TypedDict):
    accept_simulated: NotRequired[bool]
    b200_equivalents: NotRequired[float | None]
    bound_at: NotRequired[str | None]
    cluster: NotRequired[str]
    count: int
    created_at: str
    estimated_start: NotRequired[str | None]
    expires_at: NotRequired[str | None]
    feeds_min: NotRequired[int]
    fence: NotRequired[int]
    grace_minutes: NotRequired[int]
    id: str
    idempotency_key: NotRequired[str]
    labels: NotRequired[dict[str, str]]
    lacks: NotRequired[str]
    leaving: NotRequired[list[Leaving]]
    may_preempt: NotRequired[bool]
    metered_unit_seconds: NotRequired[float]
    metered_until: NotRequired[str | None]
    more: NotRequired[list[ClaimPart]]
    notice: NotRequired[Notice | None]
    owned: NotRequired[bool | None]
    preemptible: NotRequired[bool]
    price_max_per_hour: NotRequired[float | None]
    priority: NotRequired[int]
    profile: NotRequired[str]
    promised: NotRequired[list[str]]
    promised_from: NotRequired[str | None]
    released_at: NotRequired[str | None]
    site: NotRequired[str]
    state: NotRequired[ClaimState]
    tenant: str
    together: NotRequired[Literal["domain", "rack", "leaf", "pod", "site"]]
    unit_class: str
    unit_ids: NotRequired[list[str]]
    version: NotRequired[int]
    when_withdrawn: NotRequired[Literal["replace", "keep"]]
    why: NotRequired[str]
    within: NotRequired[Literal["domain", "rack", "leaf", "pod", "site"]]


class ClaimBody(TypedDict):
    accept_simulated: NotRequired[bool]
    b200_equivalents: NotRequired[float | None]
    cluster: NotRequired[str]
    count: NotRequired[int | None]
    feeds_min: NotRequired[int]
    grace_minutes: NotRequired[int]
    labels: NotRequired[dict[str, Any]]
    may_preempt: NotRequired[bool]
    more: NotRequired[list[PartBody]]
    owned: NotRequired[bool | None]
    preemptible: NotRequired[bool]
    price_max_per_hour: NotRequired[float | None]
    priority: NotRequired[int]
    profile: NotRequired[str]
    site: NotRequired[str]
    tenant: NotRequired[str]
    together: NotRequired[Literal["domain", "rack", "leaf", "pod", "site"]]
    unit_class: str
    valid_hours: NotRequired[int | None]
    when_withdrawn: NotRequired[Literal["replace", "keep"]]
    within: NotRequired[Literal["domain", "rack", "leaf", "pod", "site"]]


class ClaimPart(TypedDict):
    b200_equivalents: NotRequired[float | None]
    count: NotRequired[int]
    feeds_min: NotRequired[int]
    profile: NotRequired[str]
    unit_class: str
    within: NotRequired[Literal["domain", "rack", "leaf", "pod", "site"]]


ClaimState = Literal["pending", "bound", "releasing", "released"]


class ClaimStep(TypedDict):
    at: str | None
    done: bool
    says: str
    step: str


class ClaimView(TypedDict):
    accept_simulated: bool
    b200_equivalents: float | None
    bound_at: str | None
    cluster: str
    count: int
    created: NotRequired[str | None]
    created_at: str
    display: str
    estimated_start: str | None
    expires_at: str | None
    feeds_min: int
    fence: int
    grace_minutes: int
    id: str
    idempotency_key: str
    labels: dict[str, str]
    lacks: str
    last_updated: NotRequired[str | None]
    leaving: list[Leaving]
    may_preempt: bool
    metered_unit_seconds: float
    metered_until: str | None
    more: list[ClaimPart]
    notice: Notice | None
    owned: bool | None
    preemptible: bool
    price_max_per_hour: float | None
    priority: int
    profile: str
    promised: list[str]
    promised_from: str | None
    released_at: str | None
    site: str
    state: ClaimState
    tenant: str
    together: Literal["domain", "rack", "leaf", "pod", "site"]
    unit_class: str
    unit_ids: list[str]
    url: str
    version: int
    when_withdrawn: Literal["replace", "keep"]
    why: str
    within: Literal["domain", "rack", "leaf", "pod", "site"]


class ClaimWhole(TypedDict):
    accept_simulated: bool
    b200_equivalents: float | None
    bound_at: str | None
    cluster: str
    count: int
    created: NotRequired[str | None]
    created_at: str
    display: str
    estimated_start: str | None
    expires_at: str | None
    feeds_min: int
    fence: int
    grace_minutes: int
    id: str
    idempotency_key: str
    labels: dict[str, str]
    lacks: str
    last_updated: NotRequired[str | None]
    leaving: list[Leaving]
    may_preempt: bool
    metered_unit_seconds: float
    metered_until: str | None
    more: list[ClaimPart]
    notice: Notice | None
    owned: bool | None
    preemptible: bool
    price_max_per_hour: float | None
    priority: int
    profile: str
    promised: list[str]
    promised_from: str | None
    released_at: str | None
    site: str
    state: ClaimState
    steps: list[ClaimStep]
    tenant: str
    together: Literal["domain", "rack", "leaf", "pod", "site"]
    unit_class: str
    unit_ids: list[str]
    url: str
    version: int
    when_withdrawn: Literal["replace", "keep"]
    why: str
    within: Literal["domain", "rack", "leaf", "pod", "site"]


class ClusterView(TypedDict):
    created: NotRequired[str | None]
    display: str
    head_host_id: str
    id: str
    isolated: bool
    last_updated: NotRequired[str | None]
    member_host_ids: list[str]
    message: str
    name: str
    network: str
    nodes_alive: int
    phase: Literal["forming", "running", "degraded", "stopping", "stopped"]
    simulated: bool
    subnet: int
    tenant: str
    url: str
    version: int


class CoolantConnectorFact(TypedDict):
    flow_lpm: NotRequired[float | None]
    rated_flow_lpm: NotRequired[float | None]
    return_celsius: NotRequired[float | None]
    slot: str
    supply_celsius: NotRequired[float | None]


class CoolingPartFact(TypedDict):
    health: NotRequired[str]
    kind: Literal["fan", "pump"]
    slot: str


class Delivery(TypedDict):
    attempts: NotRequired[int]
    created_at: str
    event_seq: int
    id: str
    last_error: NotRequired[str]
    last_status: NotRequired[int | None]
    next_at: str
    state: NotRequired[Literal["pending", "delivered", "failed"]]
    version: NotRequired[int]
    webhook_id: str


class Deployment(TypedDict):
    cluster: str
    context_tokens: NotRequired[int]
    engine: NotRequired[Literal["xllamacpp"]]
    id: str
    message: NotRequired[str]
    name: str
    phase: NotRequired[Literal["pending", "deploying", "running", "failed", "deleting"]]
    replicas: NotRequired[int]
    sha256: str
    source: str
    tenant: str
    version: NotRequired[int]


class DeploymentBody(TypedDict):
    cluster: NotRequired[str]
    context_tokens: NotRequired[int]
    engine: NotRequired[Literal["xllamacpp"]]
    name: str
    replicas: NotRequired[int]
    sha256: str
    source: str
    tenant: NotRequired[str]


class DeploymentView(TypedDict):
    cluster: str
    context_tokens: int
    created: NotRequired[str | None]
    display: str
    engine: Literal["xllamacpp"]
    id: str
    last_updated: NotRequired[str | None]
    message: str
    name: str
    phase: Literal["pending", "deploying", "running", "failed", "deleting"]
    replicas: int
    sha256: str
    source: str
    tenant: str
    url: str
    version: int


class Desired(TypedDict):
    feed: str
    feed_b: str
    host_type: str
    pod: str
    position: float | None
    rack: str
    serial: str
    slot: str
    target: str


class DiscoveryBody(TypedDict):
    networks: NotRequired[list[str]]


class DiscoverySaid(TypedDict):
    addresses: int
    answered: int
    asked: int
    id: str
    matched: int
    networks: list[str]
    state: str
    why: str


class DiscoveryView(TypedDict):
    addresses: int
    answered: int
    asked: int
    asked_by: str
    created: NotRequired[str | None]
    created_at: str
    display: str
    ended_at: str | None
    id: str
    last_updated: NotRequired[str | None]
    matched: int
    networks: list[str]
    seed: int
    started_at: str | None
    state: Literal["waiting", "running", "done", "stopped", "failed"]
    url: str
    version: int
    why: str


class Drift(TypedDict):
    count: int
    paths: list[str]
    worst: str | None


class DriveFact(TypedDict):
    capacity_gib: int
    failure_predicted: NotRequired[bool | None]
    life_left_percent: NotRequired[float | None]
    model: str
    protocol: NotRequired[str]
    serial: NotRequired[str]
    slot: str


class EnergyView(TypedDict):
    gap_s: float
    gaps: int
    kwh: float
    read_at: str
    since: str


class EnrolBody(TypedDict):
    names: NotRequired[list[str]]


class EnrolledMany(TypedDict):
    enrolled: int
    refused: int
    results: list[EnrolledView]


class EnrolledView(TypedDict):
    hint: str
    host: str
    name: str
    why: str


class EnvelopeStep(TypedDict):
    lost_watts: NotRequired[float | None]
    phase: Literal["standby", "starting", "running"]
    watts: float
    wave: int


class ErasureView(TypedDict):
    at: str
    digest: str
    envelope: dict[str, Any]
    says: str


class ErrandBody(TypedDict):
    account: NotRequired[str]
    delete: NotRequired[bool]
    digest: NotRequired[str]
    dry_run: NotRequired[bool]
    errand: Literal["check", "plan", "apply", "import"]
    pod: NotRequired[str]


class ErrorBody(TypedDict):
    existing: NotRequired[str | None]
    hint: str
    kind: str
    message: str
    others: NotRequired[list[OtherProblem] | None]
    path: NotRequired[str | None]
    value: NotRequired[str | None]


class ErrorReply(TypedDict):
    error: ErrorBody


class Event(TypedDict):
    actor: str
    at: str
    kind: str
    new: NotRequired[str]
    old: NotRequired[str]
    seq: NotRequired[int]
    subject: str
    why: NotRequired[str]


class EventPage(TypedDict):
    count: int | None
    last: int
    next: str | None
    previous: str | None
    results: list[Event]


class Expectation(TypedDict):
    basis: Literal["past", "spec"]
    expected_s: float
    host_type: str
    samples: NotRequired[int]
    step: Literal["flashing", "preparing", "booting", "configuring", "accepting"]


class ExpectedHostView(TypedDict):
    account: str
    bmc: str
    created: NotRequired[str | None]
    display: str
    enrol: bool
    fingerprint: str
    found: str
    host_id: str
    id: str
    last_updated: NotRequired[str | None]
    macs: list[str]
    matched_by: list[str]
    name: str
    own_password: bool
    pod: str
    serial: str
    slot: str
    source: Literal["csv", "netbox"]
    url: str
    username: str
    uuid: str
    version: int
    why: str


class ExtendBody(TypedDict):
    hours: int


class FactoryAccountView(TypedDict):
    created: NotRequired[str | None]
    display: str
    id: str
    last_updated: NotRequired[str | None]
    name: str
    url: str
    username: str
    version: int


class FeedEnvelope(TypedDict):
    budget_watts: float
    feed: str
    peak_lost_watts: NotRequired[float | None]
    peak_watts: float
    steps: list[EnvelopeStep]


class FeedView(TypedDict):
    amps: float
    budget_watts: float | None
    continuous_share: float
    continuous_watts: float
    created: NotRequired[str | None]
    custom: dict[str, Any]
    dead: str
    dead_seen: str | None
    display: str
    id: str
    last_updated: NotRequired[str | None]
    name: str
    phases: Literal[1, 3]
    pod: str
    racks: list[str]
    side: Literal["A", "B"]
    site: str
    tags: list[str]
    url: str
    version: int
    volts: float


class Finding(TypedDict):
    effect: Literal["blocks", "warns", "notes"]
    found: str
    meaning: str
    path: str
    remedy: str
    severity: str
    told: str
    wanted: str


class Forgotten(TypedDict):
    host: str
    pod: str
    serial: str
    slot: str
    units: list[str]


class FoundBmcView(TypedDict):
    address: str
    created: NotRequired[str | None]
    discovery: str
    display: str
    expected: str
    fingerprint: str
    first_seen_at: str
    host: str
    id: str
    ip: str
    ipmi: bool
    last_updated: NotRequired[str | None]
    macs: list[str]
    network: str
    product: str
    redfish_version: str
    seen_at: str
    serials: list[str]
    site: str
    state: Literal["found", "matched", "host"]
    url: str
    uuid: str
    vendor: str
    version: int
    vouched_by: str
    why: str


class GateProof(TypedDict):
    confirmed_by: Literal["readings", "approver", "controller"]
    found: str
    gate: Literal["coolant-flow", "leak-detectors", "busbar", "bmc-standby", "hosts-staged", "load"]
    proof: str
    reading: str
    state: Literal["passed", "failed", "unknown", "later"]


class GivenHost(TypedDict):
    bmc: str
    credentials: NotRequired[Literal["own", "factory"]]
    fingerprint: str
    mac: NotRequired[str]
    name: str
    password: str
    rental: NotRequired[Rental | None]
    root: NotRequired[str]
    serial: str
    slot: str
    username: str
    uuid: NotRequired[str]


class GivenHosts(TypedDict):
    hosts: list[GivenHost]
    simulated: NotRequired[bool | None]


class GivenPod(TypedDict):
    hosts: NotRequired[list[GivenHost]]
    name: str
    simulated: NotRequired[bool]
    site: NotRequired[str]
    spec: str | dict[str, Any]


class Grant(TypedDict):
    role: Literal["viewer", "operator", "admin"]
    site: NotRequired[str]


class GrantBody(TypedDict):
    role: Literal["viewer", "operator", "admin"]
    site: NotRequired[str]


class HardwareFacts(TypedDict):
    accelerators: NotRequired[list[AcceleratorFact]]
    adapters: NotRequired[list[AdapterFact]]
    asset_tag: NotRequired[str]
    bios: NotRequired[dict[str, str | int | bool | None]]
    bios_version: NotRequired[str]
    bmc_firmware: NotRequired[str]
    chassis_serial: NotRequired[str]
    coolant: NotRequired[list[CoolantConnectorFact]]
    cooling: NotRequired[list[CoolingPartFact]]
    drives: NotRequired[list[DriveFact]]
    firmware: NotRequired[dict[str, str]]
    leak_detectors: NotRequired[list[LeakDetectorFact]]
    manufacturer: str
    memory: NotRequired[list[MemoryModuleFact]]
    model: str
    neighbours: NotRequired[dict[str, list[Any]]]
    nics: NotRequired[list[NicFact]]
    observed_at: str
    part_number: NotRequired[str]
    position: NotRequired[PositionFact]
    power_redundancy: NotRequired[str]
    power_supplies: NotRequired[list[PowerSupplyFact]]
    processors: NotRequired[list[ProcessorFact]]
    serial: str
    source: str
    trust: NotRequired[TrustFact]
    uuid: str


class HintView(TypedDict):
    taken: bool


class Hold(TypedDict):
    by: str
    reason: str
    since: str
    where: list[str]


class HoldBody(TypedDict):
    reason: str


class HostDetail(TypedDict):
    acceptance_rounds: int
    bmc_address: str
    bmc_fingerprint: str
    boot_tries: int
    certificate_id: str
    facts: HardwareFacts | None
    feed: str
    health: InventoryStatesHealth
    host_type: str
    id: str
    maintenance: str
    mismatches: list[Finding]
    name: str
    paused: str
    pod: str
    power: PowerState
    problem: Problem | None
    quarantine: str
    rack: str
    reserved_watts: int
    serial: str
    simulated: bool
    site: str
    slot: str
    state: HostState
    state_since: str
    target: str
    uuid: str
    waiting: str
    wake_at: str


class HostLine(TypedDict):
    asset_tag: str
    bmc_address: str
    certificate_id: str
    created: str | None
    custom: dict[str, Any]
    desired: Desired
    display: str
    drift: Drift
    feed: str
    feed_b: str
    health: InventoryStatesHealth
    host_type: str
    id: str
    last_updated: str | None
    link_domain: str
    maintenance: str
    name: str
    observed: Observed
    owned: bool
    pod: str
    position: float | None
    power: PowerState
    problem: Problem | None
    rack: str
    rental: Rental | None
    reserved_watts: int
    serial: str
    simulated: bool
    site: str
    slot: str
    state: HostState
    state_since: str
    tags: list[str]
    target: str
    url: str
    version: int
    waiting: str


HostState = Literal[
    "enrolled",
    "registering",
    "inspecting",
    "matching",
    "preparing",
    "booting",
    "configuring",
    "accepting",
    "ready",
    "draining",
    "cleaning",
    "repairing",
    "retired",
]


class HostWhole(TypedDict):
    acceptance_rounds: int
    asset_tag: str
    bmc_address: str
    bmc_fingerprint: str
    boot_tries: int
    certificate_id: str
    created: str | None
    custom: dict[str, Any]
    desired: Desired
    display: str
    drift: Drift
    facts: HardwareFacts | None
    feed: str
    feed_b: str
    health: InventoryStatesHealth
    host_type: str
    id: str
    last_updated: str | None
    link_domain: str
    maintenance: str
    mismatches: list[Finding]
    name: str
    observed: Observed
    owned: bool
    pod: str
    position: float | None
    power: PowerState
    problem: Problem | None
    rack: str
    rental: Rental | None
    reserved_watts: int
    serial: str
    simulated: bool
    site: str
    slot: str
    state: HostState
    state_since: str
    tags: list[str]
    target: str
    url: str
    uuid: str
    version: int
    waiting: str
    wake_at: str


class Imported(TypedDict):
    created: int
    faults: list[ListFault]
    hosts: int
    rows: int
    unchanged: int
    updated: int
    written: bool


class ItemStatus(TypedDict):
    error: NotRequired[dict[str, Any] | None]
    index: int
    record: NotRequired[dict[str, Any] | None]
    status: int


class ItemStatuses(TypedDict):
    failed: int
    results: list[ItemStatus]
    succeeded: int


class Job(TypedDict):
    after: NotRequired[list[str]]
    asked_by: NotRequired[str]
    cluster: NotRequired[str]
    created_at: str
    ended_at: NotRequired[str | None]
    entrypoint: str
    failures: NotRequired[int]
    id: str
    metadata: NotRequired[dict[str, str]]
    not_before: NotRequired[str | None]
    num_cpus: NotRequired[float]
    num_gpus: NotRequired[float]
    priority: NotRequired[int]
    resources: NotRequired[dict[str, float]]
    retries: NotRequired[int]
    runtime_env: NotRequired[dict[str, Any]]
    started_at: NotRequired[str | None]
    state: NotRequired[JobState]
    stop_wanted: NotRequired[bool]
    tenant: str
    time_limit_s: NotRequired[float | None]
    tries: NotRequired[int]
    version: NotRequired[int]
    why: NotRequired[str]


class JobBody(TypedDict):
    after: NotRequired[list[str]]
    cluster: NotRequired[str]
    entrypoint: str
    metadata: NotRequired[dict[str, Any]]
    num_cpus: NotRequired[float]
    num_gpus: NotRequired[float]
    priority: NotRequired[int]
    resources: NotRequired[dict[str, Any]]
    retries: NotRequired[int]
    runtime_env: NotRequired[dict[str, Any]]
    tenant: NotRequired[str]
    time_limit_s: NotRequired[float | None]


JobState = Literal["queued", "starting", "running", "succeeded", "failed", "stopped"]


class JobView(TypedDict):
    after: list[str]
    asked_by: str
    cluster: str
    created: NotRequired[str | None]
    created_at: str
    display: str
    ended_at: str | None
    entrypoint: str
    failures: int
    id: str
    last_updated: NotRequired[str | None]
    metadata: dict[str, str]
    not_before: str | None
    num_cpus: float
    num_gpus: float
    priority: int
    resources: dict[str, float]
    retries: int
    runtime_env: dict[str, Any]
    started_at: str | None
    state: JobState
    stop_wanted: bool
    tenant: str
    time_limit_s: float | None
    tries: int
    url: str
    version: int
    why: str


class JournalEntryView(TypedDict):
    at: str
    author: str
    created: NotRequired[str | None]
    display: str
    id: str
    last_updated: NotRequired[str | None]
    level: Literal["info", "success", "warning", "danger"]
    subject: str
    text: str
    url: str
    version: int


class KeyBody(TypedDict):
    networks: NotRequired[list[str]]
    permissions: NotRequired[list[Permission]]
    read_only: NotRequired[bool]
    requests_per_minute: NotRequired[int]
    role: NotRequired[Literal["viewer", "operator", "admin", "tenant"]]
    sites: NotRequired[list[str]]
    tenant: NotRequired[str]
    title: NotRequired[str]
    valid_days: NotRequired[int | None]


class KeyView(TypedDict):
    created_at: str
    expires_at: str | None
    id: str
    last_used_at: str | None
    networks: list[str]
    permissions: list[str]
    read_only: bool
    requests_per_minute: int
    revoked_at: str | None
    role: str
    sites: list[str]
    tenant: str
    title: str


class LeakDetectorFact(TypedDict):
    critical_reaction: NotRequired[str]
    slot: str
    state: NotRequired[str]


class Leaving(TypedDict):
    leave_at: str
    left: NotRequired[bool]
    replaced_by: NotRequired[str]
    since: str
    unit_id: str
    why: str


class LeftOut(TypedDict):
    host: str
    reason: str
    remedy: str


class ListFault(TypedDict):
    column: str
    hint: str
    line: int
    message: str
    value: str


class LocationView(TypedDict):
    created: NotRequired[str | None]
    custom: dict[str, Any]
    display: str
    id: str
    kind: Literal["hall", "row"]
    last_updated: NotRequired[str | None]
    name: str
    parent: str
    site: str
    tags: list[str]
    title: str
    url: str
    version: int


class ManyJobs(TypedDict):
    jobs: list[JobBody]


class Me(TypedDict):
    key_id: str
    name: str
    permissions: list[str]
    roles: dict[str, list[str]]
    tenant: str
    user: str


class MemoryModuleFact(TypedDict):
    capacity_gib: int
    error_correction: NotRequired[str]
    part_number: NotRequired[str]
    serial: NotRequired[str]
    slot: str


class NetBoxDrift(TypedDict):
    at: NotRequired[str | None]
    counts: NotRequired[dict[str, int]]
    intents: NotRequired[list[dict[str, Any]]]
    orphans: NotRequired[list[dict[str, Any]]]
    refused: NotRequired[list[dict[str, Any]]]
    steps: NotRequired[list[dict[str, Any]]]


class NetBoxRun(TypedDict):
    by: str
    ended_at: NotRequired[str | None]
    errand: Literal["check", "plan", "apply", "import"]
    hint: NotRequired[str]
    id: str
    problem: NotRequired[str]
    result: NotRequired[dict[str, Any]]
    started_at: str
    state: NotRequired[Literal["running", "done", "failed"]]


class NetBoxStatus(TypedDict):
    configured: NotRequired[bool]
    drift: NotRequired[dict[str, int]]
    hint: NotRequired[str]
    looked_at: NotRequired[str | None]
    owner: NotRequired[str]
    problem: NotRequired[str]
    push: NotRequired[str]
    pushed_at: NotRequired[str | None]
    running: NotRequired[str]
    url: NotRequired[str]
    version: NotRequired[str]
    waiting_hints: NotRequired[int]


class NetworkBody(TypedDict):
    cidr: str
    ipmi_port: NotRequired[int]
    ports: NotRequired[list[int]]
    simulated: NotRequired[bool]
    site: NotRequired[str]


class NetworkSaid(TypedDict):
    cidr: str
    ipmi_port: int
    name: str
    ports: list[int]
    simulated: bool
    site: str


class NewCable(TypedDict):
    a: CableEnd
    changelog_message: NotRequired[str]
    custom: NotRequired[dict[str, Any]]
    kind: NotRequired[str]
    label: NotRequired[str]
    length_m: NotRequired[float | None]
    pod: NotRequired[str]
    site: NotRequired[str]
    status: NotRequired[Literal["planned", "connected", "removed"]]
    tags: NotRequired[list[str]]
    z: CableEnd


class NewCdu(TypedDict):
    address: NotRequired[str]
    asset_tag: NotRequired[str]
    changelog_message: NotRequired[str]
    custom: NotRequired[dict[str, Any]]
    model: NotRequired[str]
    name: str
    pod: NotRequired[str]
    position: NotRequired[float | None]
    rack: NotRequired[str]
    serial: NotRequired[str]
    site: str
    tags: NotRequired[list[str]]


class NewFeed(TypedDict):
    amps: float
    budget_watts: NotRequired[float | None]
    changelog_message: NotRequired[str]
    continuous_share: NotRequired[float]
    custom: NotRequired[dict[str, Any]]
    dead: NotRequired[str]
    name: str
    phases: NotRequired[Literal[1, 3]]
    pod: NotRequired[str]
    racks: NotRequired[list[str]]
    side: NotRequired[Literal["A", "B"]]
    site: str
    tags: NotRequired[list[str]]
    volts: float


class NewHost(TypedDict):
    bmc: str
    credentials: NotRequired[Literal["own", "factory"]]
    fingerprint: str
    mac: NotRequired[str]
    name: str
    password: str
    pod: str
    rental: NotRequired[Rental | None]
    root: NotRequired[str]
    serial: str
    slot: str
    username: str
    uuid: NotRequired[str]


class NewJournalEntry(TypedDict):
    changelog_message: NotRequired[str]
    level: NotRequired[Literal["info", "success", "warning", "danger"]]
    subject: str
    text: str


class NewLocation(TypedDict):
    changelog_message: NotRequired[str]
    custom: NotRequired[dict[str, Any]]
    kind: Literal["hall", "row"]
    name: str
    parent: NotRequired[str]
    site: str
    tags: NotRequired[list[str]]
    title: NotRequired[str]


class NewPdu(TypedDict):
    address: NotRequired[str]
    asset_tag: NotRequired[str]
    changelog_message: NotRequired[str]
    custom: NotRequired[dict[str, Any]]
    model: NotRequired[str]
    name: str
    pod: NotRequired[str]
    position: NotRequired[float | None]
    rack: NotRequired[str]
    serial: NotRequired[str]
    site: str
    tags: NotRequired[list[str]]


class NewPowerShelf(TypedDict):
    address: NotRequired[str]
    asset_tag: NotRequired[str]
    changelog_message: NotRequired[str]
    custom: NotRequired[dict[str, Any]]
    model: NotRequired[str]
    name: str
    pod: NotRequired[str]
    position: NotRequired[float | None]
    rack: NotRequired[str]
    serial: NotRequired[str]
    site: str
    tags: NotRequired[list[str]]


class NewQuota(TypedDict):
    changelog_message: NotRequired[str]
    guaranteed_b200e: NotRequired[float]
    jobs_queued_max: NotRequired[int | None]
    jobs_running_max: NotRequired[int | None]
    limit_b200e: NotRequired[float | None]
    name: str
    parent: NotRequired[str]
    priority_max: NotRequired[int]
    units_max: NotRequired[dict[str, Any]]
    weight: NotRequired[float]


class NewRack(TypedDict):
    asset_tag: NotRequired[str]
    changelog_message: NotRequired[str]
    custom: NotRequired[dict[str, Any]]
    form: NotRequired[Literal["eia", "orv3"]]
    height_units: NotRequired[int]
    location: NotRequired[str]
    max_weight_kg: NotRequired[float | None]
    name: str
    pod: NotRequired[str]
    position_in_row: NotRequired[int | None]
    power_limit_watts: NotRequired[float | None]
    rack_type: NotRequired[str]
    serial: NotRequired[str]
    site: str
    tags: NotRequired[list[str]]


class NewSite(TypedDict):
    address: NotRequired[str]
    changelog_message: NotRequired[str]
    custom: NotRequired[dict[str, Any]]
    latitude: NotRequired[float | None]
    longitude: NotRequired[float | None]
    name: str
    tags: NotRequired[list[str]]
    time_zone: NotRequired[str]
    title: NotRequired[str]


class NewSwitch(TypedDict):
    address: NotRequired[str]
    asset_tag: NotRequired[str]
    changelog_message: NotRequired[str]
    custom: NotRequired[dict[str, Any]]
    model: NotRequired[str]
    name: str
    pod: NotRequired[str]
    position: NotRequired[float | None]
    rack: NotRequired[str]
    serial: NotRequired[str]
    site: str
    tags: NotRequired[list[str]]


class NicFact(TypedDict):
    link_up: NotRequired[bool | None]
    mac: str
    slot: str
    speed_gbps: NotRequired[int | None]


class Notice(TypedDict):
    for_claim: NotRequired[str]
    leave_at: str
    told_at: str
    why: str


class ObjectChangeView(TypedDict):
    action: Literal["create", "update", "delete"]
    actor: str
    after: dict[str, Any] | None
    at: str
    before: dict[str, Any] | None
    created: NotRequired[str | None]
    display: str
    id: str
    key: str
    kind: str
    last_updated: NotRequired[str | None]
    message: str
    name: str
    request_id: str
    url: str


class Observed(TypedDict):
    at: str | None
    gpu: SeenGpus
    health: InventoryStatesHealth
    manufacturer: str | None
    memory_gib: int
    model: str | None
    power: PowerState
    processor_cores: int
    serial: str | None
    source: str | None
    uuid: str | None


class OtherProblem(TypedDict):
    hint: str
    message: str
    path: str
    value: NotRequired[str]


class OwnPasswordBody(TypedDict):
    old: str
    password: str


class PageBmcNetworkView(TypedDict):
    count: int | None
    next: str | None
    previous: str | None
    results: list[BmcNetworkView]


class PageCableView(TypedDict):
    count: int | None
    next: str | None
    previous: str | None
    results: list[CableView]


class PageCduView(TypedDict):
    count: int | None
    next: str | None
    previous: str | None
    results: list[CduView]


class PageCertificateView(TypedDict):
    count: int | None
    next: str | None
    previous: str | None
    results: list[CertificateView]


class PageClaimView(TypedDict):
    count: int | None
    next: str | None
    previous: str | None
    results: list[ClaimView]


class PageClusterView(TypedDict):
    count: int | None
    next: str | None
    previous: str | None
    results: list[ClusterView]


class PageDelivery(TypedDict):
    count: int | None
    next: str | None
    previous: str | None
    results: list[Delivery]


class PageDeploymentView(TypedDict):
    count: int | None
    next: str | None
    previous: str | None
    results: list[DeploymentView]


class PageDiscoveryView(TypedDict):
    count: int | None
    next: str | None
    previous: str | None
    results: list[DiscoveryView]


class PageExpectedHostView(TypedDict):
    count: int | None
    next: str | None
    previous: str | None
    results: list[ExpectedHostView]


class PageFactoryAccountView(TypedDict):
    count: int | None
    next: str | None
    previous: str | None
    results: list[FactoryAccountView]


class PageFeedView(TypedDict):
    count: int | None
    next: str | None
    previous: str | None
    results: list[FeedView]


class PageFoundBmcView(TypedDict):
    count: int | None
    next: str | None
    previous: str | None
    results: list[FoundBmcView]


class PageHostLine(TypedDict):
    count: int | None
    next: str | None
    previous: str | None
    results: list[HostLine]


class PageJobView(TypedDict):
    count: int | None
    next: str | None
    previous: str | None
    results: list[JobView]


class PageJournalEntryView(TypedDict):
    count: int | None
    next: str | None
    previous: str | None
    results: list[JournalEntryView]


class PageKeyView(TypedDict):
    count: int | None
    next: str | None
    previous: str | None
    results: list[KeyView]


class PageLocationView(TypedDict):
    count: int | None
    next: str | None
    previous: str | None
    results: list[LocationView]


class PageObjectChangeView(TypedDict):
    count: int | None
    next: str | None
    previous: str | None
    results: list[ObjectChangeView]


class PagePartView(TypedDict):
    count: int | None
    next: str | None
    previous: str | None
    results: list[PartView]


class PagePduView(TypedDict):
    count: int | None
    next: str | None
    previous: str | None
    results: list[PduView]


class PagePodLine(TypedDict):
    count: int | None
    next: str | None
    previous: str | None
    results: list[PodLine]


class PagePowerShelfView(TypedDict):
    count: int | None
    next: str | None
    previous: str | None
    results: list[PowerShelfView]


class PageProblemLine(TypedDict):
    count: int | None
    next: str | None
    previous: str | None
    results: list[ProblemLine]


class PageQuotaView(TypedDict):
    count: int | None
    next: str | None
    previous: str | None
    results: list[QuotaView]


class PageRackView(TypedDict):
    count: int | None
    next: str | None
    previous: str | None
    results: list[RackView]


class PageSiteView(TypedDict):
    count: int | None
    next: str | None
    previous: str | None
    results: list[SiteView]


class PageSwitchView(TypedDict):
    count: int | None
    next: str | None
    previous: str | None
    results: list[SwitchView]


class PageTagView(TypedDict):
    count: int | None
    next: str | None
    previous: str | None
    results: list[TagView]


class PageTenantView(TypedDict):
    count: int | None
    next: str | None
    previous: str | None
    results: list[TenantView]


class PageUnitView(TypedDict):
    count: int | None
    next: str | None
    previous: str | None
    results: list[UnitView]


class PageUsageRecordView(TypedDict):
    count: int | None
    next: str | None
    previous: str | None
    results: list[UsageRecordView]


class PageUserView(TypedDict):
    count: int | None
    next: str | None
    previous: str | None
    results: list[UserView]


class PageWebhook(TypedDict):
    count: int | None
    next: str | None
    previous: str | None
    results: list[Webhook]


class ParkedHost(TypedDict):
    host: str
    reason: str
    remedy: str


class PartBody(TypedDict):
    b200_equivalents: NotRequired[float | None]
    count: NotRequired[int | None]
    feeds_min: NotRequired[int]
    profile: NotRequired[str]
    unit_class: str
    within: NotRequired[Literal["domain", "rack", "leaf", "pod", "site"]]


class PartView(TypedDict):
    absent_since: str | None
    created: NotRequired[str | None]
    display: str
    firmware: str
    found: dict[str, Any]
    host: str
    host_id: str
    id: str
    installed_at: str
    kind: Literal["accelerator", "nic", "drive", "psu", "memory", "processor"]
    last_updated: NotRequired[str | None]
    model: str
    removed_at: str | None
    rma: str
    seen_at: str
    serial: str
    slot: str
    source: str
    url: str
    uuid: str
    version: int
    wanted: str
    why: str


class PasswordBody(TypedDict):
    password: str


class PduView(TypedDict):
    address: str
    asset_tag: str
    created: NotRequired[str | None]
    custom: dict[str, Any]
    display: str
    id: str
    kind: Literal["pdu", "power-shelf", "cdu", "switch"]
    last_updated: NotRequired[str | None]
    leak: str
    leak_seen: str | None
    model: str
    name: str
    pod: str
    position: float | None
    rack: str
    serial: str
    site: str
    tags: list[str]
    url: str
    version: int


Permission = Literal[
    "self",
    "host:read",
    "host:write",
    "pod:read",
    "pod:write",
    "fleet:write",
    "place:read",
    "place:write",
    "expected:read",
    "expected:write",
    "network:read",
    "network:write",
    "part:read",
    "part:write",
    "change:read",
    "journal:read",
    "journal:write",
    "unit:read",
    "certificate:read",
    "certificate-key:read",
    "tenant:read",
    "tenant:write",
    "quota:read",
    "quota:write",
    "key:read",
    "key:write",
    "claim:read",
    "claim:write",
    "cluster:read",
    "deployment:read",
    "deployment:write",
    "job:read",
    "job:write",
    "usage:read",
    "model:use",
    "job:submit",
    "event:read",
    "metrics:read",
    "webhook:read",
    "webhook:write",
    "user:read",
    "user:write",
    "audit:read",
    "netbox:read",
    "netbox:write",
    "setup",
]


class Plan(TypedDict):
    budget_watts: float
    digest: str
    expectations: NotRequired[list[Expectation]]
    expected_s: NotRequired[float]
    feeds: list[FeedEnvelope]
    gates: NotRequired[list[str]]
    parked: list[ParkedHost]
    peak_watts: float
    pod: str
    proofs: NotRequired[list[GateProof]]
    spec: str
    spec_digest: str
    unknown_hosts: list[str]
    waves: list[Wave]


class PlanApproval(TypedDict):
    at: str
    by: str
    plan_digest: str


class PlanView(TypedDict):
    approved: bool
    left_out: list[LeftOut]
    plan: Plan


class PodDetail(TypedDict):
    approval: PlanApproval | None
    bring_up: str
    created_at: str
    hosts: int
    hosts_by_state: dict[str, int]
    name: str
    parked: list[str]
    plan: Plan | None
    plan_digest: str | None
    simulated: bool
    site: str
    spec: str
    spec_digest: str
    spec_document: dict[str, Any]


class PodLine(TypedDict):
    bring_up: Literal["inspecting", "running", "held"]
    created: NotRequired[str | None]
    created_at: str
    custom: dict[str, Any]
    display: str
    id: str
    last_updated: NotRequired[str | None]
    name: str
    plan_digest: str | None
    price_per_unit_hour: float
    simulated: bool
    site: str
    spec: str
    spec_digest: str
    tags: list[str]
    url: str
    version: int


class PodWhole(TypedDict):
    approval: PlanApproval | None
    bring_up: Literal["inspecting", "running", "held"]
    created: NotRequired[str | None]
    created_at: str
    custom: dict[str, Any]
    display: str
    hosts: int
    hosts_by_state: dict[str, int]
    id: str
    last_updated: NotRequired[str | None]
    name: str
    parked: list[str]
    plan: Plan | None
    plan_digest: str | None
    price_per_unit_hour: float
    simulated: bool
    site: str
    spec: str
    spec_digest: str
    spec_document: dict[str, Any]
    tags: list[str]
    url: str
    version: int


class PositionFact(TypedDict):
    chassis_slot: NotRequired[int | None]
    rack: NotRequired[str]
    topology: NotRequired[str]
    tray_index: NotRequired[int | None]
    unit: NotRequired[int | None]


class PowerShelfView(TypedDict):
    address: str
    asset_tag: str
    created: NotRequired[str | None]
    custom: dict[str, Any]
    display: str
    id: str
    kind: Literal["pdu", "power-shelf", "cdu", "switch"]
    last_updated: NotRequired[str | None]
    leak: str
    leak_seen: str | None
    model: str
    name: str
    pod: str
    position: float | None
    rack: str
    serial: str
    site: str
    tags: list[str]
    url: str
    version: int


PowerState = Literal["On", "Off", "PoweringOn", "PoweringOff", "Unknown"]


class PowerSupplyFact(TypedDict):
    capacity_watts: NotRequired[float | None]
    firmware: NotRequired[str]
    health: NotRequired[str]
    input_status: NotRequired[str]
    input_volts_max: NotRequired[float | None]
    input_volts_min: NotRequired[float | None]
    model: NotRequired[str]
    serial: NotRequired[str]
    slot: str


class Problem(TypedDict):
    kind: str
    message: str
    next_at: NotRequired[str | None]
    next_step: NotRequired[str]
    remedy: NotRequired[str]
    seen: NotRequired[int]
    since: str
    tried: NotRequired[list[str]]


class ProblemLine(TypedDict):
    created: str | None
    display: str
    id: str
    kind: str
    last_updated: str | None
    message: str
    name: str
    next_at: str | None
    next_step: str
    parked: bool
    pod: str
    rack: str
    remedy: str
    seen: int
    since: str
    site: str
    state: HostState
    tried: list[str]
    url: str


class ProcessorFact(TypedDict):
    cores: int
    model: str
    slot: str
    threads: int


class QueuedJobs(TypedDict):
    ids: list[str]


class QuotaView(TypedDict):
    created: NotRequired[str | None]
    display: str
    guaranteed_b200e: float
    id: str
    jobs_queued_max: int | None
    jobs_running_max: int | None
    last_updated: NotRequired[str | None]
    limit_b200e: float | None
    name: str
    parent: str
    priority_max: int
    units_max: dict[str, Any]
    url: str
    version: int
    weight: float


class QuotaWhole(TypedDict):
    created: NotRequired[str | None]
    display: str
    guaranteed_b200e: float
    held_b200e: float
    held_units: dict[str, int]
    id: str
    jobs_queued_max: int | None
    jobs_running_max: int | None
    last_updated: NotRequired[str | None]
    limit_b200e: float | None
    name: str
    parent: str
    priority_max: int
    units_max: dict[str, Any]
    url: str
    version: int
    weight: float


class RackView(TypedDict):
    asset_tag: str
    created: NotRequired[str | None]
    custom: dict[str, Any]
    display: str
    form: Literal["eia", "orv3"]
    height_units: int
    id: str
    last_updated: NotRequired[str | None]
    location: str
    max_weight_kg: float | None
    name: str
    pod: str
    position_in_row: int | None
    power_limit_watts: float | None
    rack_type: str
    serial: str
    site: str
    tags: list[str]
    url: str
    version: int


class Rating(TypedDict):
    b200_equivalents: float
    basis: Literal["measured", "spec"]
    date: str
    known_error: NotRequired[str]
    profile: str
    scale_up_domain: NotRequired[int | None]


class ReadingsView(TypedDict):
    at: list[int]
    energy: EnergyView | None
    gaps: list[list[Any]]
    host: str
    resolution: str
    series: list[SeriesView]
    since: str
    until: str


class Rental(TypedDict):
    price_per_hour: float
    provider: str
    until: str


class ReplayBody(TypedDict):
    after: int
    until: NotRequired[int | None]


class Replayed(TypedDict):
    last: int
    queued: int


class RotateBody(TypedDict):
    overlap_hours: NotRequired[float]


class SeenGpus(TypedDict):
    count: int
    memory_gib: int
    model: str


class SeriesView(TypedDict):
    anew: NotRequired[list[int]]
    grew: NotRequired[list[float | None]]
    max: list[float | None]
    mean: list[float | None]
    min: list[float | None]
    name: str
    unit: str


class SiteRoom(TypedDict):
    at_once: int
    at_work: int
    most: int
    narrowed: str
    site: str


class SiteView(TypedDict):
    address: str
    created: NotRequired[str | None]
    custom: dict[str, Any]
    display: str
    id: str
    last_updated: NotRequired[str | None]
    latitude: float | None
    longitude: float | None
    name: str
    tags: list[str]
    time_zone: str
    title: str
    url: str
    version: int


class Status(TypedDict):
    hold: Hold | None
    hosts: dict[str, int]
    problems: dict[str, int]
    sites: list[SiteRoom]
    watching_only: str


class SuspendedFor(TypedDict):
    cure: Literal["accept", "wait", "person"]
    remedy: str
    rule: Literal["part_changed", "firmware_drift", "drain_xid", "feed_lost", "restarted", "leak"]
    since: str
    what: str


class SwitchView(TypedDict):
    address: str
    asset_tag: str
    created: NotRequired[str | None]
    custom: dict[str, Any]
    display: str
    id: str
    kind: Literal["pdu", "power-shelf", "cdu", "switch"]
    last_updated: NotRequired[str | None]
    leak: str
    leak_seen: str | None
    model: str
    name: str
    pod: str
    position: float | None
    rack: str
    serial: str
    site: str
    tags: list[str]
    url: str
    version: int


class TagView(TypedDict):
    count: int
    counts: dict[str, int]
    name: str


class TargetBody(TypedDict):
    target: Literal["enrolled", "ready", "repairing", "retired"]
    why: NotRequired[str]


class Tenant(TypedDict):
    created_at: str
    name: str


class TenantBody(TypedDict):
    name: str


class TenantView(TypedDict):
    created: NotRequired[str | None]
    created_at: str
    display: str
    id: str
    last_updated: NotRequired[str | None]
    name: str
    url: str


class Tried(TypedDict):
    at: str
    outcome: NotRequired[str]
    remedy: str


class TrustFact(TypedDict):
    secure_boot: NotRequired[bool | None]
    tpm: NotRequired[bool | None]
    tpm_version: NotRequired[str]


UnitState = Literal["available", "claimed", "draining", "withdrawn"]


class UnitView(TypedDict):
    accelerators: int
    certificate_ids: list[str]
    claim: str
    created: NotRequired[str | None]
    display: str
    expiry_told: str
    host_ids: list[str]
    id: str
    labels: dict[str, str]
    last_updated: NotRequired[str | None]
    name: str
    pod: str
    rating: Rating
    simulated: bool
    site: str
    state: UnitState
    unit_class: str
    url: str
    version: int


class UpBody(TypedDict):
    digest: str


class UsageRecordView(TypedDict):
    claim: str
    completion_tokens: int
    created: NotRequired[str | None]
    display: str
    ended_at: str
    id: str
    kind: Literal["tokens", "unit_seconds"]
    last_updated: NotRequired[str | None]
    model: str
    prompt_tokens: int
    started_at: str
    tenant: str
    unit_seconds: float
    url: str


class UsageTotal(TypedDict):
    claim: str
    completion_tokens: NotRequired[int]
    model: str
    prompt_tokens: NotRequired[int]
    records: NotRequired[int]
    tenant: str
    unit_seconds: NotRequired[float]


class UsageView(TypedDict):
    completion_tokens: int
    prompt_tokens: int
    results: list[UsageTotal]
    unit_seconds: float


class UserBody(TypedDict):
    display: NotRequired[str]
    email: NotRequired[str]
    grants: NotRequired[list[GrantBody]]
    name: str
    password: NotRequired[str | None]
    tenant: NotRequired[str]


class UserView(TypedDict):
    created_at: str
    disabled: bool
    display: str
    email: str
    grants: list[Grant]
    has_password: bool
    last_login_at: str | None
    name: str
    oidc_issuer: str
    password_changed_at: str | None
    tenant: str


class Wave(TypedDict):
    acts: list[Act]
    expected_basis: NotRequired[Literal["", "past", "spec", "past and spec"]]
    expected_s: NotRequired[float]
    hosts: list[str]
    number: int
    settle_s: NotRequired[float]
    stage: Literal["canary", "trial", "rest"]
    starts_s: NotRequired[float]
    starts_when: NotRequired[str]


class Webhook(TypedDict):
    after_seq: NotRequired[int]
    created_at: str
    created_by: NotRequired[str]
    disabled_why: NotRequired[str]
    enabled: NotRequired[bool]
    id: str
    kinds: NotRequired[list[str]]
    name: str
    previous_key_until: NotRequired[str | None]
    tenant: NotRequired[str]
    url: str
    version: NotRequired[int]


class WebhookBody(TypedDict):
    kinds: NotRequired[list[str]]
    name: str
    url: str


class WebhookPatch(TypedDict):
    enabled: NotRequired[bool | None]
    kinds: NotRequired[list[str] | None]
    url: NotRequired[str | None]


class Why(TypedDict):
    bmc: list[str]
    events: list[Event]
    health: InventoryStatesHealth
    held: str
    host: str
    late_at: str | None
    maintenance: str
    mismatches: list[Finding]
    next_at: str | None
    next_step: str
    paused: str
    power: PowerState
    power_drift: str
    problem: Problem | None
    quarantine: str
    remedies: list[Tried]
    remedy: str
    since: str
    state: HostState
    summary: str
    suspended: list[SuspendedFor]
    target: str
    tried: list[str]
    waiting_for: str


class WhyBody(TypedDict):
    why: NotRequired[str]


class InventoryRoutesHealthHealth(TypedDict):
    status: NotRequired[Literal["ok"]]


class InventoryRoutesKeysNewKey(TypedDict):
    created_at: str
    expires_at: str | None
    id: str
    last_used_at: str | None
    networks: list[str]
    permissions: list[str]
    read_only: bool
    requests_per_minute: int
    revoked_at: str | None
    role: str
    sites: list[str]
    tenant: str
    text: str
    title: str


class InventoryRoutesWebhooksNewKey(TypedDict):
    key: str
    webhook: Webhook


InventoryStatesHealth = Literal["OK", "Warning", "Critical", "Unknown"]


class ListAuditQuery(TypedDict, total=False):
    after: int
    actor: str
    action: str
    subject: str
    newest: bool
    limit: int


class ListBmcNetworksQuery(TypedDict, total=False):
    id: str | list[str]
    id__n: str | list[str]
    id__in: str | list[str]
    id__ic: str | list[str]
    id__nic: str | list[str]
    id__isw: str | list[str]
    id__nisw: str | list[str]
    id__iew: str | list[str]
    id__niew: str | list[str]
    id__ie: str | list[str]
    id__nie: str | list[str]
    id__empty: bool
    name: str | list[str]
    name__n: str | list[str]
    name__in: str | list[str]
    name__ic: str | list[str]
    name__nic: str | list[str]
    name__isw: str | list[str]
    name__nisw: str | list[str]
    name__iew: str | list[str]
    name__niew: str | list[str]
    name__ie: str | list[str]
    name__nie: str | list[str]
    name__empty: bool
    site: str | list[str]
    site__n: str | list[str]
    site__in: str | list[str]
    site__ic: str | list[str]
    site__nic: str | list[str]
    site__isw: str | list[str]
    site__nisw: str | list[str]
    site__iew: str | list[str]
    site__niew: str | list[str]
    site__ie: str | list[str]
    site__nie: str | list[str]
    site__empty: bool
    q: str
    limit: int
    offset: int
    after: str
    start: str
    ordering: str
    brief: bool
    fields: str
    omit: str


class GetBmcNetworkQuery(TypedDict, total=False):
    brief: bool
    fields: str
    omit: str


class ListCablesQuery(TypedDict, total=False):
    a_id: str | list[str]
    a_id__n: str | list[str]
    a_id__in: str | list[str]
    a_id__ic: str | list[str]
    a_id__nic: str | list[str]
    a_id__isw: str | list[str]
    a_id__nisw: str | list[str]
    a_id__iew: str | list[str]
    a_id__niew: str | list[str]
    a_id__ie: str | list[str]
    a_id__nie: str | list[str]
    a_id__empty: bool
    id: str | list[str]
    id__n: str | list[str]
    id__in: str | list[str]
    id__ic: str | list[str]
    id__nic: str | list[str]
    id__isw: str | list[str]
    id__nisw: str | list[str]
    id__iew: str | list[str]
    id__niew: str | list[str]
    id__ie: str | list[str]
    id__nie: str | list[str]
    id__empty: bool
    kind: str | list[str]
    kind__n: str | list[str]
    kind__in: str | list[str]
    kind__ic: str | list[str]
    kind__nic: str | list[str]
    kind__isw: str | list[str]
    kind__nisw: str | list[str]
    kind__iew: str | list[str]
    kind__niew: str | list[str]
    kind__ie: str | list[str]
    kind__nie: str | list[str]
    kind__empty: bool
    label: str | list[str]
    label__n: str | list[str]
    label__in: str | list[str]
    label__ic: str | list[str]
    label__nic: str | list[str]
    label__isw: str | list[str]
    label__nisw: str | list[str]
    label__iew: str | list[str]
    label__niew: str | list[str]
    label__ie: str | list[str]
    label__nie: str | list[str]
    label__empty: bool
    pod: str | list[str]
    pod__n: str | list[str]
    pod__in: str | list[str]
    pod__ic: str | list[str]
    pod__nic: str | list[str]
    pod__isw: str | list[str]
    pod__nisw: str | list[str]
    pod__iew: str | list[str]
    pod__niew: str | list[str]
    pod__ie: str | list[str]
    pod__nie: str | list[str]
    pod__empty: bool
    site: str | list[str]
    site__n: str | list[str]
    site__in: str | list[str]
    site__ic: str | list[str]
    site__nic: str | list[str]
    site__isw: str | list[str]
    site__nisw: str | list[str]
    site__iew: str | list[str]
    site__niew: str | list[str]
    site__ie: str | list[str]
    site__nie: str | list[str]
    site__empty: bool
    status: (
        Literal["planned", "connected", "removed"]
        | list[Literal["planned", "connected", "removed"]]
    )
    status__n: (
        Literal["planned", "connected", "removed"]
        | list[Literal["planned", "connected", "removed"]]
    )
    status__in: (
        Literal["planned", "connected", "removed"]
        | list[Literal["planned", "connected", "removed"]]
    )
    z_id: str | list[str]
    z_id__n: str | list[str]
    z_id__in: str | list[str]
    z_id__ic: str | list[str]
    z_id__nic: str | list[str]
    z_id__isw: str | list[str]
    z_id__nisw: str | list[str]
    z_id__iew: str | list[str]
    z_id__niew: str | list[str]
    z_id__ie: str | list[str]
    z_id__nie: str | list[str]
    z_id__empty: bool
    tag: str | list[str]
    tag__n: str | list[str]
    q: str
    limit: int
    offset: int
    after: str
    start: str
    ordering: str
    brief: bool
    fields: str
    omit: str


class CreateCableQuery(TypedDict, total=False):
    atomic: bool


class ChangeCablesQuery(TypedDict, total=False):
    atomic: bool


class RemoveCablesQuery(TypedDict, total=False):
    atomic: bool


class GetCableQuery(TypedDict, total=False):
    brief: bool
    fields: str
    omit: str


class ListCdusQuery(TypedDict, total=False):
    id: str | list[str]
    id__n: str | list[str]
    id__in: str | list[str]
    id__ic: str | list[str]
    id__nic: str | list[str]
    id__isw: str | list[str]
    id__nisw: str | list[str]
    id__iew: str | list[str]
    id__niew: str | list[str]
    id__ie: str | list[str]
    id__nie: str | list[str]
    id__empty: bool
    name: str | list[str]
    name__n: str | list[str]
    name__in: str | list[str]
    name__ic: str | list[str]
    name__nic: str | list[str]
    name__isw: str | list[str]
    name__nisw: str | list[str]
    name__iew: str | list[str]
    name__niew: str | list[str]
    name__ie: str | list[str]
    name__nie: str | list[str]
    name__empty: bool
    pod: str | list[str]
    pod__n: str | list[str]
    pod__in: str | list[str]
    pod__ic: str | list[str]
    pod__nic: str | list[str]
    pod__isw: str | list[str]
    pod__nisw: str | list[str]
    pod__iew: str | list[str]
    pod__niew: str | list[str]
    pod__ie: str | list[str]
    pod__nie: str | list[str]
    pod__empty: bool
    rack: str | list[str]
    rack__n: str | list[str]
    rack__in: str | list[str]
    rack__ic: str | list[str]
    rack__nic: str | list[str]
    rack__isw: str | list[str]
    rack__nisw: str | list[str]
    rack__iew: str | list[str]
    rack__niew: str | list[str]
    rack__ie: str | list[str]
    rack__nie: str | list[str]
    rack__empty: bool
    serial: str | list[str]
    serial__n: str | list[str]
    serial__in: str | list[str]
    serial__ic: str | list[str]
    serial__nic: str | list[str]
    serial__isw: str | list[str]
    serial__nisw: str | list[str]
    serial__iew: str | list[str]
    serial__niew: str | list[str]
    serial__ie: str | list[str]
    serial__nie: str | list[str]
    serial__empty: bool
    site: str | list[str]
    site__n: str | list[str]
    site__in: str | list[str]
    site__ic: str | list[str]
    site__nic: str | list[str]
    site__isw: str | list[str]
    site__nisw: str | list[str]
    site__iew: str | list[str]
    site__niew: str | list[str]
    site__ie: str | list[str]
    site__nie: str | list[str]
    site__empty: bool
    tag: str | list[str]
    tag__n: str | list[str]
    q: str
    limit: int
    offset: int
    after: str
    start: str
    ordering: str
    brief: bool
    fields: str
    omit: str


class CreateCduQuery(TypedDict, total=False):
    atomic: bool


class ChangeCdusQuery(TypedDict, total=False):
    atomic: bool


class RemoveCdusQuery(TypedDict, total=False):
    atomic: bool


class GetCduQuery(TypedDict, total=False):
    brief: bool
    fields: str
    omit: str


class ListCertificatesQuery(TypedDict, total=False):
    expires_at: str | list[str]
    expires_at__gt: str | list[str]
    expires_at__gte: str | list[str]
    expires_at__lt: str | list[str]
    expires_at__lte: str | list[str]
    host: str | list[str]
    host__n: str | list[str]
    host__in: str | list[str]
    host__ic: str | list[str]
    host__nic: str | list[str]
    host__isw: str | list[str]
    host__nisw: str | list[str]
    host__iew: str | list[str]
    host__niew: str | list[str]
    host__ie: str | list[str]
    host__nie: str | list[str]
    host__empty: bool
    host_id: str | list[str]
    host_id__n: str | list[str]
    host_id__in: str | list[str]
    host_id__ic: str | list[str]
    host_id__nic: str | list[str]
    host_id__isw: str | list[str]
    host_id__nisw: str | list[str]
    host_id__iew: str | list[str]
    host_id__niew: str | list[str]
    host_id__ie: str | list[str]
    host_id__nie: str | list[str]
    host_id__empty: bool
    id: str | list[str]
    id__n: str | list[str]
    id__in: str | list[str]
    id__ic: str | list[str]
    id__nic: str | list[str]
    id__isw: str | list[str]
    id__nisw: str | list[str]
    id__iew: str | list[str]
    id__niew: str | list[str]
    id__ie: str | list[str]
    id__nie: str | list[str]
    id__empty: bool
    q: str
    limit: int
    offset: int
    after: str
    start: str
    ordering: str
    brief: bool
    fields: str
    omit: str


class GetCertificateQuery(TypedDict, total=False):
    brief: bool
    fields: str
    omit: str


class ListClaimsQuery(TypedDict, total=False):
    id: str | list[str]
    id__n: str | list[str]
    id__in: str | list[str]
    id__ic: str | list[str]
    id__nic: str | list[str]
    id__isw: str | list[str]
    id__nisw: str | list[str]
    id__iew: str | list[str]
    id__niew: str | list[str]
    id__ie: str | list[str]
    id__nie: str | list[str]
    id__empty: bool
    state: (
        Literal["pending", "bound", "releasing", "released"]
        | list[Literal["pending", "bound", "releasing", "released"]]
    )
    state__n: (
        Literal["pending", "bound", "releasing", "released"]
        | list[Literal["pending", "bound", "releasing", "released"]]
    )
    state__in: (
        Literal["pending", "bound", "releasing", "released"]
        | list[Literal["pending", "bound", "releasing", "released"]]
    )
    tenant: str | list[str]
    tenant__n: str | list[str]
    tenant__in: str | list[str]
    tenant__ic: str | list[str]
    tenant__nic: str | list[str]
    tenant__isw: str | list[str]
    tenant__nisw: str | list[str]
    tenant__iew: str | list[str]
    tenant__niew: str | list[str]
    tenant__ie: str | list[str]
    tenant__nie: str | list[str]
    tenant__empty: bool
    q: str
    limit: int
    offset: int
    after: str
    start: str
    ordering: str
    brief: bool
    fields: str
    omit: str


class GetClaimQuery(TypedDict, total=False):
    brief: bool
    fields: str
    omit: str


class ListClustersQuery(TypedDict, total=False):
    id: str | list[str]
    id__n: str | list[str]
    id__in: str | list[str]
    id__ic: str | list[str]
    id__nic: str | list[str]
    id__isw: str | list[str]
    id__nisw: str | list[str]
    id__iew: str | list[str]
    id__niew: str | list[str]
    id__ie: str | list[str]
    id__nie: str | list[str]
    id__empty: bool
    slug: str | list[str]
    slug__n: str | list[str]
    slug__in: str | list[str]
    slug__ic: str | list[str]
    slug__nic: str | list[str]
    slug__isw: str | list[str]
    slug__nisw: str | list[str]
    slug__iew: str | list[str]
    slug__niew: str | list[str]
    slug__ie: str | list[str]
    slug__nie: str | list[str]
    slug__empty: bool
    tenant: str | list[str]
    tenant__n: str | list[str]
    tenant__in: str | list[str]
    tenant__ic: str | list[str]
    tenant__nic: str | list[str]
    tenant__isw: str | list[str]
    tenant__nisw: str | list[str]
    tenant__iew: str | list[str]
    tenant__niew: str | list[str]
    tenant__ie: str | list[str]
    tenant__nie: str | list[str]
    tenant__empty: bool
    q: str
    limit: int
    offset: int
    after: str
    start: str
    ordering: str
    brief: bool
    fields: str
    omit: str


class GetClusterQuery(TypedDict, total=False):
    brief: bool
    fields: str
    omit: str


class ListDeploymentsQuery(TypedDict, total=False):
    id: str | list[str]
    id__n: str | list[str]
    id__in: str | list[str]
    id__ic: str | list[str]
    id__nic: str | list[str]
    id__isw: str | list[str]
    id__nisw: str | list[str]
    id__iew: str | list[str]
    id__niew: str | list[str]
    id__ie: str | list[str]
    id__nie: str | list[str]
    id__empty: bool
    slug: str | list[str]
    slug__n: str | list[str]
    slug__in: str | list[str]
    slug__ic: str | list[str]
    slug__nic: str | list[str]
    slug__isw: str | list[str]
    slug__nisw: str | list[str]
    slug__iew: str | list[str]
    slug__niew: str | list[str]
    slug__ie: str | list[str]
    slug__nie: str | list[str]
    slug__empty: bool
    tenant: str | list[str]
    tenant__n: str | list[str]
    tenant__in: str | list[str]
    tenant__ic: str | list[str]
    tenant__nic: str | list[str]
    tenant__isw: str | list[str]
    tenant__nisw: str | list[str]
    tenant__iew: str | list[str]
    tenant__niew: str | list[str]
    tenant__ie: str | list[str]
    tenant__nie: str | list[str]
    tenant__empty: bool
    q: str
    limit: int
    offset: int
    after: str
    start: str
    ordering: str
    brief: bool
    fields: str
    omit: str


class GetDeploymentQuery(TypedDict, total=False):
    tenant: str


class DeleteDeploymentQuery(TypedDict, total=False):
    tenant: str


class ListDiscoveriesQuery(TypedDict, total=False):
    created_at: str | list[str]
    created_at__gt: str | list[str]
    created_at__gte: str | list[str]
    created_at__lt: str | list[str]
    created_at__lte: str | list[str]
    id: str | list[str]
    id__n: str | list[str]
    id__in: str | list[str]
    id__ic: str | list[str]
    id__nic: str | list[str]
    id__isw: str | list[str]
    id__nisw: str | list[str]
    id__iew: str | list[str]
    id__niew: str | list[str]
    id__ie: str | list[str]
    id__nie: str | list[str]
    id__empty: bool
    state: (
        Literal["waiting", "running", "done", "stopped", "failed"]
        | list[Literal["waiting", "running", "done", "stopped", "failed"]]
    )
    state__n: (
        Literal["waiting", "running", "done", "stopped", "failed"]
        | list[Literal["waiting", "running", "done", "stopped", "failed"]]
    )
    state__in: (
        Literal["waiting", "running", "done", "stopped", "failed"]
        | list[Literal["waiting", "running", "done", "stopped", "failed"]]
    )
    q: str
    limit: int
    offset: int
    after: str
    start: str
    ordering: str
    brief: bool
    fields: str
    omit: str


class GetDiscoveryQuery(TypedDict, total=False):
    brief: bool
    fields: str
    omit: str


class ListEventsQuery(TypedDict, total=False):
    after: int
    subject: str
    kind: str
    actor: str
    limit: int


class ListExpectedHostsQuery(TypedDict, total=False):
    account: str | list[str]
    account__n: str | list[str]
    account__in: str | list[str]
    account__ic: str | list[str]
    account__nic: str | list[str]
    account__isw: str | list[str]
    account__nisw: str | list[str]
    account__iew: str | list[str]
    account__niew: str | list[str]
    account__ie: str | list[str]
    account__nie: str | list[str]
    account__empty: bool
    bmc: str | list[str]
    bmc__n: str | list[str]
    bmc__in: str | list[str]
    bmc__ic: str | list[str]
    bmc__nic: str | list[str]
    bmc__isw: str | list[str]
    bmc__nisw: str | list[str]
    bmc__iew: str | list[str]
    bmc__niew: str | list[str]
    bmc__ie: str | list[str]
    bmc__nie: str | list[str]
    bmc__empty: bool
    enrol: bool
    found: str | list[str]
    found__n: str | list[str]
    found__in: str | list[str]
    found__ic: str | list[str]
    found__nic: str | list[str]
    found__isw: str | list[str]
    found__nisw: str | list[str]
    found__iew: str | list[str]
    found__niew: str | list[str]
    found__ie: str | list[str]
    found__nie: str | list[str]
    found__empty: bool
    host_id: str | list[str]
    host_id__n: str | list[str]
    host_id__in: str | list[str]
    host_id__ic: str | list[str]
    host_id__nic: str | list[str]
    host_id__isw: str | list[str]
    host_id__nisw: str | list[str]
    host_id__iew: str | list[str]
    host_id__niew: str | list[str]
    host_id__ie: str | list[str]
    host_id__nie: str | list[str]
    host_id__empty: bool
    id: str | list[str]
    id__n: str | list[str]
    id__in: str | list[str]
    id__ic: str | list[str]
    id__nic: str | list[str]
    id__isw: str | list[str]
    id__nisw: str | list[str]
    id__iew: str | list[str]
    id__niew: str | list[str]
    id__ie: str | list[str]
    id__nie: str | list[str]
    id__empty: bool
    name: str | list[str]
    name__n: str | list[str]
    name__in: str | list[str]
    name__ic: str | list[str]
    name__nic: str | list[str]
    name__isw: str | list[str]
    name__nisw: str | list[str]
    name__iew: str | list[str]
    name__niew: str | list[str]
    name__ie: str | list[str]
    name__nie: str | list[str]
    name__empty: bool
    pod: str | list[str]
    pod__n: str | list[str]
    pod__in: str | list[str]
    pod__ic: str | list[str]
    pod__nic: str | list[str]
    pod__isw: str | list[str]
    pod__nisw: str | list[str]
    pod__iew: str | list[str]
    pod__niew: str | list[str]
    pod__ie: str | list[str]
    pod__nie: str | list[str]
    pod__empty: bool
    serial: str | list[str]
    serial__n: str | list[str]
    serial__in: str | list[str]
    serial__ic: str | list[str]
    serial__nic: str | list[str]
    serial__isw: str | list[str]
    serial__nisw: str | list[str]
    serial__iew: str | list[str]
    serial__niew: str | list[str]
    serial__ie: str | list[str]
    serial__nie: str | list[str]
    serial__empty: bool
    slot: str | list[str]
    slot__n: str | list[str]
    slot__in: str | list[str]
    slot__ic: str | list[str]
    slot__nic: str | list[str]
    slot__isw: str | list[str]
    slot__nisw: str | list[str]
    slot__iew: str | list[str]
    slot__niew: str | list[str]
    slot__ie: str | list[str]
    slot__nie: str | list[str]
    slot__empty: bool
    q: str
    limit: int
    offset: int
    after: str
    start: str
    ordering: str
    brief: bool
    fields: str
    omit: str


class ImportExpectedHostsQuery(TypedDict, total=False):
    dry_run: bool


class GetExpectedHostQuery(TypedDict, total=False):
    brief: bool
    fields: str
    omit: str


ExportInventoryQuery = TypedDict(
    "ExportInventoryQuery",
    {
        "asset_tag": str | list[str],
        "asset_tag__n": str | list[str],
        "asset_tag__in": str | list[str],
        "asset_tag__ic": str | list[str],
        "asset_tag__nic": str | list[str],
        "asset_tag__isw": str | list[str],
        "asset_tag__nisw": str | list[str],
        "asset_tag__iew": str | list[str],
        "asset_tag__niew": str | list[str],
        "asset_tag__ie": str | list[str],
        "asset_tag__nie": str | list[str],
        "asset_tag__empty": bool,
        "feed": str | list[str],
        "feed__n": str | list[str],
        "feed__in": str | list[str],
        "feed__ic": str | list[str],
        "feed__nic": str | list[str],
        "feed__isw": str | list[str],
        "feed__nisw": str | list[str],
        "feed__iew": str | list[str],
        "feed__niew": str | list[str],
        "feed__ie": str | list[str],
        "feed__nie": str | list[str],
        "feed__empty": bool,
        "gpu.count": float | list[float],
        "gpu.count__n": float | list[float],
        "gpu.count__in": float | list[float],
        "gpu.count__gt": float | list[float],
        "gpu.count__gte": float | list[float],
        "gpu.count__lt": float | list[float],
        "gpu.count__lte": float | list[float],
        "gpu.memory_gib": float | list[float],
        "gpu.memory_gib__n": float | list[float],
        "gpu.memory_gib__in": float | list[float],
        "gpu.memory_gib__gt": float | list[float],
        "gpu.memory_gib__gte": float | list[float],
        "gpu.memory_gib__lt": float | list[float],
        "gpu.memory_gib__lte": float | list[float],
        "gpu.model": str | list[str],
        "gpu.model__n": str | list[str],
        "gpu.model__in": str | list[str],
        "gpu.model__ic": str | list[str],
        "gpu.model__nic": str | list[str],
        "gpu.model__isw": str | list[str],
        "gpu.model__nisw": str | list[str],
        "gpu.model__iew": str | list[str],
        "gpu.model__niew": str | list[str],
        "gpu.model__ie": str | list[str],
        "gpu.model__nie": str | list[str],
        "gpu.model__empty": bool,
        "health": "Literal['OK', 'Warning', 'Critical', 'Unknown'] | list[Literal['OK', 'Warning', 'Critical', 'Unknown']]",
        "health__n": "Literal['OK', 'Warning', 'Critical', 'Unknown'] | list[Literal['OK', 'Warning', 'Critical', 'Unknown']]",
        "health__in": "Literal['OK', 'Warning', 'Critical', 'Unknown'] | list[Literal['OK', 'Warning', 'Critical', 'Unknown']]",
        "host_type": str | list[str],
        "host_type__n": str | list[str],
        "host_type__in": str | list[str],
        "host_type__ic": str | list[str],
        "host_type__nic": str | list[str],
        "host_type__isw": str | list[str],
        "host_type__nisw": str | list[str],
        "host_type__iew": str | list[str],
        "host_type__niew": str | list[str],
        "host_type__ie": str | list[str],
        "host_type__nie": str | list[str],
        "host_type__empty": bool,
        "id": str | list[str],
        "id__n": str | list[str],
        "id__in": str | list[str],
        "id__ic": str | list[str],
        "id__nic": str | list[str],
        "id__isw": str | list[str],
        "id__nisw": str | list[str],
        "id__iew": str | list[str],
        "id__niew": str | list[str],
        "id__ie": str | list[str],
        "id__nie": str | list[str],
        "id__empty": bool,
        "link.domain": str | list[str],
        "link.domain__n": str | list[str],
        "link.domain__in": str | list[str],
        "link.domain__ic": str | list[str],
        "link.domain__nic": str | list[str],
        "link.domain__isw": str | list[str],
        "link.domain__nisw": str | list[str],
        "link.domain__iew": str | list[str],
        "link.domain__niew": str | list[str],
        "link.domain__ie": str | list[str],
        "link.domain__nie": str | list[str],
        "link.domain__empty": bool,
        "maintenance": str | list[str],
        "maintenance__n": str | list[str],
        "maintenance__in": str | list[str],
        "maintenance__ic": str | list[str],
        "maintenance__nic": str | list[str],
        "maintenance__isw": str | list[str],
        "maintenance__nisw": str | list[str],
        "maintenance__iew": str | list[str],
        "maintenance__niew": str | list[str],
        "maintenance__ie": str | list[str],
        "maintenance__nie": str | list[str],
        "maintenance__empty": bool,
        "memory_gib": float | list[float],
        "memory_gib__n": float | list[float],
        "memory_gib__in": float | list[float],
        "memory_gib__gt": float | list[float],
        "memory_gib__gte": float | list[float],
        "memory_gib__lt": float | list[float],
        "memory_gib__lte": float | list[float],
        "name": str | list[str],
        "name__n": str | list[str],
        "name__in": str | list[str],
        "name__ic": str | list[str],
        "name__nic": str | list[str],
        "name__isw": str | list[str],
        "name__nisw": str | list[str],
        "name__iew": str | list[str],
        "name__niew": str | list[str],
        "name__ie": str | list[str],
        "name__nie": str | list[str],
        "name__empty": bool,
        "pod": str | list[str],
        "pod__n": str | list[str],
        "pod__in": str | list[str],
        "pod__ic": str | list[str],
        "pod__nic": str | list[str],
        "pod__isw": str | list[str],
        "pod__nisw": str | list[str],
        "pod__iew": str | list[str],
        "pod__niew": str | list[str],
        "pod__ie": str | list[str],
        "pod__nie": str | list[str],
        "pod__empty": bool,
        "power": "Literal['On', 'Off', 'PoweringOn', 'PoweringOff', 'Unknown'] | list[Literal['On', 'Off', 'PoweringOn', 'PoweringOff', 'Unknown']]",
        "power__n": "Literal['On', 'Off', 'PoweringOn', 'PoweringOff', 'Unknown'] | list[Literal['On', 'Off', 'PoweringOn', 'PoweringOff', 'Unknown']]",
        "power__in": "Literal['On', 'Off', 'PoweringOn', 'PoweringOff', 'Unknown'] | list[Literal['On', 'Off', 'PoweringOn', 'PoweringOff', 'Unknown']]",
        "problem": str | list[str],
        "problem__n": str | list[str],
        "problem__in": str | list[str],
        "problem__ic": str | list[str],
        "problem__nic": str | list[str],
        "problem__isw": str | list[str],
        "problem__nisw": str | list[str],
        "problem__iew": str | list[str],
        "problem__niew": str | list[str],
        "problem__ie": str | list[str],
        "problem__nie": str | list[str],
        "problem__empty": bool,
        "rack": str | list[str],
        "rack__n": str | list[str],
        "rack__in": str | list[str],
        "rack__ic": str | list[str],
        "rack__nic": str | list[str],
        "rack__isw": str | list[str],
        "rack__nisw": str | list[str],
        "rack__iew": str | list[str],
        "rack__niew": str | list[str],
        "rack__ie": str | list[str],
        "rack__nie": str | list[str],
        "rack__empty": bool,
        "serial": str | list[str],
        "serial__n": str | list[str],
        "serial__in": str | list[str],
        "serial__ic": str | list[str],
        "serial__nic": str | list[str],
        "serial__isw": str | list[str],
        "serial__nisw": str | list[str],
        "serial__iew": str | list[str],
        "serial__niew": str | list[str],
        "serial__ie": str | list[str],
        "serial__nie": str | list[str],
        "serial__empty": bool,
        "simulated": bool,
        "site": str | list[str],
        "site__n": str | list[str],
        "site__in": str | list[str],
        "site__ic": str | list[str],
        "site__nic": str | list[str],
        "site__isw": str | list[str],
        "site__nisw": str | list[str],
        "site__iew": str | list[str],
        "site__niew": str | list[str],
        "site__ie": str | list[str],
        "site__nie": str | list[str],
        "site__empty": bool,
        "slot": str | list[str],
        "slot__n": str | list[str],
        "slot__in": str | list[str],
        "slot__ic": str | list[str],
        "slot__nic": str | list[str],
        "slot__isw": str | list[str],
        "slot__nisw": str | list[str],
        "slot__iew": str | list[str],
        "slot__niew": str | list[str],
        "slot__ie": str | list[str],
        "slot__nie": str | list[str],
        "slot__empty": bool,
        "state": Literal[
            "enrolled",
            "registering",
            "inspecting",
            "matching",
            "preparing",
            "booting",
            "configuring",
            "accepting",
            "ready",
            "draining",
            "cleaning",
            "repairing",
            "retired",
        ]
        | list[
            Literal[
                "enrolled",
                "registering",
                "inspecting",
                "matching",
                "preparing",
                "booting",
                "configuring",
                "accepting",
                "ready",
                "draining",
                "cleaning",
                "repairing",
                "retired",
            ]
        ],
        "state__n": Literal[
            "enrolled",
            "registering",
            "inspecting",
            "matching",
            "preparing",
            "booting",
            "configuring",
            "accepting",
            "ready",
            "draining",
            "cleaning",
            "repairing",
            "retired",
        ]
        | list[
            Literal[
                "enrolled",
                "registering",
                "inspecting",
                "matching",
                "preparing",
                "booting",
                "configuring",
                "accepting",
                "ready",
                "draining",
                "cleaning",
                "repairing",
                "retired",
            ]
        ],
        "state__in": Literal[
            "enrolled",
            "registering",
            "inspecting",
            "matching",
            "preparing",
            "booting",
            "configuring",
            "accepting",
            "ready",
            "draining",
            "cleaning",
            "repairing",
            "retired",
        ]
        | list[
            Literal[
                "enrolled",
                "registering",
                "inspecting",
                "matching",
                "preparing",
                "booting",
                "configuring",
                "accepting",
                "ready",
                "draining",
                "cleaning",
                "repairing",
                "retired",
            ]
        ],
        "target": Literal["enrolled", "ready", "repairing", "retired"]
        | list[Literal["enrolled", "ready", "repairing", "retired"]],
        "target__n": Literal["enrolled", "ready", "repairing", "retired"]
        | list[Literal["enrolled", "ready", "repairing", "retired"]],
        "target__in": Literal["enrolled", "ready", "repairing", "retired"]
        | list[Literal["enrolled", "ready", "repairing", "retired"]],
        "uuid": str | list[str],
        "uuid__n": str | list[str],
        "uuid__in": str | list[str],
        "uuid__ic": str | list[str],
        "uuid__nic": str | list[str],
        "uuid__isw": str | list[str],
        "uuid__nisw": str | list[str],
        "uuid__iew": str | list[str],
        "uuid__niew": str | list[str],
        "uuid__ie": str | list[str],
        "uuid__nie": str | list[str],
        "uuid__empty": bool,
        "wave": float | list[float],
        "wave__n": float | list[float],
        "wave__in": float | list[float],
        "wave__gt": float | list[float],
        "wave__gte": float | list[float],
        "wave__lt": float | list[float],
        "wave__lte": float | list[float],
        "tag": str | list[str],
        "tag__n": str | list[str],
        "q": str,
    },
    total=False,
)

ExportTargetsQuery = TypedDict(
    "ExportTargetsQuery",
    {
        "asset_tag": str | list[str],
        "asset_tag__n": str | list[str],
        "asset_tag__in": str | list[str],
        "asset_tag__ic": str | list[str],
        "asset_tag__nic": str | list[str],
        "asset_tag__isw": str | list[str],
        "asset_tag__nisw": str | list[str],
        "asset_tag__iew": str | list[str],
        "asset_tag__niew": str | list[str],
        "asset_tag__ie": str | list[str],
        "asset_tag__nie": str | list[str],
        "asset_tag__empty": bool,
        "feed": str | list[str],
        "feed__n": str | list[str],
        "feed__in": str | list[str],
        "feed__ic": str | list[str],
        "feed__nic": str | list[str],
        "feed__isw": str | list[str],
        "feed__nisw": str | list[str],
        "feed__iew": str | list[str],
        "feed__niew": str | list[str],
        "feed__ie": str | list[str],
        "feed__nie": str | list[str],
        "feed__empty": bool,
        "gpu.count": float | list[float],
        "gpu.count__n": float | list[float],
        "gpu.count__in": float | list[float],
        "gpu.count__gt": float | list[float],
        "gpu.count__gte": float | list[float],
        "gpu.count__lt": float | list[float],
        "gpu.count__lte": float | list[float],
        "gpu.memory_gib": float | list[float],
        "gpu.memory_gib__n": float | list[float],
        "gpu.memory_gib__in": float | list[float],
        "gpu.memory_gib__gt": float | list[float],
        "gpu.memory_gib__gte": float | list[float],
        "gpu.memory_gib__lt": float | list[float],
        "gpu.memory_gib__lte": float | list[float],
        "gpu.model": str | list[str],
        "gpu.model__n": str | list[str],
        "gpu.model__in": str | list[str],
        "gpu.model__ic": str | list[str],
        "gpu.model__nic": str | list[str],
        "gpu.model__isw": str | list[str],
        "gpu.model__nisw": str | list[str],
        "gpu.model__iew": str | list[str],
        "gpu.model__niew": str | list[str],
        "gpu.model__ie": str | list[str],
        "gpu.model__nie": str | list[str],
        "gpu.model__empty": bool,
        "health": "Literal['OK', 'Warning', 'Critical', 'Unknown'] | list[Literal['OK', 'Warning', 'Critical', 'Unknown']]",
        "health__n": "Literal['OK', 'Warning', 'Critical', 'Unknown'] | list[Literal['OK', 'Warning', 'Critical', 'Unknown']]",
        "health__in": "Literal['OK', 'Warning', 'Critical', 'Unknown'] | list[Literal['OK', 'Warning', 'Critical', 'Unknown']]",
        "host_type": str | list[str],
        "host_type__n": str | list[str],
        "host_type__in": str | list[str],
        "host_type__ic": str | list[str],
        "host_type__nic": str | list[str],
        "host_type__isw": str | list[str],
        "host_type__nisw": str | list[str],
        "host_type__iew": str | list[str],
        "host_type__niew": str | list[str],
        "host_type__ie": str | list[str],
        "host_type__nie": str | list[str],
        "host_type__empty": bool,
        "id": str | list[str],
        "id__n": str | list[str],
        "id__in": str | list[str],
        "id__ic": str | list[str],
        "id__nic": str | list[str],
        "id__isw": str | list[str],
        "id__nisw": str | list[str],
        "id__iew": str | list[str],
        "id__niew": str | list[str],
        "id__ie": str | list[str],
        "id__nie": str | list[str],
        "id__empty": bool,
        "link.domain": str | list[str],
        "link.domain__n": str | list[str],
        "link.domain__in": str | list[str],
        "link.domain__ic": str | list[str],
        "link.domain__nic": str | list[str],
        "link.domain__isw": str | list[str],
        "link.domain__nisw": str | list[str],
        "link.domain__iew": str | list[str],
        "link.domain__niew": str | list[str],
        "link.domain__ie": str | list[str],
        "link.domain__nie": str | list[str],
        "link.domain__empty": bool,
        "maintenance": str | list[str],
        "maintenance__n": str | list[str],
        "maintenance__in": str | list[str],
        "maintenance__ic": str | list[str],
        "maintenance__nic": str | list[str],
        "maintenance__isw": str | list[str],
        "maintenance__nisw": str | list[str],
        "maintenance__iew": str | list[str],
        "maintenance__niew": str | list[str],
        "maintenance__ie": str | list[str],
        "maintenance__nie": str | list[str],
        "maintenance__empty": bool,
        "memory_gib": float | list[float],
        "memory_gib__n": float | list[float],
        "memory_gib__in": float | list[float],
        "memory_gib__gt": float | list[float],
        "memory_gib__gte": float | list[float],
        "memory_gib__lt": float | list[float],
        "memory_gib__lte": float | list[float],
        "name": str | list[str],
        "name__n": str | list[str],
        "name__in": str | list[str],
        "name__ic": str | list[str],
        "name__nic": str | list[str],
        "name__isw": str | list[str],
        "name__nisw": str | list[str],
        "name__iew": str | list[str],
        "name__niew": str | list[str],
        "name__ie": str | list[str],
        "name__nie": str | list[str],
        "name__empty": bool,
        "pod": str | list[str],
        "pod__n": str | list[str],
        "pod__in": str | list[str],
        "pod__ic": str | list[str],
        "pod__nic": str | list[str],
        "pod__isw": str | list[str],
        "pod__nisw": str | list[str],
        "pod__iew": str | list[str],
        "pod__niew": str | list[str],
        "pod__ie": str | list[str],
        "pod__nie": str | list[str],
        "pod__empty": bool,
        "power": "Literal['On', 'Off', 'PoweringOn', 'PoweringOff', 'Unknown'] | list[Literal['On', 'Off', 'PoweringOn', 'PoweringOff', 'Unknown']]",
        "power__n": "Literal['On', 'Off', 'PoweringOn', 'PoweringOff', 'Unknown'] | list[Literal['On', 'Off', 'PoweringOn', 'PoweringOff', 'Unknown']]",
        "power__in": "Literal['On', 'Off', 'PoweringOn', 'PoweringOff', 'Unknown'] | list[Literal['On', 'Off', 'PoweringOn', 'PoweringOff', 'Unknown']]",
        "problem": str | list[str],
        "problem__n": str | list[str],
        "problem__in": str | list[str],
        "problem__ic": str | list[str],
        "problem__nic": str | list[str],
        "problem__isw": str | list[str],
        "problem__nisw": str | list[str],
        "problem__iew": str | list[str],
        "problem__niew": str | list[str],
        "problem__ie": str | list[str],
        "problem__nie": str | list[str],
        "problem__empty": bool,
        "rack": str | list[str],
        "rack__n": str | list[str],
        "rack__in": str | list[str],
        "rack__ic": str | list[str],
        "rack__nic": str | list[str],
        "rack__isw": str | list[str],
        "rack__nisw": str | list[str],
        "rack__iew": str | list[str],
        "rack__niew": str | list[str],
        "rack__ie": str | list[str],
        "rack__nie": str | list[str],
        "rack__empty": bool,
        "serial": str | list[str],
        "serial__n": str | list[str],
        "serial__in": str | list[str],
        "serial__ic": str | list[str],
        "serial__nic": str | list[str],
        "serial__isw": str | list[str],
        "serial__nisw": str | list[str],
        "serial__iew": str | list[str],
        "serial__niew": str | list[str],
        "serial__ie": str | list[str],
        "serial__nie": str | list[str],
        "serial__empty": bool,
        "simulated": bool,
        "site": str | list[str],
        "site__n": str | list[str],
        "site__in": str | list[str],
        "site__ic": str | list[str],
        "site__nic": str | list[str],
        "site__isw": str | list[str],
        "site__nisw": str | list[str],
        "site__iew": str | list[str],
        "site__niew": str | list[str],
        "site__ie": str | list[str],
        "site__nie": str | list[str],
        "site__empty": bool,
        "slot": str | list[str],
        "slot__n": str | list[str],
        "slot__in": str | list[str],
        "slot__ic": str | list[str],
        "slot__nic": str | list[str],
        "slot__isw": str | list[str],
        "slot__nisw": str | list[str],
        "slot__iew": str | list[str],
        "slot__niew": str | list[str],
        "slot__ie": str | list[str],
        "slot__nie": str | list[str],
        "slot__empty": bool,
        "state": Literal[
            "enrolled",
            "registering",
            "inspecting",
            "matching",
            "preparing",
            "booting",
            "configuring",
            "accepting",
            "ready",
            "draining",
            "cleaning",
            "repairing",
            "retired",
        ]
        | list[
            Literal[
                "enrolled",
                "registering",
                "inspecting",
                "matching",
                "preparing",
                "booting",
                "configuring",
                "accepting",
                "ready",
                "draining",
                "cleaning",
                "repairing",
                "retired",
            ]
        ],
        "state__n": Literal[
            "enrolled",
            "registering",
            "inspecting",
            "matching",
            "preparing",
            "booting",
            "configuring",
            "accepting",
            "ready",
            "draining",
            "cleaning",
            "repairing",
            "retired",
        ]
        | list[
            Literal[
                "enrolled",
                "registering",
                "inspecting",
                "matching",
                "preparing",
                "booting",
                "configuring",
                "accepting",
                "ready",
                "draining",
                "cleaning",
                "repairing",
                "retired",
            ]
        ],
        "state__in": Literal[
            "enrolled",
            "registering",
            "inspecting",
            "matching",
            "preparing",
            "booting",
            "configuring",
            "accepting",
            "ready",
            "draining",
            "cleaning",
            "repairing",
            "retired",
        ]
        | list[
            Literal[
                "enrolled",
                "registering",
                "inspecting",
                "matching",
                "preparing",
                "booting",
                "configuring",
                "accepting",
                "ready",
                "draining",
                "cleaning",
                "repairing",
                "retired",
            ]
        ],
        "target": Literal["enrolled", "ready", "repairing", "retired"]
        | list[Literal["enrolled", "ready", "repairing", "retired"]],
        "target__n": Literal["enrolled", "ready", "repairing", "retired"]
        | list[Literal["enrolled", "ready", "repairing", "retired"]],
        "target__in": Literal["enrolled", "ready", "repairing", "retired"]
        | list[Literal["enrolled", "ready", "repairing", "retired"]],
        "uuid": str | list[str],
        "uuid__n": str | list[str],
        "uuid__in": str | list[str],
        "uuid__ic": str | list[str],
        "uuid__nic": str | list[str],
        "uuid__isw": str | list[str],
        "uuid__nisw": str | list[str],
        "uuid__iew": str | list[str],
        "uuid__niew": str | list[str],
        "uuid__ie": str | list[str],
        "uuid__nie": str | list[str],
        "uuid__empty": bool,
        "wave": float | list[float],
        "wave__n": float | list[float],
        "wave__in": float | list[float],
        "wave__gt": float | list[float],
        "wave__gte": float | list[float],
        "wave__lt": float | list[float],
        "wave__lte": float | list[float],
        "tag": str | list[str],
        "tag__n": str | list[str],
        "q": str,
    },
    total=False,
)


class ListFactoryAccountsQuery(TypedDict, total=False):
    id: str | list[str]
    id__n: str | list[str]
    id__in: str | list[str]
    id__ic: str | list[str]
    id__nic: str | list[str]
    id__isw: str | list[str]
    id__nisw: str | list[str]
    id__iew: str | list[str]
    id__niew: str | list[str]
    id__ie: str | list[str]
    id__nie: str | list[str]
    id__empty: bool
    name: str | list[str]
    name__n: str | list[str]
    name__in: str | list[str]
    name__ic: str | list[str]
    name__nic: str | list[str]
    name__isw: str | list[str]
    name__nisw: str | list[str]
    name__iew: str | list[str]
    name__niew: str | list[str]
    name__ie: str | list[str]
    name__nie: str | list[str]
    name__empty: bool
    q: str
    limit: int
    offset: int
    after: str
    start: str
    ordering: str
    brief: bool
    fields: str
    omit: str


class GetFactoryAccountQuery(TypedDict, total=False):
    brief: bool
    fields: str
    omit: str


class ListFeedsQuery(TypedDict, total=False):
    id: str | list[str]
    id__n: str | list[str]
    id__in: str | list[str]
    id__ic: str | list[str]
    id__nic: str | list[str]
    id__isw: str | list[str]
    id__nisw: str | list[str]
    id__iew: str | list[str]
    id__niew: str | list[str]
    id__ie: str | list[str]
    id__nie: str | list[str]
    id__empty: bool
    name: str | list[str]
    name__n: str | list[str]
    name__in: str | list[str]
    name__ic: str | list[str]
    name__nic: str | list[str]
    name__isw: str | list[str]
    name__nisw: str | list[str]
    name__iew: str | list[str]
    name__niew: str | list[str]
    name__ie: str | list[str]
    name__nie: str | list[str]
    name__empty: bool
    pod: str | list[str]
    pod__n: str | list[str]
    pod__in: str | list[str]
    pod__ic: str | list[str]
    pod__nic: str | list[str]
    pod__isw: str | list[str]
    pod__nisw: str | list[str]
    pod__iew: str | list[str]
    pod__niew: str | list[str]
    pod__ie: str | list[str]
    pod__nie: str | list[str]
    pod__empty: bool
    site: str | list[str]
    site__n: str | list[str]
    site__in: str | list[str]
    site__ic: str | list[str]
    site__nic: str | list[str]
    site__isw: str | list[str]
    site__nisw: str | list[str]
    site__iew: str | list[str]
    site__niew: str | list[str]
    site__ie: str | list[str]
    site__nie: str | list[str]
    site__empty: bool
    tag: str | list[str]
    tag__n: str | list[str]
    q: str
    limit: int
    offset: int
    after: str
    start: str
    ordering: str
    brief: bool
    fields: str
    omit: str


class CreateFeedQuery(TypedDict, total=False):
    atomic: bool


class ChangeFeedsQuery(TypedDict, total=False):
    atomic: bool


class RemoveFeedsQuery(TypedDict, total=False):
    atomic: bool


class GetFeedQuery(TypedDict, total=False):
    brief: bool
    fields: str
    omit: str


class ListFoundBmcsQuery(TypedDict, total=False):
    address: str | list[str]
    address__n: str | list[str]
    address__in: str | list[str]
    address__ic: str | list[str]
    address__nic: str | list[str]
    address__isw: str | list[str]
    address__nisw: str | list[str]
    address__iew: str | list[str]
    address__niew: str | list[str]
    address__ie: str | list[str]
    address__nie: str | list[str]
    address__empty: bool
    expected: str | list[str]
    expected__n: str | list[str]
    expected__in: str | list[str]
    expected__ic: str | list[str]
    expected__nic: str | list[str]
    expected__isw: str | list[str]
    expected__nisw: str | list[str]
    expected__iew: str | list[str]
    expected__niew: str | list[str]
    expected__ie: str | list[str]
    expected__nie: str | list[str]
    expected__empty: bool
    host: str | list[str]
    host__n: str | list[str]
    host__in: str | list[str]
    host__ic: str | list[str]
    host__nic: str | list[str]
    host__isw: str | list[str]
    host__nisw: str | list[str]
    host__iew: str | list[str]
    host__niew: str | list[str]
    host__ie: str | list[str]
    host__nie: str | list[str]
    host__empty: bool
    id: str | list[str]
    id__n: str | list[str]
    id__in: str | list[str]
    id__ic: str | list[str]
    id__nic: str | list[str]
    id__isw: str | list[str]
    id__nisw: str | list[str]
    id__iew: str | list[str]
    id__niew: str | list[str]
    id__ie: str | list[str]
    id__nie: str | list[str]
    id__empty: bool
    ip: str | list[str]
    ip__n: str | list[str]
    ip__in: str | list[str]
    ip__ic: str | list[str]
    ip__nic: str | list[str]
    ip__isw: str | list[str]
    ip__nisw: str | list[str]
    ip__iew: str | list[str]
    ip__niew: str | list[str]
    ip__ie: str | list[str]
    ip__nie: str | list[str]
    ip__empty: bool
    network: str | list[str]
    network__n: str | list[str]
    network__in: str | list[str]
    network__ic: str | list[str]
    network__nic: str | list[str]
    network__isw: str | list[str]
    network__nisw: str | list[str]
    network__iew: str | list[str]
    network__niew: str | list[str]
    network__ie: str | list[str]
    network__nie: str | list[str]
    network__empty: bool
    seen_at: str | list[str]
    seen_at__gt: str | list[str]
    seen_at__gte: str | list[str]
    seen_at__lt: str | list[str]
    seen_at__lte: str | list[str]
    site: str | list[str]
    site__n: str | list[str]
    site__in: str | list[str]
    site__ic: str | list[str]
    site__nic: str | list[str]
    site__isw: str | list[str]
    site__nisw: str | list[str]
    site__iew: str | list[str]
    site__niew: str | list[str]
    site__ie: str | list[str]
    site__nie: str | list[str]
    site__empty: bool
    state: Literal["found", "matched", "host"] | list[Literal["found", "matched", "host"]]
    state__n: Literal["found", "matched", "host"] | list[Literal["found", "matched", "host"]]
    state__in: Literal["found", "matched", "host"] | list[Literal["found", "matched", "host"]]
    vendor: str | list[str]
    vendor__n: str | list[str]
    vendor__in: str | list[str]
    vendor__ic: str | list[str]
    vendor__nic: str | list[str]
    vendor__isw: str | list[str]
    vendor__nisw: str | list[str]
    vendor__iew: str | list[str]
    vendor__niew: str | list[str]
    vendor__ie: str | list[str]
    vendor__nie: str | list[str]
    vendor__empty: bool
    q: str
    limit: int
    offset: int
    after: str
    start: str
    ordering: str
    brief: bool
    fields: str
    omit: str


class GetFoundBmcQuery(TypedDict, total=False):
    brief: bool
    fields: str
    omit: str


ListHostsQuery = TypedDict(
    "ListHostsQuery",
    {
        "asset_tag": str | list[str],
        "asset_tag__n": str | list[str],
        "asset_tag__in": str | list[str],
        "asset_tag__ic": str | list[str],
        "asset_tag__nic": str | list[str],
        "asset_tag__isw": str | list[str],
        "asset_tag__nisw": str | list[str],
        "asset_tag__iew": str | list[str],
        "asset_tag__niew": str | list[str],
        "asset_tag__ie": str | list[str],
        "asset_tag__nie": str | list[str],
        "asset_tag__empty": bool,
        "feed": str | list[str],
        "feed__n": str | list[str],
        "feed__in": str | list[str],
        "feed__ic": str | list[str],
        "feed__nic": str | list[str],
        "feed__isw": str | list[str],
        "feed__nisw": str | list[str],
        "feed__iew": str | list[str],
        "feed__niew": str | list[str],
        "feed__ie": str | list[str],
        "feed__nie": str | list[str],
        "feed__empty": bool,
        "gpu.count": float | list[float],
        "gpu.count__n": float | list[float],
        "gpu.count__in": float | list[float],
        "gpu.count__gt": float | list[float],
        "gpu.count__gte": float | list[float],
        "gpu.count__lt": float | list[float],
        "gpu.count__lte": float | list[float],
        "gpu.memory_gib": float | list[float],
        "gpu.memory_gib__n": float | list[float],
        "gpu.memory_gib__in": float | list[float],
        "gpu.memory_gib__gt": float | list[float],
        "gpu.memory_gib__gte": float | list[float],
        "gpu.memory_gib__lt": float | list[float],
        "gpu.memory_gib__lte": float | list[float],
        "gpu.model": str | list[str],
        "gpu.model__n": str | list[str],
        "gpu.model__in": str | list[str],
        "gpu.model__ic": str | list[str],
        "gpu.model__nic": str | list[str],
        "gpu.model__isw": str | list[str],
        "gpu.model__nisw": str | list[str],
        "gpu.model__iew": str | list[str],
        "gpu.model__niew": str | list[str],
        "gpu.model__ie": str | list[str],
        "gpu.model__nie": str | list[str],
        "gpu.model__empty": bool,
        "health": "Literal['OK', 'Warning', 'Critical', 'Unknown'] | list[Literal['OK', 'Warning', 'Critical', 'Unknown']]",
        "health__n": "Literal['OK', 'Warning', 'Critical', 'Unknown'] | list[Literal['OK', 'Warning', 'Critical', 'Unknown']]",
        "health__in": "Literal['OK', 'Warning', 'Critical', 'Unknown'] | list[Literal['OK', 'Warning', 'Critical', 'Unknown']]",
        "host_type": str | list[str],
        "host_type__n": str | list[str],
        "host_type__in": str | list[str],
        "host_type__ic": str | list[str],
        "host_type__nic": str | list[str],
        "host_type__isw": str | list[str],
        "host_type__nisw": str | list[str],
        "host_type__iew": str | list[str],
        "host_type__niew": str | list[str],
        "host_type__ie": str | list[str],
        "host_type__nie": str | list[str],
        "host_type__empty": bool,
        "id": str | list[str],
        "id__n": str | list[str],
        "id__in": str | list[str],
        "id__ic": str | list[str],
        "id__nic": str | list[str],
        "id__isw": str | list[str],
        "id__nisw": str | list[str],
        "id__iew": str | list[str],
        "id__niew": str | list[str],
        "id__ie": str | list[str],
        "id__nie": str | list[str],
        "id__empty": bool,
        "link.domain": str | list[str],
        "link.domain__n": str | list[str],
        "link.domain__in": str | list[str],
        "link.domain__ic": str | list[str],
        "link.domain__nic": str | list[str],
        "link.domain__isw": str | list[str],
        "link.domain__nisw": str | list[str],
        "link.domain__iew": str | list[str],
        "link.domain__niew": str | list[str],
        "link.domain__ie": str | list[str],
        "link.domain__nie": str | list[str],
        "link.domain__empty": bool,
        "maintenance": str | list[str],
        "maintenance__n": str | list[str],
        "maintenance__in": str | list[str],
        "maintenance__ic": str | list[str],
        "maintenance__nic": str | list[str],
        "maintenance__isw": str | list[str],
        "maintenance__nisw": str | list[str],
        "maintenance__iew": str | list[str],
        "maintenance__niew": str | list[str],
        "maintenance__ie": str | list[str],
        "maintenance__nie": str | list[str],
        "maintenance__empty": bool,
        "memory_gib": float | list[float],
        "memory_gib__n": float | list[float],
        "memory_gib__in": float | list[float],
        "memory_gib__gt": float | list[float],
        "memory_gib__gte": float | list[float],
        "memory_gib__lt": float | list[float],
        "memory_gib__lte": float | list[float],
        "name": str | list[str],
        "name__n": str | list[str],
        "name__in": str | list[str],
        "name__ic": str | list[str],
        "name__nic": str | list[str],
        "name__isw": str | list[str],
        "name__nisw": str | list[str],
        "name__iew": str | list[str],
        "name__niew": str | list[str],
        "name__ie": str | list[str],
        "name__nie": str | list[str],
        "name__empty": bool,
        "pod": str | list[str],
        "pod__n": str | list[str],
        "pod__in": str | list[str],
        "pod__ic": str | list[str],
        "pod__nic": str | list[str],
        "pod__isw": str | list[str],
        "pod__nisw": str | list[str],
        "pod__iew": str | list[str],
        "pod__niew": str | list[str],
        "pod__ie": str | list[str],
        "pod__nie": str | list[str],
        "pod__empty": bool,
        "power": "Literal['On', 'Off', 'PoweringOn', 'PoweringOff', 'Unknown'] | list[Literal['On', 'Off', 'PoweringOn', 'PoweringOff', 'Unknown']]",
        "power__n": "Literal['On', 'Off', 'PoweringOn', 'PoweringOff', 'Unknown'] | list[Literal['On', 'Off', 'PoweringOn', 'PoweringOff', 'Unknown']]",
        "power__in": "Literal['On', 'Off', 'PoweringOn', 'PoweringOff', 'Unknown'] | list[Literal['On', 'Off', 'PoweringOn', 'PoweringOff', 'Unknown']]",
        "problem": str | list[str],
        "problem__n": str | list[str],
        "problem__in": str | list[str],
        "problem__ic": str | list[str],
        "problem__nic": str | list[str],
        "problem__isw": str | list[str],
        "problem__nisw": str | list[str],
        "problem__iew": str | list[str],
        "problem__niew": str | list[str],
        "problem__ie": str | list[str],
        "problem__nie": str | list[str],
        "problem__empty": bool,
        "rack": str | list[str],
        "rack__n": str | list[str],
        "rack__in": str | list[str],
        "rack__ic": str | list[str],
        "rack__nic": str | list[str],
        "rack__isw": str | list[str],
        "rack__nisw": str | list[str],
        "rack__iew": str | list[str],
        "rack__niew": str | list[str],
        "rack__ie": str | list[str],
        "rack__nie": str | list[str],
        "rack__empty": bool,
        "serial": str | list[str],
        "serial__n": str | list[str],
        "serial__in": str | list[str],
        "serial__ic": str | list[str],
        "serial__nic": str | list[str],
        "serial__isw": str | list[str],
        "serial__nisw": str | list[str],
        "serial__iew": str | list[str],
        "serial__niew": str | list[str],
        "serial__ie": str | list[str],
        "serial__nie": str | list[str],
        "serial__empty": bool,
        "simulated": bool,
        "site": str | list[str],
        "site__n": str | list[str],
        "site__in": str | list[str],
        "site__ic": str | list[str],
        "site__nic": str | list[str],
        "site__isw": str | list[str],
        "site__nisw": str | list[str],
        "site__iew": str | list[str],
        "site__niew": str | list[str],
        "site__ie": str | list[str],
        "site__nie": str | list[str],
        "site__empty": bool,
        "slot": str | list[str],
        "slot__n": str | list[str],
        "slot__in": str | list[str],
        "slot__ic": str | list[str],
        "slot__nic": str | list[str],
        "slot__isw": str | list[str],
        "slot__nisw": str | list[str],
        "slot__iew": str | list[str],
        "slot__niew": str | list[str],
        "slot__ie": str | list[str],
        "slot__nie": str | list[str],
        "slot__empty": bool,
        "state": Literal[
            "enrolled",
            "registering",
            "inspecting",
            "matching",
            "preparing",
            "booting",
            "configuring",
            "accepting",
            "ready",
            "draining",
            "cleaning",
            "repairing",
            "retired",
        ]
        | list[
            Literal[
                "enrolled",
                "registering",
                "inspecting",
                "matching",
                "preparing",
                "booting",
                "configuring",
                "accepting",
                "ready",
                "draining",
                "cleaning",
                "repairing",
                "retired",
            ]
        ],
        "state__n": Literal[
            "enrolled",
            "registering",
            "inspecting",
            "matching",
            "preparing",
            "booting",
            "configuring",
            "accepting",
            "ready",
            "draining",
            "cleaning",
            "repairing",
            "retired",
        ]
        | list[
            Literal[
                "enrolled",
                "registering",
                "inspecting",
                "matching",
                "preparing",
                "booting",
                "configuring",
                "accepting",
                "ready",
                "draining",
                "cleaning",
                "repairing",
                "retired",
            ]
        ],
        "state__in": Literal[
            "enrolled",
            "registering",
            "inspecting",
            "matching",
            "preparing",
            "booting",
            "configuring",
            "accepting",
            "ready",
            "draining",
            "cleaning",
            "repairing",
            "retired",
        ]
        | list[
            Literal[
                "enrolled",
                "registering",
                "inspecting",
                "matching",
                "preparing",
                "booting",
                "configuring",
                "accepting",
                "ready",
                "draining",
                "cleaning",
                "repairing",
                "retired",
            ]
        ],
        "target": Literal["enrolled", "ready", "repairing", "retired"]
        | list[Literal["enrolled", "ready", "repairing", "retired"]],
        "target__n": Literal["enrolled", "ready", "repairing", "retired"]
        | list[Literal["enrolled", "ready", "repairing", "retired"]],
        "target__in": Literal["enrolled", "ready", "repairing", "retired"]
        | list[Literal["enrolled", "ready", "repairing", "retired"]],
        "uuid": str | list[str],
        "uuid__n": str | list[str],
        "uuid__in": str | list[str],
        "uuid__ic": str | list[str],
        "uuid__nic": str | list[str],
        "uuid__isw": str | list[str],
        "uuid__nisw": str | list[str],
        "uuid__iew": str | list[str],
        "uuid__niew": str | list[str],
        "uuid__ie": str | list[str],
        "uuid__nie": str | list[str],
        "uuid__empty": bool,
        "wave": float | list[float],
        "wave__n": float | list[float],
        "wave__in": float | list[float],
        "wave__gt": float | list[float],
        "wave__gte": float | list[float],
        "wave__lt": float | list[float],
        "wave__lte": float | list[float],
        "tag": str | list[str],
        "tag__n": str | list[str],
        "q": str,
        "limit": int,
        "offset": int,
        "after": str,
        "start": str,
        "ordering": str,
        "brief": bool,
        "fields": str,
        "omit": str,
        "include": str,
    },
    total=False,
)


class ChangeHostsQuery(TypedDict, total=False):
    atomic: bool


class GetHostQuery(TypedDict, total=False):
    brief: bool
    fields: str
    omit: str
    include: str


class ForgetHostQuery(TypedDict, total=False):
    even_if_on: bool


class HostBmcLogQuery(TypedDict, total=False):
    limit: int


class ListHostPartsQuery(TypedDict, total=False):
    history: bool
    id: str | list[str]
    id__n: str | list[str]
    id__in: str | list[str]
    id__ic: str | list[str]
    id__nic: str | list[str]
    id__isw: str | list[str]
    id__nisw: str | list[str]
    id__iew: str | list[str]
    id__niew: str | list[str]
    id__ie: str | list[str]
    id__nie: str | list[str]
    id__empty: bool
    kind: (
        Literal["accelerator", "nic", "drive", "psu", "memory", "processor"]
        | list[Literal["accelerator", "nic", "drive", "psu", "memory", "processor"]]
    )
    kind__n: (
        Literal["accelerator", "nic", "drive", "psu", "memory", "processor"]
        | list[Literal["accelerator", "nic", "drive", "psu", "memory", "processor"]]
    )
    kind__in: (
        Literal["accelerator", "nic", "drive", "psu", "memory", "processor"]
        | list[Literal["accelerator", "nic", "drive", "psu", "memory", "processor"]]
    )
    model: str | list[str]
    model__n: str | list[str]
    model__in: str | list[str]
    model__ic: str | list[str]
    model__nic: str | list[str]
    model__isw: str | list[str]
    model__nisw: str | list[str]
    model__iew: str | list[str]
    model__niew: str | list[str]
    model__ie: str | list[str]
    model__nie: str | list[str]
    model__empty: bool
    rma: str | list[str]
    rma__n: str | list[str]
    rma__in: str | list[str]
    rma__ic: str | list[str]
    rma__nic: str | list[str]
    rma__isw: str | list[str]
    rma__nisw: str | list[str]
    rma__iew: str | list[str]
    rma__niew: str | list[str]
    rma__ie: str | list[str]
    rma__nie: str | list[str]
    rma__empty: bool
    serial: str | list[str]
    serial__n: str | list[str]
    serial__in: str | list[str]
    serial__ic: str | list[str]
    serial__nic: str | list[str]
    serial__isw: str | list[str]
    serial__nisw: str | list[str]
    serial__iew: str | list[str]
    serial__niew: str | list[str]
    serial__ie: str | list[str]
    serial__nie: str | list[str]
    serial__empty: bool
    slot: str | list[str]
    slot__n: str | list[str]
    slot__in: str | list[str]
    slot__ic: str | list[str]
    slot__nic: str | list[str]
    slot__isw: str | list[str]
    slot__nisw: str | list[str]
    slot__iew: str | list[str]
    slot__niew: str | list[str]
    slot__ie: str | list[str]
    slot__nie: str | list[str]
    slot__empty: bool
    q: str
    limit: int
    offset: int
    after: str
    start: str
    ordering: str
    brief: bool
    fields: str
    omit: str


HostReadingsQuery = TypedDict(
    "HostReadingsQuery",
    {
        "series": "list[str] | None",
        "from": "str | None",
        "to": "str | None",
        "resolution": Literal["auto", "raw", "5m", "1h", "1d"],
    },
    total=False,
)


class ListJobsQuery(TypedDict, total=False):
    cluster: str | list[str]
    cluster__n: str | list[str]
    cluster__in: str | list[str]
    cluster__ic: str | list[str]
    cluster__nic: str | list[str]
    cluster__isw: str | list[str]
    cluster__nisw: str | list[str]
    cluster__iew: str | list[str]
    cluster__niew: str | list[str]
    cluster__ie: str | list[str]
    cluster__nie: str | list[str]
    cluster__empty: bool
    id: str | list[str]
    id__n: str | list[str]
    id__in: str | list[str]
    id__ic: str | list[str]
    id__nic: str | list[str]
    id__isw: str | list[str]
    id__nisw: str | list[str]
    id__iew: str | list[str]
    id__niew: str | list[str]
    id__ie: str | list[str]
    id__nie: str | list[str]
    id__empty: bool
    state: (
        Literal["queued", "starting", "running", "succeeded", "failed", "stopped"]
        | list[Literal["queued", "starting", "running", "succeeded", "failed", "stopped"]]
    )
    state__n: (
        Literal["queued", "starting", "running", "succeeded", "failed", "stopped"]
        | list[Literal["queued", "starting", "running", "succeeded", "failed", "stopped"]]
    )
    state__in: (
        Literal["queued", "starting", "running", "succeeded", "failed", "stopped"]
        | list[Literal["queued", "starting", "running", "succeeded", "failed", "stopped"]]
    )
    tenant: str | list[str]
    tenant__n: str | list[str]
    tenant__in: str | list[str]
    tenant__ic: str | list[str]
    tenant__nic: str | list[str]
    tenant__isw: str | list[str]
    tenant__nisw: str | list[str]
    tenant__iew: str | list[str]
    tenant__niew: str | list[str]
    tenant__ie: str | list[str]
    tenant__nie: str | list[str]
    tenant__empty: bool
    q: str
    limit: int
    offset: int
    after: str
    start: str
    ordering: str
    brief: bool
    fields: str
    omit: str


class GetJobQuery(TypedDict, total=False):
    brief: bool
    fields: str
    omit: str


class ListJournalEntriesQuery(TypedDict, total=False):
    at: str | list[str]
    at__gt: str | list[str]
    at__gte: str | list[str]
    at__lt: str | list[str]
    at__lte: str | list[str]
    author: str | list[str]
    author__n: str | list[str]
    author__in: str | list[str]
    author__ic: str | list[str]
    author__nic: str | list[str]
    author__isw: str | list[str]
    author__nisw: str | list[str]
    author__iew: str | list[str]
    author__niew: str | list[str]
    author__ie: str | list[str]
    author__nie: str | list[str]
    author__empty: bool
    id: str | list[str]
    id__n: str | list[str]
    id__in: str | list[str]
    id__ic: str | list[str]
    id__nic: str | list[str]
    id__isw: str | list[str]
    id__nisw: str | list[str]
    id__iew: str | list[str]
    id__niew: str | list[str]
    id__ie: str | list[str]
    id__nie: str | list[str]
    id__empty: bool
    level: (
        Literal["info", "success", "warning", "danger"]
        | list[Literal["info", "success", "warning", "danger"]]
    )
    level__n: (
        Literal["info", "success", "warning", "danger"]
        | list[Literal["info", "success", "warning", "danger"]]
    )
    level__in: (
        Literal["info", "success", "warning", "danger"]
        | list[Literal["info", "success", "warning", "danger"]]
    )
    subject: str | list[str]
    subject__n: str | list[str]
    subject__in: str | list[str]
    subject__ic: str | list[str]
    subject__nic: str | list[str]
    subject__isw: str | list[str]
    subject__nisw: str | list[str]
    subject__iew: str | list[str]
    subject__niew: str | list[str]
    subject__ie: str | list[str]
    subject__nie: str | list[str]
    subject__empty: bool
    q: str
    limit: int
    offset: int
    after: str
    start: str
    ordering: str
    brief: bool
    fields: str
    omit: str


class CreateJournalEntryQuery(TypedDict, total=False):
    atomic: bool


class ChangeJournalEntriesQuery(TypedDict, total=False):
    atomic: bool


class RemoveJournalEntriesQuery(TypedDict, total=False):
    atomic: bool


class GetJournalEntryQuery(TypedDict, total=False):
    brief: bool
    fields: str
    omit: str


class ListKeysQuery(TypedDict, total=False):
    role: str
    tenant: str
    after: str
    limit: int


class ListLocationsQuery(TypedDict, total=False):
    id: str | list[str]
    id__n: str | list[str]
    id__in: str | list[str]
    id__ic: str | list[str]
    id__nic: str | list[str]
    id__isw: str | list[str]
    id__nisw: str | list[str]
    id__iew: str | list[str]
    id__niew: str | list[str]
    id__ie: str | list[str]
    id__nie: str | list[str]
    id__empty: bool
    kind: Literal["hall", "row"] | list[Literal["hall", "row"]]
    kind__n: Literal["hall", "row"] | list[Literal["hall", "row"]]
    kind__in: Literal["hall", "row"] | list[Literal["hall", "row"]]
    name: str | list[str]
    name__n: str | list[str]
    name__in: str | list[str]
    name__ic: str | list[str]
    name__nic: str | list[str]
    name__isw: str | list[str]
    name__nisw: str | list[str]
    name__iew: str | list[str]
    name__niew: str | list[str]
    name__ie: str | list[str]
    name__nie: str | list[str]
    name__empty: bool
    parent: str | list[str]
    parent__n: str | list[str]
    parent__in: str | list[str]
    parent__ic: str | list[str]
    parent__nic: str | list[str]
    parent__isw: str | list[str]
    parent__nisw: str | list[str]
    parent__iew: str | list[str]
    parent__niew: str | list[str]
    parent__ie: str | list[str]
    parent__nie: str | list[str]
    parent__empty: bool
    site: str | list[str]
    site__n: str | list[str]
    site__in: str | list[str]
    site__ic: str | list[str]
    site__nic: str | list[str]
    site__isw: str | list[str]
    site__nisw: str | list[str]
    site__iew: str | list[str]
    site__niew: str | list[str]
    site__ie: str | list[str]
    site__nie: str | list[str]
    site__empty: bool
    tag: str | list[str]
    tag__n: str | list[str]
    q: str
    limit: int
    offset: int
    after: str
    start: str
    ordering: str
    brief: bool
    fields: str
    omit: str


class CreateLocationQuery(TypedDict, total=False):
    atomic: bool


class ChangeLocationsQuery(TypedDict, total=False):
    atomic: bool


class RemoveLocationsQuery(TypedDict, total=False):
    atomic: bool


class GetLocationQuery(TypedDict, total=False):
    brief: bool
    fields: str
    omit: str


class ListObjectChangesQuery(TypedDict, total=False):
    action: Literal["create", "update", "delete"] | list[Literal["create", "update", "delete"]]
    action__n: Literal["create", "update", "delete"] | list[Literal["create", "update", "delete"]]
    action__in: Literal["create", "update", "delete"] | list[Literal["create", "update", "delete"]]
    actor: str | list[str]
    actor__n: str | list[str]
    actor__in: str | list[str]
    actor__ic: str | list[str]
    actor__nic: str | list[str]
    actor__isw: str | list[str]
    actor__nisw: str | list[str]
    actor__iew: str | list[str]
    actor__niew: str | list[str]
    actor__ie: str | list[str]
    actor__nie: str | list[str]
    actor__empty: bool
    at: str | list[str]
    at__gt: str | list[str]
    at__gte: str | list[str]
    at__lt: str | list[str]
    at__lte: str | list[str]
    id: str | list[str]
    id__n: str | list[str]
    id__in: str | list[str]
    id__ic: str | list[str]
    id__nic: str | list[str]
    id__isw: str | list[str]
    id__nisw: str | list[str]
    id__iew: str | list[str]
    id__niew: str | list[str]
    id__ie: str | list[str]
    id__nie: str | list[str]
    id__empty: bool
    key: str | list[str]
    key__n: str | list[str]
    key__in: str | list[str]
    key__ic: str | list[str]
    key__nic: str | list[str]
    key__isw: str | list[str]
    key__nisw: str | list[str]
    key__iew: str | list[str]
    key__niew: str | list[str]
    key__ie: str | list[str]
    key__nie: str | list[str]
    key__empty: bool
    kind: str | list[str]
    kind__n: str | list[str]
    kind__in: str | list[str]
    kind__ic: str | list[str]
    kind__nic: str | list[str]
    kind__isw: str | list[str]
    kind__nisw: str | list[str]
    kind__iew: str | list[str]
    kind__niew: str | list[str]
    kind__ie: str | list[str]
    kind__nie: str | list[str]
    kind__empty: bool
    name: str | list[str]
    name__n: str | list[str]
    name__in: str | list[str]
    name__ic: str | list[str]
    name__nic: str | list[str]
    name__isw: str | list[str]
    name__nisw: str | list[str]
    name__iew: str | list[str]
    name__niew: str | list[str]
    name__ie: str | list[str]
    name__nie: str | list[str]
    name__empty: bool
    request_id: str | list[str]
    request_id__n: str | list[str]
    request_id__in: str | list[str]
    request_id__ic: str | list[str]
    request_id__nic: str | list[str]
    request_id__isw: str | list[str]
    request_id__nisw: str | list[str]
    request_id__iew: str | list[str]
    request_id__niew: str | list[str]
    request_id__ie: str | list[str]
    request_id__nie: str | list[str]
    request_id__empty: bool
    q: str
    limit: int
    offset: int
    after: str
    start: str
    ordering: str
    brief: bool
    fields: str
    omit: str


class GetObjectChangeQuery(TypedDict, total=False):
    brief: bool
    fields: str
    omit: str


class ListPartsQuery(TypedDict, total=False):
    host: str | list[str]
    host__n: str | list[str]
    host__in: str | list[str]
    host__ic: str | list[str]
    host__nic: str | list[str]
    host__isw: str | list[str]
    host__nisw: str | list[str]
    host__iew: str | list[str]
    host__niew: str | list[str]
    host__ie: str | list[str]
    host__nie: str | list[str]
    host__empty: bool
    host_id: str | list[str]
    host_id__n: str | list[str]
    host_id__in: str | list[str]
    host_id__ic: str | list[str]
    host_id__nic: str | list[str]
    host_id__isw: str | list[str]
    host_id__nisw: str | list[str]
    host_id__iew: str | list[str]
    host_id__niew: str | list[str]
    host_id__ie: str | list[str]
    host_id__nie: str | list[str]
    host_id__empty: bool
    id: str | list[str]
    id__n: str | list[str]
    id__in: str | list[str]
    id__ic: str | list[str]
    id__nic: str | list[str]
    id__isw: str | list[str]
    id__nisw: str | list[str]
    id__iew: str | list[str]
    id__niew: str | list[str]
    id__ie: str | list[str]
    id__nie: str | list[str]
    id__empty: bool
    kind: (
        Literal["accelerator", "nic", "drive", "psu", "memory", "processor"]
        | list[Literal["accelerator", "nic", "drive", "psu", "memory", "processor"]]
    )
    kind__n: (
        Literal["accelerator", "nic", "drive", "psu", "memory", "processor"]
        | list[Literal["accelerator", "nic", "drive", "psu", "memory", "processor"]]
    )
    kind__in: (
        Literal["accelerator", "nic", "drive", "psu", "memory", "processor"]
        | list[Literal["accelerator", "nic", "drive", "psu", "memory", "processor"]]
    )
    model: str | list[str]
    model__n: str | list[str]
    model__in: str | list[str]
    model__ic: str | list[str]
    model__nic: str | list[str]
    model__isw: str | list[str]
    model__nisw: str | list[str]
    model__iew: str | list[str]
    model__niew: str | list[str]
    model__ie: str | list[str]
    model__nie: str | list[str]
    model__empty: bool
    present: bool
    rma: str | list[str]
    rma__n: str | list[str]
    rma__in: str | list[str]
    rma__ic: str | list[str]
    rma__nic: str | list[str]
    rma__isw: str | list[str]
    rma__nisw: str | list[str]
    rma__iew: str | list[str]
    rma__niew: str | list[str]
    rma__ie: str | list[str]
    rma__nie: str | list[str]
    rma__empty: bool
    serial: str | list[str]
    serial__n: str | list[str]
    serial__in: str | list[str]
    serial__ic: str | list[str]
    serial__nic: str | list[str]
    serial__isw: str | list[str]
    serial__nisw: str | list[str]
    serial__iew: str | list[str]
    serial__niew: str | list[str]
    serial__ie: str | list[str]
    serial__nie: str | list[str]
    serial__empty: bool
    slot: str | list[str]
    slot__n: str | list[str]
    slot__in: str | list[str]
    slot__ic: str | list[str]
    slot__nic: str | list[str]
    slot__isw: str | list[str]
    slot__nisw: str | list[str]
    slot__iew: str | list[str]
    slot__niew: str | list[str]
    slot__ie: str | list[str]
    slot__nie: str | list[str]
    slot__empty: bool
    q: str
    limit: int
    offset: int
    after: str
    start: str
    ordering: str
    brief: bool
    fields: str
    omit: str


class ChangePartsQuery(TypedDict, total=False):
    atomic: bool


class GetPartQuery(TypedDict, total=False):
    brief: bool
    fields: str
    omit: str


class ListPdusQuery(TypedDict, total=False):
    id: str | list[str]
    id__n: str | list[str]
    id__in: str | list[str]
    id__ic: str | list[str]
    id__nic: str | list[str]
    id__isw: str | list[str]
    id__nisw: str | list[str]
    id__iew: str | list[str]
    id__niew: str | list[str]
    id__ie: str | list[str]
    id__nie: str | list[str]
    id__empty: bool
    name: str | list[str]
    name__n: str | list[str]
    name__in: str | list[str]
    name__ic: str | list[str]
    name__nic: str | list[str]
    name__isw: str | list[str]
    name__nisw: str | list[str]
    name__iew: str | list[str]
    name__niew: str | list[str]
    name__ie: str | list[str]
    name__nie: str | list[str]
    name__empty: bool
    pod: str | list[str]
    pod__n: str | list[str]
    pod__in: str | list[str]
    pod__ic: str | list[str]
    pod__nic: str | list[str]
    pod__isw: str | list[str]
    pod__nisw: str | list[str]
    pod__iew: str | list[str]
    pod__niew: str | list[str]
    pod__ie: str | list[str]
    pod__nie: str | list[str]
    pod__empty: bool
    rack: str | list[str]
    rack__n: str | list[str]
    rack__in: str | list[str]
    rack__ic: str | list[str]
    rack__nic: str | list[str]
    rack__isw: str | list[str]
    rack__nisw: str | list[str]
    rack__iew: str | list[str]
    rack__niew: str | list[str]
    rack__ie: str | list[str]
    rack__nie: str | list[str]
    rack__empty: bool
    serial: str | list[str]
    serial__n: str | list[str]
    serial__in: str | list[str]
    serial__ic: str | list[str]
    serial__nic: str | list[str]
    serial__isw: str | list[str]
    serial__nisw: str | list[str]
    serial__iew: str | list[str]
    serial__niew: str | list[str]
    serial__ie: str | list[str]
    serial__nie: str | list[str]
    serial__empty: bool
    site: str | list[str]
    site__n: str | list[str]
    site__in: str | list[str]
    site__ic: str | list[str]
    site__nic: str | list[str]
    site__isw: str | list[str]
    site__nisw: str | list[str]
    site__iew: str | list[str]
    site__niew: str | list[str]
    site__ie: str | list[str]
    site__nie: str | list[str]
    site__empty: bool
    tag: str | list[str]
    tag__n: str | list[str]
    q: str
    limit: int
    offset: int
    after: str
    start: str
    ordering: str
    brief: bool
    fields: str
    omit: str


class CreatePduQuery(TypedDict, total=False):
    atomic: bool


class ChangePdusQuery(TypedDict, total=False):
    atomic: bool


class RemovePdusQuery(TypedDict, total=False):
    atomic: bool


class GetPduQuery(TypedDict, total=False):
    brief: bool
    fields: str
    omit: str


class ListPodsQuery(TypedDict, total=False):
    id: str | list[str]
    id__n: str | list[str]
    id__in: str | list[str]
    id__ic: str | list[str]
    id__nic: str | list[str]
    id__isw: str | list[str]
    id__nisw: str | list[str]
    id__iew: str | list[str]
    id__niew: str | list[str]
    id__ie: str | list[str]
    id__nie: str | list[str]
    id__empty: bool
    name: str | list[str]
    name__n: str | list[str]
    name__in: str | list[str]
    name__ic: str | list[str]
    name__nic: str | list[str]
    name__isw: str | list[str]
    name__nisw: str | list[str]
    name__iew: str | list[str]
    name__niew: str | list[str]
    name__ie: str | list[str]
    name__nie: str | list[str]
    name__empty: bool
    site: str | list[str]
    site__n: str | list[str]
    site__in: str | list[str]
    site__ic: str | list[str]
    site__nic: str | list[str]
    site__isw: str | list[str]
    site__nisw: str | list[str]
    site__iew: str | list[str]
    site__niew: str | list[str]
    site__ie: str | list[str]
    site__nie: str | list[str]
    site__empty: bool
    tag: str | list[str]
    tag__n: str | list[str]
    q: str
    limit: int
    offset: int
    after: str
    start: str
    ordering: str
    brief: bool
    fields: str
    omit: str


class ChangePodsQuery(TypedDict, total=False):
    atomic: bool


class GetPodQuery(TypedDict, total=False):
    brief: bool
    fields: str
    omit: str


class ListPowerShelvesQuery(TypedDict, total=False):
    id: str | list[str]
    id__n: str | list[str]
    id__in: str | list[str]
    id__ic: str | list[str]
    id__nic: str | list[str]
    id__isw: str | list[str]
    id__nisw: str | list[str]
    id__iew: str | list[str]
    id__niew: str | list[str]
    id__ie: str | list[str]
    id__nie: str | list[str]
    id__empty: bool
    name: str | list[str]
    name__n: str | list[str]
    name__in: str | list[str]
    name__ic: str | list[str]
    name__nic: str | list[str]
    name__isw: str | list[str]
    name__nisw: str | list[str]
    name__iew: str | list[str]
    name__niew: str | list[str]
    name__ie: str | list[str]
    name__nie: str | list[str]
    name__empty: bool
    pod: str | list[str]
    pod__n: str | list[str]
    pod__in: str | list[str]
    pod__ic: str | list[str]
    pod__nic: str | list[str]
    pod__isw: str | list[str]
    pod__nisw: str | list[str]
    pod__iew: str | list[str]
    pod__niew: str | list[str]
    pod__ie: str | list[str]
    pod__nie: str | list[str]
    pod__empty: bool
    rack: str | list[str]
    rack__n: str | list[str]
    rack__in: str | list[str]
    rack__ic: str | list[str]
    rack__nic: str | list[str]
    rack__isw: str | list[str]
    rack__nisw: str | list[str]
    rack__iew: str | list[str]
    rack__niew: str | list[str]
    rack__ie: str | list[str]
    rack__nie: str | list[str]
    rack__empty: bool
    serial: str | list[str]
    serial__n: str | list[str]
    serial__in: str | list[str]
    serial__ic: str | list[str]
    serial__nic: str | list[str]
    serial__isw: str | list[str]
    serial__nisw: str | list[str]
    serial__iew: str | list[str]
    serial__niew: str | list[str]
    serial__ie: str | list[str]
    serial__nie: str | list[str]
    serial__empty: bool
    site: str | list[str]
    site__n: str | list[str]
    site__in: str | list[str]
    site__ic: str | list[str]
    site__nic: str | list[str]
    site__isw: str | list[str]
    site__nisw: str | list[str]
    site__iew: str | list[str]
    site__niew: str | list[str]
    site__ie: str | list[str]
    site__nie: str | list[str]
    site__empty: bool
    tag: str | list[str]
    tag__n: str | list[str]
    q: str
    limit: int
    offset: int
    after: str
    start: str
    ordering: str
    brief: bool
    fields: str
    omit: str


class CreatePowerShelfQuery(TypedDict, total=False):
    atomic: bool


class ChangePowerShelvesQuery(TypedDict, total=False):
    atomic: bool


class RemovePowerShelvesQuery(TypedDict, total=False):
    atomic: bool


class GetPowerShelfQuery(TypedDict, total=False):
    brief: bool
    fields: str
    omit: str


class ListProblemsQuery(TypedDict, total=False):
    id: str | list[str]
    id__n: str | list[str]
    id__in: str | list[str]
    id__ic: str | list[str]
    id__nic: str | list[str]
    id__isw: str | list[str]
    id__nisw: str | list[str]
    id__iew: str | list[str]
    id__niew: str | list[str]
    id__ie: str | list[str]
    id__nie: str | list[str]
    id__empty: bool
    kind: str | list[str]
    kind__n: str | list[str]
    kind__in: str | list[str]
    kind__ic: str | list[str]
    kind__nic: str | list[str]
    kind__isw: str | list[str]
    kind__nisw: str | list[str]
    kind__iew: str | list[str]
    kind__niew: str | list[str]
    kind__ie: str | list[str]
    kind__nie: str | list[str]
    kind__empty: bool
    name: str | list[str]
    name__n: str | list[str]
    name__in: str | list[str]
    name__ic: str | list[str]
    name__nic: str | list[str]
    name__isw: str | list[str]
    name__nisw: str | list[str]
    name__iew: str | list[str]
    name__niew: str | list[str]
    name__ie: str | list[str]
    name__nie: str | list[str]
    name__empty: bool
    pod: str | list[str]
    pod__n: str | list[str]
    pod__in: str | list[str]
    pod__ic: str | list[str]
    pod__nic: str | list[str]
    pod__isw: str | list[str]
    pod__nisw: str | list[str]
    pod__iew: str | list[str]
    pod__niew: str | list[str]
    pod__ie: str | list[str]
    pod__nie: str | list[str]
    pod__empty: bool
    rack: str | list[str]
    rack__n: str | list[str]
    rack__in: str | list[str]
    rack__ic: str | list[str]
    rack__nic: str | list[str]
    rack__isw: str | list[str]
    rack__nisw: str | list[str]
    rack__iew: str | list[str]
    rack__niew: str | list[str]
    rack__ie: str | list[str]
    rack__nie: str | list[str]
    rack__empty: bool
    site: str | list[str]
    site__n: str | list[str]
    site__in: str | list[str]
    site__ic: str | list[str]
    site__nic: str | list[str]
    site__isw: str | list[str]
    site__nisw: str | list[str]
    site__iew: str | list[str]
    site__niew: str | list[str]
    site__ie: str | list[str]
    site__nie: str | list[str]
    site__empty: bool
    state: (
        Literal[
            "enrolled",
            "registering",
            "inspecting",
            "matching",
            "preparing",
            "booting",
            "configuring",
            "accepting",
            "ready",
            "draining",
            "cleaning",
            "repairing",
            "retired",
        ]
        | list[
            Literal[
                "enrolled",
                "registering",
                "inspecting",
                "matching",
                "preparing",
                "booting",
                "configuring",
                "accepting",
                "ready",
                "draining",
                "cleaning",
                "repairing",
                "retired",
            ]
        ]
    )
    state__n: (
        Literal[
            "enrolled",
            "registering",
            "inspecting",
            "matching",
            "preparing",
            "booting",
            "configuring",
            "accepting",
            "ready",
            "draining",
            "cleaning",
            "repairing",
            "retired",
        ]
        | list[
            Literal[
                "enrolled",
                "registering",
                "inspecting",
                "matching",
                "preparing",
                "booting",
                "configuring",
                "accepting",
                "ready",
                "draining",
                "cleaning",
                "repairing",
                "retired",
            ]
        ]
    )
    state__in: (
        Literal[
            "enrolled",
            "registering",
            "inspecting",
            "matching",
            "preparing",
            "booting",
            "configuring",
            "accepting",
            "ready",
            "draining",
            "cleaning",
            "repairing",
            "retired",
        ]
        | list[
            Literal[
                "enrolled",
                "registering",
                "inspecting",
                "matching",
                "preparing",
                "booting",
                "configuring",
                "accepting",
                "ready",
                "draining",
                "cleaning",
                "repairing",
                "retired",
            ]
        ]
    )
    q: str
    limit: int
    offset: int
    after: str
    start: str
    ordering: str
    brief: bool
    fields: str
    omit: str


class GetProblemQuery(TypedDict, total=False):
    brief: bool
    fields: str
    omit: str


class ListQuotasQuery(TypedDict, total=False):
    id: str | list[str]
    id__n: str | list[str]
    id__in: str | list[str]
    id__ic: str | list[str]
    id__nic: str | list[str]
    id__isw: str | list[str]
    id__nisw: str | list[str]
    id__iew: str | list[str]
    id__niew: str | list[str]
    id__ie: str | list[str]
    id__nie: str | list[str]
    id__empty: bool
    name: str | list[str]
    name__n: str | list[str]
    name__in: str | list[str]
    name__ic: str | list[str]
    name__nic: str | list[str]
    name__isw: str | list[str]
    name__nisw: str | list[str]
    name__iew: str | list[str]
    name__niew: str | list[str]
    name__ie: str | list[str]
    name__nie: str | list[str]
    name__empty: bool
    parent: str | list[str]
    parent__n: str | list[str]
    parent__in: str | list[str]
    parent__ic: str | list[str]
    parent__nic: str | list[str]
    parent__isw: str | list[str]
    parent__nisw: str | list[str]
    parent__iew: str | list[str]
    parent__niew: str | list[str]
    parent__ie: str | list[str]
    parent__nie: str | list[str]
    parent__empty: bool
    q: str
    limit: int
    offset: int
    after: str
    start: str
    ordering: str
    brief: bool
    fields: str
    omit: str


class CreateQuotaQuery(TypedDict, total=False):
    atomic: bool


class ChangeQuotasQuery(TypedDict, total=False):
    atomic: bool


class RemoveQuotasQuery(TypedDict, total=False):
    atomic: bool


class GetQuotaQuery(TypedDict, total=False):
    brief: bool
    fields: str
    omit: str


class ListRacksQuery(TypedDict, total=False):
    asset_tag: str | list[str]
    asset_tag__n: str | list[str]
    asset_tag__in: str | list[str]
    asset_tag__ic: str | list[str]
    asset_tag__nic: str | list[str]
    asset_tag__isw: str | list[str]
    asset_tag__nisw: str | list[str]
    asset_tag__iew: str | list[str]
    asset_tag__niew: str | list[str]
    asset_tag__ie: str | list[str]
    asset_tag__nie: str | list[str]
    asset_tag__empty: bool
    id: str | list[str]
    id__n: str | list[str]
    id__in: str | list[str]
    id__ic: str | list[str]
    id__nic: str | list[str]
    id__isw: str | list[str]
    id__nisw: str | list[str]
    id__iew: str | list[str]
    id__niew: str | list[str]
    id__ie: str | list[str]
    id__nie: str | list[str]
    id__empty: bool
    location: str | list[str]
    location__n: str | list[str]
    location__in: str | list[str]
    location__ic: str | list[str]
    location__nic: str | list[str]
    location__isw: str | list[str]
    location__nisw: str | list[str]
    location__iew: str | list[str]
    location__niew: str | list[str]
    location__ie: str | list[str]
    location__nie: str | list[str]
    location__empty: bool
    name: str | list[str]
    name__n: str | list[str]
    name__in: str | list[str]
    name__ic: str | list[str]
    name__nic: str | list[str]
    name__isw: str | list[str]
    name__nisw: str | list[str]
    name__iew: str | list[str]
    name__niew: str | list[str]
    name__ie: str | list[str]
    name__nie: str | list[str]
    name__empty: bool
    pod: str | list[str]
    pod__n: str | list[str]
    pod__in: str | list[str]
    pod__ic: str | list[str]
    pod__nic: str | list[str]
    pod__isw: str | list[str]
    pod__nisw: str | list[str]
    pod__iew: str | list[str]
    pod__niew: str | list[str]
    pod__ie: str | list[str]
    pod__nie: str | list[str]
    pod__empty: bool
    rack_type: str | list[str]
    rack_type__n: str | list[str]
    rack_type__in: str | list[str]
    rack_type__ic: str | list[str]
    rack_type__nic: str | list[str]
    rack_type__isw: str | list[str]
    rack_type__nisw: str | list[str]
    rack_type__iew: str | list[str]
    rack_type__niew: str | list[str]
    rack_type__ie: str | list[str]
    rack_type__nie: str | list[str]
    rack_type__empty: bool
    serial: str | list[str]
    serial__n: str | list[str]
    serial__in: str | list[str]
    serial__ic: str | list[str]
    serial__nic: str | list[str]
    serial__isw: str | list[str]
    serial__nisw: str | list[str]
    serial__iew: str | list[str]
    serial__niew: str | list[str]
    serial__ie: str | list[str]
    serial__nie: str | list[str]
    serial__empty: bool
    site: str | list[str]
    site__n: str | list[str]
    site__in: str | list[str]
    site__ic: str | list[str]
    site__nic: str | list[str]
    site__isw: str | list[str]
    site__nisw: str | list[str]
    site__iew: str | list[str]
    site__niew: str | list[str]
    site__ie: str | list[str]
    site__nie: str | list[str]
    site__empty: bool
    tag: str | list[str]
    tag__n: str | list[str]
    q: str
    limit: int
    offset: int
    after: str
    start: str
    ordering: str
    brief: bool
    fields: str
    omit: str


class CreateRackQuery(TypedDict, total=False):
    atomic: bool


class ChangeRacksQuery(TypedDict, total=False):
    atomic: bool


class RemoveRacksQuery(TypedDict, total=False):
    atomic: bool


class GetRackQuery(TypedDict, total=False):
    brief: bool
    fields: str
    omit: str


class ListSitesQuery(TypedDict, total=False):
    id: str | list[str]
    id__n: str | list[str]
    id__in: str | list[str]
    id__ic: str | list[str]
    id__nic: str | list[str]
    id__isw: str | list[str]
    id__nisw: str | list[str]
    id__iew: str | list[str]
    id__niew: str | list[str]
    id__ie: str | list[str]
    id__nie: str | list[str]
    id__empty: bool
    name: str | list[str]
    name__n: str | list[str]
    name__in: str | list[str]
    name__ic: str | list[str]
    name__nic: str | list[str]
    name__isw: str | list[str]
    name__nisw: str | list[str]
    name__iew: str | list[str]
    name__niew: str | list[str]
    name__ie: str | list[str]
    name__nie: str | list[str]
    name__empty: bool
    title: str | list[str]
    title__n: str | list[str]
    title__in: str | list[str]
    title__ic: str | list[str]
    title__nic: str | list[str]
    title__isw: str | list[str]
    title__nisw: str | list[str]
    title__iew: str | list[str]
    title__niew: str | list[str]
    title__ie: str | list[str]
    title__nie: str | list[str]
    title__empty: bool
    tag: str | list[str]
    tag__n: str | list[str]
    q: str
    limit: int
    offset: int
    after: str
    start: str
    ordering: str
    brief: bool
    fields: str
    omit: str


class CreateSiteQuery(TypedDict, total=False):
    atomic: bool


class ChangeSitesQuery(TypedDict, total=False):
    atomic: bool


class RemoveSitesQuery(TypedDict, total=False):
    atomic: bool


class GetSiteQuery(TypedDict, total=False):
    brief: bool
    fields: str
    omit: str


class ListSwitchesQuery(TypedDict, total=False):
    id: str | list[str]
    id__n: str | list[str]
    id__in: str | list[str]
    id__ic: str | list[str]
    id__nic: str | list[str]
    id__isw: str | list[str]
    id__nisw: str | list[str]
    id__iew: str | list[str]
    id__niew: str | list[str]
    id__ie: str | list[str]
    id__nie: str | list[str]
    id__empty: bool
    name: str | list[str]
    name__n: str | list[str]
    name__in: str | list[str]
    name__ic: str | list[str]
    name__nic: str | list[str]
    name__isw: str | list[str]
    name__nisw: str | list[str]
    name__iew: str | list[str]
    name__niew: str | list[str]
    name__ie: str | list[str]
    name__nie: str | list[str]
    name__empty: bool
    pod: str | list[str]
    pod__n: str | list[str]
    pod__in: str | list[str]
    pod__ic: str | list[str]
    pod__nic: str | list[str]
    pod__isw: str | list[str]
    pod__nisw: str | list[str]
    pod__iew: str | list[str]
    pod__niew: str | list[str]
    pod__ie: str | list[str]
    pod__nie: str | list[str]
    pod__empty: bool
    rack: str | list[str]
    rack__n: str | list[str]
    rack__in: str | list[str]
    rack__ic: str | list[str]
    rack__nic: str | list[str]
    rack__isw: str | list[str]
    rack__nisw: str | list[str]
    rack__iew: str | list[str]
    rack__niew: str | list[str]
    rack__ie: str | list[str]
    rack__nie: str | list[str]
    rack__empty: bool
    serial: str | list[str]
    serial__n: str | list[str]
    serial__in: str | list[str]
    serial__ic: str | list[str]
    serial__nic: str | list[str]
    serial__isw: str | list[str]
    serial__nisw: str | list[str]
    serial__iew: str | list[str]
    serial__niew: str | list[str]
    serial__ie: str | list[str]
    serial__nie: str | list[str]
    serial__empty: bool
    site: str | list[str]
    site__n: str | list[str]
    site__in: str | list[str]
    site__ic: str | list[str]
    site__nic: str | list[str]
    site__isw: str | list[str]
    site__nisw: str | list[str]
    site__iew: str | list[str]
    site__niew: str | list[str]
    site__ie: str | list[str]
    site__nie: str | list[str]
    site__empty: bool
    tag: str | list[str]
    tag__n: str | list[str]
    q: str
    limit: int
    offset: int
    after: str
    start: str
    ordering: str
    brief: bool
    fields: str
    omit: str


class CreateSwitchQuery(TypedDict, total=False):
    atomic: bool


class ChangeSwitchesQuery(TypedDict, total=False):
    atomic: bool


class RemoveSwitchesQuery(TypedDict, total=False):
    atomic: bool


class GetSwitchQuery(TypedDict, total=False):
    brief: bool
    fields: str
    omit: str


class ListTagsQuery(TypedDict, total=False):
    after: str
    limit: int


class ListTenantsQuery(TypedDict, total=False):
    id: str | list[str]
    id__n: str | list[str]
    id__in: str | list[str]
    id__ic: str | list[str]
    id__nic: str | list[str]
    id__isw: str | list[str]
    id__nisw: str | list[str]
    id__iew: str | list[str]
    id__niew: str | list[str]
    id__ie: str | list[str]
    id__nie: str | list[str]
    id__empty: bool
    name: str | list[str]
    name__n: str | list[str]
    name__in: str | list[str]
    name__ic: str | list[str]
    name__nic: str | list[str]
    name__isw: str | list[str]
    name__nisw: str | list[str]
    name__iew: str | list[str]
    name__niew: str | list[str]
    name__ie: str | list[str]
    name__nie: str | list[str]
    name__empty: bool
    q: str
    limit: int
    offset: int
    after: str
    start: str
    ordering: str
    brief: bool
    fields: str
    omit: str


class GetTenantQuery(TypedDict, total=False):
    brief: bool
    fields: str
    omit: str


class ListUnitsQuery(TypedDict, total=False):
    claim: str | list[str]
    claim__n: str | list[str]
    claim__in: str | list[str]
    claim__ic: str | list[str]
    claim__nic: str | list[str]
    claim__isw: str | list[str]
    claim__nisw: str | list[str]
    claim__iew: str | list[str]
    claim__niew: str | list[str]
    claim__ie: str | list[str]
    claim__nie: str | list[str]
    claim__empty: bool
    id: str | list[str]
    id__n: str | list[str]
    id__in: str | list[str]
    id__ic: str | list[str]
    id__nic: str | list[str]
    id__isw: str | list[str]
    id__nisw: str | list[str]
    id__iew: str | list[str]
    id__niew: str | list[str]
    id__ie: str | list[str]
    id__nie: str | list[str]
    id__empty: bool
    name: str | list[str]
    name__n: str | list[str]
    name__in: str | list[str]
    name__ic: str | list[str]
    name__nic: str | list[str]
    name__isw: str | list[str]
    name__nisw: str | list[str]
    name__iew: str | list[str]
    name__niew: str | list[str]
    name__ie: str | list[str]
    name__nie: str | list[str]
    name__empty: bool
    pod: str | list[str]
    pod__n: str | list[str]
    pod__in: str | list[str]
    pod__ic: str | list[str]
    pod__nic: str | list[str]
    pod__isw: str | list[str]
    pod__nisw: str | list[str]
    pod__iew: str | list[str]
    pod__niew: str | list[str]
    pod__ie: str | list[str]
    pod__nie: str | list[str]
    pod__empty: bool
    site: str | list[str]
    site__n: str | list[str]
    site__in: str | list[str]
    site__ic: str | list[str]
    site__nic: str | list[str]
    site__isw: str | list[str]
    site__nisw: str | list[str]
    site__iew: str | list[str]
    site__niew: str | list[str]
    site__ie: str | list[str]
    site__nie: str | list[str]
    site__empty: bool
    state: (
        Literal["available", "claimed", "draining", "withdrawn"]
        | list[Literal["available", "claimed", "draining", "withdrawn"]]
    )
    state__n: (
        Literal["available", "claimed", "draining", "withdrawn"]
        | list[Literal["available", "claimed", "draining", "withdrawn"]]
    )
    state__in: (
        Literal["available", "claimed", "draining", "withdrawn"]
        | list[Literal["available", "claimed", "draining", "withdrawn"]]
    )
    unit_class: str | list[str]
    unit_class__n: str | list[str]
    unit_class__in: str | list[str]
    unit_class__ic: str | list[str]
    unit_class__nic: str | list[str]
    unit_class__isw: str | list[str]
    unit_class__nisw: str | list[str]
    unit_class__iew: str | list[str]
    unit_class__niew: str | list[str]
    unit_class__ie: str | list[str]
    unit_class__nie: str | list[str]
    unit_class__empty: bool
    q: str
    limit: int
    offset: int
    after: str
    start: str
    ordering: str
    brief: bool
    fields: str
    omit: str
    include: str


class GetUnitQuery(TypedDict, total=False):
    brief: bool
    fields: str
    omit: str
    include: str


class GetUsageQuery(TypedDict, total=False):
    tenant: str
    claim: str


class ListUsageRecordsQuery(TypedDict, total=False):
    claim: str | list[str]
    claim__n: str | list[str]
    claim__in: str | list[str]
    claim__ic: str | list[str]
    claim__nic: str | list[str]
    claim__isw: str | list[str]
    claim__nisw: str | list[str]
    claim__iew: str | list[str]
    claim__niew: str | list[str]
    claim__ie: str | list[str]
    claim__nie: str | list[str]
    claim__empty: bool
    ended_at: str | list[str]
    ended_at__gt: str | list[str]
    ended_at__gte: str | list[str]
    ended_at__lt: str | list[str]
    ended_at__lte: str | list[str]
    id: str | list[str]
    id__n: str | list[str]
    id__in: str | list[str]
    id__ic: str | list[str]
    id__nic: str | list[str]
    id__isw: str | list[str]
    id__nisw: str | list[str]
    id__iew: str | list[str]
    id__niew: str | list[str]
    id__ie: str | list[str]
    id__nie: str | list[str]
    id__empty: bool
    kind: Literal["tokens", "unit_seconds"] | list[Literal["tokens", "unit_seconds"]]
    kind__n: Literal["tokens", "unit_seconds"] | list[Literal["tokens", "unit_seconds"]]
    kind__in: Literal["tokens", "unit_seconds"] | list[Literal["tokens", "unit_seconds"]]
    tenant: str | list[str]
    tenant__n: str | list[str]
    tenant__in: str | list[str]
    tenant__ic: str | list[str]
    tenant__nic: str | list[str]
    tenant__isw: str | list[str]
    tenant__nisw: str | list[str]
    tenant__iew: str | list[str]
    tenant__niew: str | list[str]
    tenant__ie: str | list[str]
    tenant__nie: str | list[str]
    tenant__empty: bool
    q: str
    limit: int
    offset: int
    after: str
    start: str
    ordering: str
    brief: bool
    fields: str
    omit: str


class GetUsageRecordQuery(TypedDict, total=False):
    brief: bool
    fields: str
    omit: str


class ListUsersQuery(TypedDict, total=False):
    tenant: str
    after: str
    limit: int


class RevokeRoleQuery(TypedDict, total=False):
    role: Literal["viewer", "operator", "admin"]
    site: str


class ListWebhooksQuery(TypedDict, total=False):
    after: str
    limit: int


class ListDeliveriesQuery(TypedDict, total=False):
    state: Literal["", "pending", "delivered", "failed"]
    after: str
    limit: int
