"""A tenant's Ray cluster follows its claims: who is part of it, as what, and at which address.

Pure: records, reports and one probe in; the cluster as it should be recorded and the orders that
must change, out. What is stable stays: the head stays on its host and a host keeps its address for
as long as they are members, because Ray restarts for every change. The head comes first; workers
are told of it once it runs, so none of them fails against an address where nobody listens.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime

from inventory.agents import RayObserved, RayOrder
from inventory.model import AgentSeen, ComputeUnit, Host, RayCluster, RayMember
from runtime.lanes import Seat, lane_of, seat

COMPUTE_UNIT = "compute_unit"
"""The Ray resource that stands for a whole unit."""


@dataclass(frozen=True, slots=True)
class MemberHost:
    """One host of a cluster's bound claims, and what is known of it."""

    host: Host
    unit: ComputeUnit
    agent: AgentSeen | None
    member: RayMember | None

    @property
    def ray(self) -> RayObserved | None:
        """What the agent last said about Ray."""
        return self.agent.observed.ray if self.agent and self.agent.observed else None


@dataclass(frozen=True, slots=True)
class Probe:
    """What the cluster's dashboard said. `alive` is None when it was not or could not be asked."""

    alive: int | None = None
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class ClusterSeen:
    """Everything that a cluster's shape is decided by."""

    now: datetime
    record: RayCluster
    hosts: tuple[MemberHost, ...]
    """Hosts of bound claims, in the order in which they were bound."""
    leaving: Mapping[str, tuple[RayMember | None, str]]
    """Members that no bound claim holds: their record, and why they are still busy, or ''."""
    lanes_taken: AbstractSet[int]
    """Lanes of hosts that share one machine's network, other clusters' included."""
    probe: Probe
    agent_silent_s: float
    simulated_cpus: int


@dataclass(frozen=True, slots=True)
class ClusterPlan:
    """The cluster as it should be recorded, and the member records that must change."""

    record: RayCluster
    created: tuple[RayMember, ...]
    changed: tuple[RayMember, ...]


def network_name(subnet: int) -> str:
    """The tenant network of a cluster; short enough for a Linux interface name."""
    return f"t-{subnet}"


def free_subnet(taken: AbstractSet[int]) -> int | None:
    """The lowest third octet that no cluster has; None when all 254 are in use."""
    return next((n for n in range(1, 255) if n not in taken), None)


def decide_cluster(seen: ClusterSeen) -> ClusterPlan:
    """One look, one plan. The same look gives the same plan."""
    head = _head(seen)
    wanted, full = _orders(seen, head) if head else ({}, "")
    withdrawn = tuple(
        _with_order(member, None)
        for member, _ in seen.leaving.values()
        if member is not None
        and member.order is not None
        and member.order.cluster_id == seen.record.id
    )
    created = tuple(
        RayMember(host_id=host.host.id, cluster_id=order.cluster_id, order=order)
        for host in seen.hosts
        if host.member is None and (order := wanted.get(host.host.id)) is not None
    )
    changed = tuple(
        _with_order(host.member, wanted.get(host.host.id))
        for host in seen.hosts
        if host.member is not None and host.member.order != wanted.get(host.host.id)
    )
    return ClusterPlan(_record(seen, head, full), created, (*withdrawn, *changed))


def _head(seen: ClusterSeen) -> MemberHost | None:
    """The head stays where it is while it is a member; a new one is a host that speaks."""
    stays = (h for h in seen.hosts if h.host.id == seen.record.head_host_id)
    speaks = (h for h in seen.hosts if h.agent is not None and h.agent.observed is not None)
    return next(stays, next(speaks, next(iter(seen.hosts), None)))


def head_running(head: MemberHost, cluster_id: str) -> bool:
    """True when the head's agent says that this cluster's head runs."""
    ray = head.ray
    return (
        ray is not None
        and ray.cluster_id == cluster_id
        and ray.role == "head"
        and ray.phase == "running"
    )


def _orders(seen: ClusterSeen, head: MemberHost) -> tuple[dict[str, RayOrder], str]:
    """The order for each host that should have one, and why a host has none."""
    seats, full = _seats(seen, head)
    place = seats.get(head.host.id)
    if place is None:
        return _kept(seen), full
    orders = {head.host.id: _order(seen, head, place, head=place)}
    running = head_running(head, seen.record.id) and (
        head.member is not None and head.member.order == orders[head.host.id]
    )
    for worker in seen.hosts:
        if worker.host.id == head.host.id or worker.host.id not in seats:
            continue
        if running:
            orders[worker.host.id] = _order(seen, worker, seats[worker.host.id], head=place)
        elif (old := _own_order(worker, seen.record.id)) is not None and old.role == "worker":
            orders[worker.host.id] = old
    return orders, full


def _kept(seen: ClusterSeen) -> dict[str, RayOrder]:
    found = ((h.host.id, _own_order(h, seen.record.id)) for h in seen.hosts)
    return {host_id: order for host_id, order in found if order is not None}


def _own_order(host: MemberHost, cluster_id: str) -> RayOrder | None:
    order = host.member.order if host.member else None
    return order if order is not None and order.cluster_id == cluster_id else None


def _seats(seen: ClusterSeen, head: MemberHost) -> tuple[dict[str, Seat], str]:
    """Where each host sits. Hosts that sit already keep their seats; the head chooses next."""
    seats: dict[str, Seat] = {}
    lanes = set(seen.lanes_taken)
    used: set[int] = set()
    first = sorted(seen.hosts, key=lambda h: h is not head)
    # A host that has not left yet still has an address: nobody is seated until it has.
    full = next((why for _, why in seen.leaving.values() if why), "")
    for settled in (True,) if full else (True, False):
        for member in first:
            order = _own_order(member, seen.record.id)
            observed = member.agent.observed if member.agent else None
            if (order is not None) is not settled or (order is None and observed is None):
                continue
            isolated = _sits_isolated(order) if order else bool(observed and observed.isolated)
            taken = used if isolated else lanes
            number = lane_of(order.address) if order else None
            found = seat(seen.record.subnet, number, taken=taken, isolated=isolated)
            if found is None:
                full = f"no address is left for host {member.host.name}"
                continue
            taken.add(found.number)
            seats[member.host.id] = found
    return seats, full


def _sits_isolated(order: RayOrder) -> bool:
    return not order.address.startswith("127.")


def _order(seen: ClusterSeen, member: MemberHost, own: Seat, *, head: Seat) -> RayOrder:
    record, unit = seen.record, member.unit
    first = member.host.id == unit.host_ids[0]
    return RayOrder(
        cluster_id=record.id,
        cluster=f"{record.tenant}/{record.name}",
        role="head" if own is head else "worker",
        network=record.network,
        address=own.cidr,
        head_address=head.address,
        gcs_port=head.gcs_port,
        dashboard_port=head.dashboard_port,
        serve_port=head.serve_port,
        port_block=own.port_block,
        token="",  # the agent door fills it in: records are read by many
        num_cpus=_cpus(member.host, seen.simulated_cpus),
        num_gpus=unit.accelerators // len(unit.host_ids),
        resources={COMPUTE_UNIT: 1.0} if first else {},
        labels=dict(unit.labels),
    )


def _cpus(host: Host, simulated_cpus: int) -> int:
    cores = sum(p.cores for p in host.facts.processors) if host.facts else 1
    return max(1, min(cores, simulated_cpus) if host.simulated else cores)


def _with_order(member: RayMember, order: RayOrder | None) -> RayMember:
    cluster_id = order.cluster_id if order else ""
    return member.model_copy(update={"order": order, "cluster_id": cluster_id})


def _record(seen: ClusterSeen, head: MemberHost | None, full: str) -> RayCluster:
    old = seen.record
    staying = tuple(h.host.id for h in seen.hosts)
    busy = tuple(host_id for host_id, (_, why) in seen.leaving.items() if why)
    reports = [h.ray for h in seen.hosts if h.ray and h.ray.cluster_id == old.id]
    update: dict[str, object] = {
        "head_host_id": head.host.id if head else "",
        "member_host_ids": (*staying, *busy),
        "simulated": any(h.unit.simulated for h in seen.hosts) or (not staying and old.simulated),
        "isolated": bool(reports) and all(ray.isolated for ray in reports),
    }
    if not staying:
        why = next((why for _, why in seen.leaving.values() if why), "")
        update |= {
            "phase": "stopping" if busy else "stopped",
            "message": why or "no claim feeds it",
            "nodes_alive": 0,
        }
        return old.model_copy(update=update)
    missing = _missing(seen, head) if head else ""
    settled = not missing and not full and not seen.probe.trouble
    ran = old.phase in {"running", "degraded"}
    alive = seen.probe.alive if seen.probe.alive is not None else old.nodes_alive
    if settled and alive >= len(staying):
        phase, message = "running", f"{alive} nodes"
    else:
        phase = "degraded" if ran else "forming"
        message = missing or full or seen.probe.trouble
        message = message or f"{alive} of {len(staying)} hosts have joined"
    return old.model_copy(
        update=update | {"phase": phase, "message": message, "nodes_alive": alive}
    )


def _missing(seen: ClusterSeen, head: MemberHost) -> str:
    """What the cluster waits for first, in words; empty when every agent says `running`."""
    ordered: Sequence[MemberHost] = sorted(seen.hosts, key=lambda h: h is not head)
    return next(filter(None, (_host_missing(seen, h, is_head=h is head) for h in ordered)), "")


def _host_missing(seen: ClusterSeen, member: MemberHost, *, is_head: bool) -> str:
    name, ray, agent = member.host.name, member.ray, member.agent
    what = "head" if is_head else "worker"
    if agent is None or agent.observed is None:
        return f"waits for the agent of host {name} to report"
    silent_s = (seen.now - agent.seen_at).total_seconds()
    if silent_s > seen.agent_silent_s:
        return f"the agent of host {name} ({what}) was last heard at {agent.seen_at:%H:%M:%S} UTC"
    if ray is None or ray.cluster_id != seen.record.id or ray.role != what:
        return f"waits for host {name} to begin as {what}"
    if ray.phase == "running":
        return ""
    restarts = f", restart {ray.restarts}" if ray.restarts else ""
    return f"Ray is {ray.phase} on host {name} ({what}{restarts})" + (
        f": {ray.message}" if ray.message else ""
    )
