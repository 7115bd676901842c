"""The fleet of a bench: pods of up to a thousand hosts, forty on a feed, from one spec.

Nothing in it is drawn but by the seed, so the same command builds the same fleet.
"""

from __future__ import annotations

import json
import random
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from inventory.model import BmcAccess, Host, Pod
from pods import catalogue
from pods.power import PowerPhase, reserved_watts
from pods.spec import PodSpec
from provisioning.simulator.hall import HallPlan, HostPlan

HOSTS_PER_FEED = 40
FEEDS_PER_POD = 25
HOSTS_PER_POD = HOSTS_PER_FEED * FEEDS_PER_POD
STARTING_AT_ONCE = 8
"""Hosts of one feed whose inrush it carries while all others of it run."""
HOST_TYPE = "lab-cpu"
VOLTS = 400.0
CONTINUOUS = 0.8
IDS = uuid.UUID("3f5b8f0e-6c55-5d5c-9a44-2f6f1f4f1a20")
"""Namespace of host ids: a run's records are the same whenever it runs."""

BEHIND_SHARE = 0.5
"""Hosts whose BIOS is a version behind: each of them is flashed once."""
BROKEN_SHARE = 0.02
"""Hosts with a fault of their hardware that no software can cure: they are to be parked."""
BROKEN = ("missing-dimm", "missing-gpu", "wrong-serial", "slow-host", "missing-drive", "other-gpu")
LYING_SHARE = 0.005
"""Of those that are flashed: the update reports success and changes nothing."""


@dataclass(frozen=True, slots=True)
class PodDesign:
    """One pod: its spec and what stands in its slots."""

    name: str
    spec: PodSpec
    hall: HallPlan
    broken: dict[str, str]
    """Host to the fault that no software can cure."""


@dataclass(frozen=True, slots=True)
class Fleet:
    """All pods."""

    pods: tuple[PodDesign, ...]
    seed: int

    @property
    def hosts(self) -> Iterator[tuple[PodDesign, HostPlan]]:
        """Every host with its pod."""
        return ((pod, host) for pod in self.pods for host in pod.hall.hosts)

    @property
    def budgets(self) -> dict[str, float]:
        """Watts of every feed."""
        return {name: f.budget_watts for pod in self.pods for name, f in pod.spec.feeds.items()}


def design(
    hosts: int,
    *,
    seed: int,
    faults: bool,
    pod_hosts: int = HOSTS_PER_POD,
    part: int = 0,
    parts: int = 1,
) -> Fleet:
    """A fleet of so many hosts; of several parts, every so manieth pod of it."""
    pods = tuple(
        _pod(number + 1, min(pod_hosts, hosts - number * pod_hosts), seed=seed, faults=faults)
        for number in range(part, pods_of(hosts, pod_hosts), parts)
    )
    return Fleet(pods, seed)


def pods_of(hosts: int, pod_hosts: int = HOSTS_PER_POD) -> int:
    """How many pods a fleet of so many hosts has."""
    return -(-hosts // pod_hosts)


def _pod(number: int, hosts: int, *, seed: int, faults: bool) -> PodDesign:
    spec = _spec(number, hosts)
    source = random.Random(f"{seed}/pod/{number}")  # noqa: S311 - a seed names a run
    planted: list[str] = []
    broken: dict[str, str] = {}
    for _, slot in spec.slots():
        behind, lies, breaks = (source.random() for _ in range(3))
        kind = source.choice(BROKEN)
        if behind < BEHIND_SHARE:
            planted.append(f"old-firmware@{slot.slot}:component=BIOS")
        if not faults:
            continue
        if behind < BEHIND_SHARE and lies < LYING_SHARE:
            planted.append(f"update-lies@{slot.slot}")
        if breaks < BROKEN_SHARE:
            planted.append(f"{kind}@{slot.slot}")
            broken[slot.slot] = kind
    hall = HallPlan(spec.identity, seed, tuple(_delivered(spec, planted, seed=seed)))
    return PodDesign(f"pod{number}", spec, hall, broken)


def _delivered(spec: PodSpec, planted: Sequence[str], *, seed: int) -> Iterator[HostPlan]:
    """Rack by rack, since a hall holds each of its faults against each of its hosts."""
    for rack in spec.racks:
        slots = {slot.slot for slot in rack.slots}
        faults = [one for one in planted if one.partition("@")[2].partition(":")[0] in slots]
        alone = spec.model_copy(update={"racks": (rack,)})
        yield from HallPlan.from_spec(alone, seed=seed, faults=faults).hosts


def _spec(number: int, hosts: int) -> PodSpec:
    """The lab's host type in as many racks as the hosts fill, each on a feed of its own."""
    document = catalogue.load("lab-4").model_dump(mode="json")
    power = document["host_types"][HOST_TYPE]["power"]
    excess = power["inrush_watts"] - power["nameplate_watts"]
    full = HOSTS_PER_FEED * power["nameplate_watts"] + STARTING_AT_ONCE * excess
    feeds: dict[str, Any] = {}
    racks: list[dict[str, Any]] = []
    for first in range(0, hosts, HOSTS_PER_FEED):
        feed = f"p{number}-f{len(racks) + 1}"
        amps = full / (VOLTS * 3**0.5 * CONTINUOUS)
        feeds[feed] = {
            "rated_amps": amps,
            "volts": VOLTS,
            "phases": 3,
            "continuous_limit": CONTINUOUS,
        }
        slots = [
            {"slot": f"{feed}-h{unit}", "unit": unit, "host_type": HOST_TYPE, "feed": feed}
            for unit in range(1, min(HOSTS_PER_FEED, hosts - first) + 1)
        ]
        racks.append({"name": f"p{number}-r{len(racks) + 1}", "units": 42, "slots": slots})
    changed = {"name": f"bench-{number}", "feeds": feeds, "racks": racks, "sources": {}}
    return PodSpec.model_validate_json(json.dumps({**document, **changed}))


def pod_record(pod: PodDesign, *, now: datetime) -> Pod:
    """The pod as somebody applied it."""
    return Pod(
        name=pod.name,
        site="here",
        spec=pod.spec.identity,
        spec_digest=pod.spec.digest(),
        spec_document=pod.spec.model_dump(mode="json"),
        simulated=True,
        created_at=now,
    )


def host_record(pod: PodDesign, plan: HostPlan, *, now: datetime) -> Host:
    """The host as it was enrolled with its pod."""
    watts = reserved_watts(plan.host_type.power, PowerPhase.STANDBY)
    return Host(
        id=str(uuid.uuid5(IDS, plan.name)),
        name=plan.name,
        pod=pod.name,
        slot=plan.slot,
        rack=plan.rack,
        position=plan.unit,
        feed=plan.feed,
        host_type=HOST_TYPE,
        simulated=True,
        state_since=now,
        target="ready",
        serial=plan.serial,
        bmc=BmcAccess(
            address=f"redfish+https://{plan.name}.invalid",
            fingerprint="sha256:" + "0" * 64,
            username="admin",
        ),
        wake_at=now,
        reserved_watts=int(watts),
    )
