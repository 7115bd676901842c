"""What a host's agent and the controller say to each other.

The agent speaks only outward, over TLS to the controller's agent door. It proves itself once with
a single-use boot token and gets a client certificate for its host; from then on it repeats one
exchange: *here is what I see* (`ObservedState`) against *here is what should be* (`DesiredState`).
Both are whole documents, so a lost exchange costs nothing, and neither is a command: the agent
compares and converges. Provisioning writes `acceptance`, runtime writes `ray`; they meet here and
never call each other.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from pods.acceptance import Measurement
from pods.erasing import DriveRead, EraseMethod
from pods.facts import HardwareFacts

BOOT_DOCUMENT_VERSION = 1


class Document(BaseModel):
    """The base of everything on this wire: frozen, strict about unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class DeployOrder(Document):
    """What a host in memory is to write to a disk of its own, and whom it believes about it."""

    image: str = Field(pattern=r"^sha256:[0-9a-f]{64}$")
    """The digest of the image's manifest."""
    key_pem: str
    """The public key that must vouch for it, PEM."""
    disk_gib: int = 0
    """How large the disk is that the pod's spec means; 0: the smallest that holds the image."""


class BootDocument(Document):
    """What a booting host is given, once, on its boot medium.

    `GET {boot door}/boot/v1/media/{media id}.iso` answers with this, as JSON. The token inside is
    single-use, bound to the serial, and valid for minutes.
    """

    podyard_boot: Literal[1] = 1
    host: str
    """The host's name."""
    serial: str
    macs: tuple[str, ...] = ()
    """Of its ports, as far as they are on record: with the serial number, what the host holds
    against itself before it writes over anything."""
    controller: str
    """`address:port` of the agent door (TLS)."""
    controller_name: str = "podyard-controller"
    """The name that the controller's certificate carries: what the agent verifies, whatever the
    address."""
    ca_pem: str
    """The site's certificate authority, PEM: the only one that the agent trusts."""
    token: str
    read_drives: bool = False
    """This boot is for reading the drives after an erase: the report says what they hold."""
    erase: tuple[EraseMethod, ...] = ()
    """Of the drives that this boot reads, those that are not proven erased are erased first, by the
    first of these that each can do; none: none is."""
    deploy: DeployOrder | None = None
    """This boot is for writing an image to a disk, from which the host then starts."""


class EnrolRequest(Document):
    """`POST /agent/v1/enrol`, without a client certificate."""

    token: str
    serial: str
    csr_pem: str
    """PKCS#10, PEM. Only its public key is used: the controller writes the names."""
    found_serial: str = Field(default="", max_length=128)
    """What the host's own firmware says it is, where the agent can read it."""
    macs: tuple[Annotated[str, Field(max_length=64)], ...] = Field(default=(), max_length=64)
    """Of the ports that the host has."""


class EnrolReply(Document):
    """The client certificate for this boot of this host (common name: the host's id)."""

    host_id: str
    certificate_pem: str
    ca_pem: str
    expires_at: datetime


class AcceptanceOrder(Document):
    """Run these tests once; the report carries the same id."""

    order_id: str
    tests: tuple[str, ...]
    rounds: int = 9
    """Interleaved pairs of host slice and reference slice per test."""


class AcceptanceReport(Document):
    """What the tests measured. `failed` names tests that ran and told nothing, with the reason."""

    order_id: str
    measurements: tuple[Measurement, ...] = ()
    failed: dict[str, str] = Field(default_factory=dict)
    skipped: dict[str, str] = Field(default_factory=dict)
    """Tests whose tool this host does not have, with what is missing."""
    finished: bool
    progress: str = ""


class DeployReport(Document):
    """How far an image is on its way to the host's disk."""

    image: str
    disk: str = ""
    """The device, as the host's kernel calls it, and its serial number where it has one."""
    progress: str = ""
    """For people: what it does, and how much of it is done."""
    finished: bool = False
    """Nothing more will happen in this boot."""
    problem: str = ""
    """Why it ended without the image on the disk; empty: it is there, or on its way."""
    remedy: str = ""
    again: bool = False
    """Whether the same might work another time, without anybody doing anything."""
    read_back: dict[str, str] = Field(default_factory=dict, max_length=16)
    """Each file and the sha256 that the disk itself gave back."""


class XidSeen(Document):
    """One error number of an NVIDIA driver, as this boot's kernel reported it."""

    code: int = Field(ge=1, le=9999)
    where: str = Field(default="", max_length=64)
    """The PCI address of the GPU."""
    count: int = Field(default=1, ge=1)
    last_at: datetime


class RayTls(Document):
    """What a cluster's own authority issued: the same for all of its hosts, as its token is."""

    ca_pem: str
    certificate_pem: str
    key_pem: str = Field(repr=False)


class RayOrder(Document):
    """Be part of this Ray cluster. Absent from the desired state: be part of none."""

    cluster_id: str
    cluster: str
    """`<tenant>/<cluster name>`, for people."""
    role: Literal["head", "worker"]
    network: str
    """The tenant network to attach to."""
    address: str
    """This host's address in it, CIDR."""
    head_address: str
    """The head's address, without prefix."""
    gcs_port: int = 6379
    dashboard_port: int = 8265
    serve_port: int = 8000
    port_block: tuple[int, int] = (20000, 20999)
    """Worker ports, first and last."""
    token: str
    """The cluster's Ray token; the agent keeps it in a 0600 file."""
    tls: RayTls | None = None
    """Ray's gRPC is encrypted with these; None: the cluster was formed before there were any."""
    num_cpus: int
    num_gpus: int
    resources: dict[str, float] = Field(default_factory=dict)
    labels: dict[str, str] = Field(default_factory=dict)


class RayObserved(Document):
    """What became of the Ray order."""

    cluster_id: str
    role: Literal["head", "worker"]
    phase: Literal["starting", "running", "failed", "stopping"]
    message: str = ""
    since: datetime
    restarts: int = 0
    isolated: bool = False
    """True when Ray listens only inside a namespace of this host's network."""
    unguarded: str = ""
    """Why no packet filter stands around Ray's ports; empty: one does."""
    relays: dict[str, str] = Field(default_factory=dict)
    """On the head: `dashboard` and `serve` to the Unix socket that reaches them, relative to the
    host's run directory, which host and controller see under different paths."""


class DesiredState(Document):
    """What should be so on the host."""

    generation: int
    acceptance: AcceptanceOrder | None = None
    ray: RayOrder | None = None
    drain: bool = False


class ObservedState(Document):
    """What is so on the host."""

    generation: int
    """The generation last acted on; 0 before the first."""
    boot_id: str
    """New at every start of the host."""
    physical_host: str
    """The same for all hosts that share one physical machine (simulated and virtual hosts do):
    acceptance runs one at a time on each."""
    agent_version: str
    simulated: bool
    isolated: bool
    """The host has a network namespace (or a machine) of its own."""
    facts: HardwareFacts | None = None
    acceptance: AcceptanceReport | None = None
    ray: RayObserved | None = None
    xids: tuple[XidSeen, ...] = Field(default=(), max_length=256)
    """Since the host started. Absent from an agent that does not look."""
    drives_read: tuple[DriveRead, ...] | None = Field(default=None, max_length=256)
    """Where the boot document asked for it; None: this agent did not read them."""
    drives_progress: Annotated[str, Field(max_length=256)] = ""
    """What is being done to the drives before they can be told of; empty: nothing."""
    runs_from: Literal["", "memory", "disk"] = ""
    """Where its root lies; empty: the agent was not told."""
    deploy: DeployReport | None = None
    """Where the boot document asked for it."""
    usage: dict[str, float] = Field(default_factory=dict)


class SyncRequest(Document):
    """`POST /agent/v1/sync`, with the client certificate.

    Waits up to `wait_s` until the desired generation differs from the one observed (long poll),
    then answers with the desired state.
    """

    observed: ObservedState
    wait_s: float = Field(default=0.0, ge=0, le=30)


class SyncReply(Document):
    """The desired state, whole."""

    desired: DesiredState
