"""One cluster's step: read, ask, read again, decide, write, send.

Asking a dashboard may take seconds, and the records may move meanwhile; so what is decided on is
always read afterwards. Addresses, lanes and subnets are shared by all clusters, so the part between
the second reading and the write is done one cluster at a time. It only touches the store, and the
asking and sending, which may hang, never happens there.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import uuid
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from pydantic import SecretStr

from inventory.model import Deployment, Event, RayCluster, Record
from inventory.store.protocol import Change, Fence
from inventory.store.reading import every
from runtime.claiming import ACTOR
from runtime.cluster import PUT_TIMEOUT_S, ClusterError, ServedApplication
from runtime.clustering import (
    ClusterPlan,
    ClusterSeen,
    Probe,
    decide_cluster,
    free_subnet,
    network_name,
)
from runtime.clustertls import issue_tls
from runtime.context import ClusterContext, ClusterKey, Reach, lanes_taken, load_cluster
from runtime.deploying import LastPut, ServingPlan, ServingSeen, decide_serving
from runtime.relay import SocketPathError
from runtime.snapshot import RAY_TLS, RAY_TOKEN
from runtime.world import ClusterPort, World

log = logging.getLogger("podyard.runtime")

TOKEN_BYTES = 32
"""256 random bits: what guards every port of a cluster."""


@dataclass(slots=True)
class Memory:
    """What is kept of a cluster between looks. Losing it costs one question and one document."""

    port: ClusterPort | None = None
    reached: tuple[Path, str] | None = None
    failures: int = 0
    last: LastPut | None = None
    refused: str = ""
    may_serve: bool = True
    """Something may be served there, perhaps by an earlier life's document."""


@dataclass(frozen=True, slots=True)
class Look:
    """What a cluster's dashboard said."""

    probe: Probe = field(default_factory=Probe)
    served: tuple[ServedApplication, ...] | None = None
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Settled:
    """What a step left behind."""

    changed: bool
    calm: bool
    """Nothing is under way: the next look may come later."""
    document: ServingPlan | None = None


class Tending:
    """Steps for all clusters of one controller."""

    def __init__(self, world: World, fence: Fence, records: asyncio.Lock) -> None:
        self._world = world
        self._fence = fence
        self._records = records
        self._memory: dict[ClusterKey, Memory] = {}

    async def step(self, key: ClusterKey) -> Settled:
        """One look at one cluster, and everything that follows from it."""
        memory = self._memory.setdefault(key, Memory())
        context = await self._world.in_thread(self._load, key)
        look = await self._look(context, memory)
        async with self._records:
            settled = await self._world.in_thread(self._settle, key, look, memory)
        if settled.document is not None and settled.document.document is not None:
            await self._send(settled.document, memory)
        return settled

    async def forget(self, key: ClusterKey) -> None:
        """Close what is kept of a cluster that needs no steps any more."""
        memory = self._memory.pop(key, None)
        if memory is not None:
            await _close(memory)

    def known(self) -> frozenset[ClusterKey]:
        """Clusters of which something is kept."""
        return frozenset(self._memory)

    async def close(self) -> None:
        """Close all connections."""
        for key in tuple(self._memory):
            await self.forget(key)

    def _load(self, key: ClusterKey) -> ClusterContext:
        return load_cluster(self._world.store, self._world.secrets, key)

    async def _look(self, context: ClusterContext, memory: Memory) -> Look:
        try:
            port = await self._port(context.reach, memory)
        except SocketPathError as error:
            return Look(Probe(trouble=str(error)), trouble=str(error))
        if port is None:
            return Look(Probe(trouble=context.reach.trouble), trouble=context.reach.trouble)
        if not context.deployments and context.record and context.record.phase == "forming":
            memory.may_serve = False  # nothing was put there, and to ask takes Ray 3 s
        asks = bool(context.deployments) or memory.may_serve
        try:
            async with asyncio.timeout(self._world.settings.cluster_deadline_s):
                nodes = await port.nodes()
                served = await port.serve_status() if asks else None
        except (ClusterError, OSError, TimeoutError) as error:
            memory.failures += 1
            trouble = f"the cluster's dashboard did not answer: {_said(error)}"
            lost = memory.failures >= self._world.settings.probe_failures
            return Look(Probe(trouble=trouble if lost else ""), trouble=trouble)
        memory.failures = 0
        if served is not None:
            memory.may_serve = bool(served)
        return Look(Probe(alive=sum(node.alive for node in nodes)), served)

    async def _port(self, reach: Reach, memory: Memory) -> ClusterPort | None:
        if reach.dashboard is None or reach.token is None:
            return None
        wanted = (reach.dashboard, reach.token.get_secret_value())
        if memory.reached != wanted:
            await _close(memory)
            memory.port = self._world.connect_cluster(reach.dashboard, reach.token)
            memory.reached = wanted
        return memory.port

    def _settle(self, key: ClusterKey, look: Look, memory: Memory) -> Settled:
        """Decide on fresh records and write. Runs in a thread, one cluster at a time."""
        now = self._world.clock.now()
        context = self._load(key)
        record = context.record
        if context.hosts and (record is None or record.phase == "stopped"):
            return self._form(context, now)
        plan = self._plan_cluster(context, look, now) if record else None
        serving = decide_serving(
            ServingSeen(
                now=now,
                tenant=key.tenant,
                cluster_name=key.name,
                cluster=plan.record if plan else None,
                deployments=context.deployments,
                served=look.served,
                trouble=look.trouble,
                last=memory.last,
                refused=memory.refused,
                serve_port=context.serve_port,
            )
        )
        change = self._change(context, plan, serving, now)
        sends = serving.document is not None
        if change != Change() or sends:
            # Also without a change: nothing is sent to a cluster once the lease is lost.
            self._world.store.apply(change, now=now, fence=self._fence)
        return Settled(
            changed=change != Change(),
            calm=change == Change() and _is_calm(plan, context.deployments),
            document=serving if sends else None,
        )

    def _plan_cluster(self, context: ClusterContext, look: Look, now: datetime) -> ClusterPlan:
        if context.record is None:
            raise TypeError("a cluster without a record has no plan")
        return decide_cluster(
            ClusterSeen(
                now=now,
                record=context.record,
                hosts=context.hosts,
                leaving=context.leaving,
                lanes_taken=lanes_taken(self._world.store),
                probe=look.probe,
                agent_silent_s=self._world.settings.agent_silent_s,
                simulated_cpus=self._world.settings.simulated_cpus,
            )
        )

    def _form(self, context: ClusterContext, now: datetime) -> Settled:
        """Record a cluster with fresh secrets, sealed before anything could need it."""
        store, old, key = self._world.store, context.record, context.key
        in_use = {c.subnet for c in every(store, RayCluster) if c.phase != "stopped"}
        subnet = free_subnet(in_use)
        if subnet is None:
            return self._no_subnet(context, now)
        fresh = RayCluster(
            id=old.id if old else str(uuid.uuid4()),
            tenant=key.tenant,
            name=key.name,
            simulated=any(h.unit.simulated for h in context.hosts),
            network=network_name(subnet),
            subnet=subnet,
            message="forming",
            version=old.version if old else 1,
        )
        token = SecretStr(secrets.token_hex(TOKEN_BYTES))
        sealed = self._world.secrets.seal(fresh.id, RAY_TOKEN, token)
        tls = SecretStr(issue_tls(subnet, now=now).model_dump_json())
        change = Change(
            insert=() if old else (fresh,),
            replace=(fresh,) if old else (),
            events=(_formed(key, now),),
            secrets={
                (fresh.id, RAY_TOKEN): sealed,
                (fresh.id, RAY_TLS): self._world.secrets.seal(fresh.id, RAY_TLS, tls),
            },
        )
        store.apply(change, now=now, fence=self._fence)
        return Settled(changed=True, calm=False)

    def _no_subnet(self, context: ClusterContext, now: datetime) -> Settled:
        why = "bound, but all 254 tenant networks are in use; hint: end a cluster that is idle"
        told = tuple(c.model_copy(update={"why": why}) for c in context.claims if c.why != why)
        self._world.store.apply(Change(replace=told), now=now, fence=self._fence)
        return Settled(changed=bool(told), calm=True)

    def _change(
        self,
        context: ClusterContext,
        plan: ClusterPlan | None,
        serving: ServingPlan,
        now: datetime,
    ) -> Change:
        replace: list[Record] = [*serving.changed]
        events = _deployment_events(context.deployments, serving, now)
        if plan is not None and context.record is not None:
            replace.extend(plan.changed)
            if plan.record != context.record:
                replace.append(plan.record)
            events += _cluster_events(context.record, plan.record, now)
        return Change(
            insert=plan.created if plan else (),
            replace=tuple(replace),
            remove=serving.removed,
            events=events,
        )

    async def _send(self, plan: ServingPlan, memory: Memory) -> None:
        if memory.port is None or plan.document is None:
            return
        memory.may_serve = True  # even a document whose answer is lost may have been taken
        try:
            async with asyncio.timeout(PUT_TIMEOUT_S):
                await memory.port.put_serve(plan.document)
        except (ClusterError, OSError, TimeoutError) as error:
            memory.refused = _said(error)
            return
        memory.refused = ""
        memory.last = LastPut(plan.revision, self._world.clock.now())


def _is_calm(plan: ClusterPlan | None, deployments: tuple[Deployment, ...]) -> bool:
    formed = plan is None or plan.record.phase in {"running", "stopped"}
    return formed and all(d.phase in {"running", "failed"} for d in deployments)


async def _close(memory: Memory) -> None:
    port, memory.port, memory.reached = memory.port, None, None
    if port is not None:
        await port.close()


def _said(error: Exception) -> str:
    return str(error) or type(error).__name__


def _formed(key: ClusterKey, now: datetime) -> Event:
    why = "a claim feeds it"
    return _moved(f"cluster:{key}", "cluster.phase", old="", new="forming", why=why, now=now)


def _cluster_events(old: RayCluster, new: RayCluster, now: datetime) -> tuple[Event, ...]:
    if old.phase == new.phase:
        return ()
    subject = f"cluster:{new.tenant}/{new.name}"
    return (
        _moved(subject, "cluster.phase", old=old.phase, new=new.phase, why=new.message, now=now),
    )


def _deployment_events(
    known: tuple[Deployment, ...], plan: ServingPlan, now: datetime
) -> tuple[Event, ...]:
    phases = {d.id: d.phase for d in known}
    moved = tuple(
        _moved(
            _subject(d), "deployment.phase", old=phases[d.id], new=d.phase, why=d.message, now=now
        )
        for d in plan.changed
        if phases[d.id] != d.phase
    )
    removed = tuple(
        _moved(
            _subject(d), "deployment.removed", old=d.phase, new="", why="nothing serves it", now=now
        )
        for d in plan.removed
    )
    return moved + removed


def _subject(deployment: Deployment) -> str:
    return f"deployment:{deployment.tenant}/{deployment.name}"


def _moved(subject: str, kind: str, *, old: str, new: str, why: str, now: datetime) -> Event:
    return Event(at=now, actor=ACTOR, kind=kind, subject=subject, old=old, new=new, why=why)
