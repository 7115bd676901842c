"""Hosts as the API lists them: what is wanted, what was seen, and what differs, side by side.

A list shows what was seen in a few words; one host alone shows all facts. Hosts are found by what
they can do, and what stands around them comes along when it is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic import Field

from inventory.auth import Permission
from inventory.deps import ApiDeps
from inventory.model import CertificateRecord, ComputeUnit, Host, Problem, Record, Rental
from inventory.netbox_links import NetBoxLink
from inventory.parts import Part
from inventory.places import Rack
from inventory.resources.declaring import (
    Filter,
    Form,
    Include,
    Resource,
    Shown,
    Stored,
    Writes,
)
from inventory.resources.shaping import change_of, when
from inventory.routes.hosts import Finding, finding
from inventory.routes.shapes import View
from inventory.states import Health, HostState, PowerState
from inventory.store.protocol import PAGE_MAX
from inventory.store.query import Condition, Query
from pods.facts import HardwareFacts
from pods.match import Mismatch

PATHS_SHOWN = 10
"""Differences named in a list; all of them stand with the host."""


class Desired(View):
    """What people and the pod's spec want of a host."""

    target: str
    pod: str
    slot: str
    rack: str
    position: float | None
    feed: str
    feed_b: str
    host_type: str
    serial: str


class SeenGpus(View):
    """The accelerators that were seen; the first one's model, the smallest one's memory."""

    model: str
    count: int
    memory_gib: int


class Observed(View):
    """What was read of the hardware; nulls before the first inspection."""

    at: datetime | None
    source: str | None
    manufacturer: str | None
    model: str | None
    serial: str | None
    uuid: str | None
    power: PowerState
    health: Health
    gpu: SeenGpus
    memory_gib: int
    processor_cores: int


class Drift(View):
    """Where the two differ."""

    count: int
    worst: str | None = Field(description="The gravest severity among them.")
    paths: tuple[str, ...] = Field(description=f"Of the first {PATHS_SHOWN}.")


class HostLine(View):
    """One line about a host."""

    url: str
    id: str
    display: str
    name: str
    site: str
    pod: str
    slot: str
    rack: str
    position: float | None
    feed: str
    feed_b: str
    link_domain: str
    asset_tag: str
    host_type: str
    state: HostState
    state_since: datetime
    target: str
    power: PowerState
    reserved_watts: int
    health: Health
    waiting: str
    maintenance: str
    problem: Problem | None
    simulated: bool
    serial: str
    certificate_id: str
    bmc_address: str
    owned: bool = Field(description="False: it is rented, and `rental` says on which terms.")
    rental: Rental | None
    desired: Desired
    observed: Observed
    drift: Drift
    tags: tuple[str, ...]
    custom: dict[str, Any]
    version: int
    created: datetime | None
    last_updated: datetime | None


class HostWhole(HostLine):
    """Everything about a host that a person may see."""

    uuid: str
    bmc_fingerprint: str
    facts: HardwareFacts | None
    mismatches: tuple[Finding, ...]
    boot_tries: int
    acceptance_rounds: int
    wake_at: datetime


_PLAIN: Mapping[str, Any] = {
    "name": "",
    "site": "here",
    "pod": "",
    "slot": "",
    "rack": "",
    "position": None,
    "feed": "",
    "feed_b": "",
    "link_domain": "",
    "asset_tag": "",
    "host_type": "",
    "state": "enrolled",
    "state_since": None,
    "target": "enrolled",
    "power": "Unknown",
    "reserved_watts": 0,
    "health": "Unknown",
    "waiting": "",
    "maintenance": "",
    "problem": None,
    "simulated": False,
    "serial": "",
    "certificate_id": "",
}
_SEVERITIES = ("critical", "warning", "note")


def show_line(stored: Stored) -> Shown:
    """A host in a list: nothing of its boot token, nothing of its BMC's account."""
    host = stored.document
    shown: Shown = {"id": stored.key, "display": host["name"]}
    for field, default in _PLAIN.items():
        shown[field] = host.get(field, default)
    shown["bmc_address"] = host["bmc"]["address"]
    shown["rental"] = host.get("rental")
    shown["owned"] = shown["rental"] is None
    shown["desired"] = {field: shown[field] for field in Desired.model_fields}
    shown["observed"] = _observed(host)
    shown["drift"] = _drift(host)
    shown["tags"] = host.get("tags", [])
    shown["custom"] = host.get("custom", {})
    shown["version"] = stored.version
    return shown | when(stored)


def show_whole(stored: Stored) -> Shown:
    """One host alone."""
    host = stored.document
    boot = host.get("boot")
    return show_line(stored) | {
        "uuid": host.get("uuid", ""),
        "bmc_fingerprint": host["bmc"]["fingerprint"],
        "facts": host.get("facts"),
        "mismatches": [
            finding(Mismatch.model_validate(one)).model_dump(mode="json")
            for one in host.get("mismatches") or ()
        ],
        "boot_tries": boot["tries"] if boot else 0,
        "acceptance_rounds": host.get("acceptance_round", 0),
        "wake_at": host["wake_at"],
    }


def _observed(host: Mapping[str, Any]) -> Shown:
    facts = host.get("facts") or {}
    gpus = facts.get("accelerators") or []
    return {
        "at": facts.get("observed_at"),
        "source": facts.get("source"),
        "manufacturer": facts.get("manufacturer"),
        "model": facts.get("model"),
        "serial": facts.get("serial"),
        "uuid": facts.get("uuid"),
        "power": host.get("power", "Unknown"),
        "health": host.get("health", "Unknown"),
        "gpu": {
            "model": gpus[0]["model"] if gpus else "",
            "count": len(gpus),
            "memory_gib": min((gpu["memory_gib"] for gpu in gpus), default=0),
        },
        "memory_gib": sum(module["capacity_gib"] for module in facts.get("memory") or []),
        "processor_cores": sum(cpu["cores"] for cpu in facts.get("processors") or []),
    }


def _drift(host: Mapping[str, Any]) -> Shown:
    found = host.get("mismatches") or []
    severities = {one["severity"] for one in found}
    return {
        "count": len(found),
        "worst": next((s for s in _SEVERITIES if s in severities), min(severities, default=None)),
        "paths": [one["path"] for one in found[:PATHS_SHOWN]],
    }


# What comes along


def _parts(deps: ApiDeps, hosts: Sequence[Stored]) -> dict[str, Any]:
    found: dict[str, list[Shown]] = {}
    keys = tuple(host.key for host in hosts)
    here = (Condition("host_id", "exact", keys), Condition("present", "exact", (1,)))
    for part in _every(deps, Part, *here):
        found.setdefault(part.host_id, []).append(
            part.model_dump(mode="json", exclude={"found", "host_id", "host", "version"})
        )
    return {key: sorted(parts, key=lambda p: str(p["slot"])) for key, parts in found.items()}


def _certificates(deps: ApiDeps, hosts: Sequence[Stored]) -> dict[str, Any]:
    wanted = {h.key: str(h.document.get("certificate_id") or "") for h in hosts}
    known = deps.store.documents(CertificateRecord, [c for c in wanted.values() if c])
    return {
        key: {n: v for n, v in known[certificate].document.items() if n != "envelope"}
        for key, certificate in wanted.items()
        if certificate in known
    }


def _bmcs(_deps: ApiDeps, hosts: Sequence[Stored]) -> dict[str, Any]:
    """Without the account's name: who may see a host need not know whom to guess for."""
    return {
        host.key: {name: host.document["bmc"][name] for name in ("address", "fingerprint")}
        for host in hosts
    }


def _units(deps: ApiDeps, hosts: Sequence[Stored]) -> dict[str, Any]:
    pods = tuple(sorted({str(host.document["pod"]) for host in hosts}))
    wanted = {host.key for host in hosts}
    found: dict[str, Any] = {}
    for unit in _every(deps, ComputeUnit, Condition("pod", "in", pods)):
        for host in wanted & set(unit.host_ids):
            found[host] = {
                "id": unit.id,
                "name": unit.name,
                "unit_class": unit.unit_class,
                "state": unit.state.value,
                "claim": unit.claim,
            }
    return found


def _netbox(deps: ApiDeps, hosts: Sequence[Stored]) -> dict[str, Any]:
    """Which device stands for it, and what people say of it there."""
    keys = tuple(sorted(f"host/{host.key}" for host in hosts))
    return {
        link.key: {
            "type": link.netbox_type,
            "id": link.netbox_id,
            "told": link.told,
            "intent": link.intent,
        }
        for link in _every(deps, NetBoxLink, Condition("key", "in", keys))
    }


def _racks(deps: ApiDeps, hosts: Sequence[Stored]) -> dict[str, Any]:
    slugs = {h.key: f"{h.document.get('site', 'here')}/{h.document['rack']}" for h in hosts}
    known = {
        f"{rack.site}/{rack.name}": rack.model_dump(mode="json", exclude={"version"})
        for rack in _every(deps, Rack, Condition("slug", "in", tuple(sorted(set(slugs.values())))))
    }
    return {key: known[slug] for key, slug in slugs.items() if slug in known}


def _every(deps: ApiDeps, kind: type[Record], *conditions: Condition) -> Iterator[Any]:
    if any(not condition.values for condition in conditions):
        return
    query = Query(conditions, limit=PAGE_MAX, counted=False)
    while True:
        found = deps.store.search(kind, query)
        yield from found.records
        if not found.next_cursor:
            return
        query = Query(conditions, after=found.next_cursor, limit=PAGE_MAX, counted=False)


HOSTS = Resource(
    noun="host",
    plural="hosts",
    kind=Host,
    view=HostLine,
    show=show_line,
    detail=HostWhole,
    show_detail=show_whole,
    read=Permission.HOST_READ,
    command="host list",
    filters={
        "id": Filter("key"),
        **{
            name: Filter(name)
            for name in (
                *("name", "serial", "uuid", "asset_tag", "site", "pod", "rack", "slot", "feed"),
                "host_type",
            )
        },
        "state": Filter("state", Form.CHOICE, tuple(s.value for s in HostState)),
        "target": Filter("target", Form.CHOICE, ("enrolled", "ready", "repairing", "retired")),
        "power": Filter("power", Form.CHOICE, tuple(s.value for s in PowerState)),
        "health": Filter("health", Form.CHOICE, tuple(s.value for s in Health)),
        "problem": Filter("problem", says="The kind of its problem; `problem__empty=false`: any."),
        "maintenance": Filter("maintenance", says="`maintenance__empty=false`: a person has it."),
        "simulated": Filter("simulated", Form.FLAG),
        "wave": Filter("wave", Form.NUMBER),
        "gpu.model": Filter("gpu_model", says="Of its first accelerator, as it was read."),
        "gpu.count": Filter("gpu_count", Form.NUMBER),
        "gpu.memory_gib": Filter("gpu_memory_gib", Form.NUMBER, says="Of the smallest one."),
        "memory_gib": Filter("memory_gib", Form.NUMBER, says="All modules together."),
        "link.domain": Filter("link_domain", says="Accelerators of one scale-up fabric."),
    },
    ordering=(
        *("name", "serial", "site", "pod", "rack", "slot", "host_type", "state", "health"),
        *("gpu.model", "gpu.count", "memory_gib", "wave"),
    ),
    searched=("name", "serial", "uuid", "asset_tag", "slot", "rack", "pod"),
    site="site",
    tagged=True,
    includes={
        "parts": Include(_parts, [], "the parts in its slots now", Permission.PART_READ),
        "certificate": Include(
            _certificates, None, "the certificate in force", Permission.CERTIFICATE_READ
        ),
        "bmc": Include(_bmcs, None, "where its BMC is", Permission.HOST_READ),
        "netbox": Include(
            _netbox, None, "its device in NetBox, and what people say of it", Permission.NETBOX_READ
        ),
        "unit": Include(_units, None, "the unit that it yields", Permission.UNIT_READ),
        "rack": Include(_racks, None, "the cabinet that it stands in", Permission.PLACE_READ),
    },
    writes=Writes(
        permission=Permission.HOST_WRITE,
        change=change_of(Host, "ChangeHost", fields=("asset_tag", "rental", "tags", "custom")),
        removable=False,
    ),
    unrecorded=("facts", "mismatches", "conformance", "boot", "bmc", "root"),
)


class ProblemLine(View):
    """Why one host does not move on."""

    url: str = Field(description="Of this line; its host's is below `/api/hosts`.")
    id: str
    display: str
    name: str = Field(description="The host's.")
    site: str
    pod: str
    rack: str
    state: HostState
    kind: str
    message: str
    since: datetime
    seen: int
    tried: tuple[str, ...]
    next_step: str
    next_at: datetime | None
    remedy: str
    parked: bool = Field(description="Whether only a person can move it.")
    created: datetime | None
    last_updated: datetime | None


def show_problem(stored: Stored) -> Shown:
    """A host's problem."""
    host = stored.document
    problem = host.get("problem") or {}
    shown: Shown = {"id": stored.key, "display": f"{host['name']}: {problem.get('message', '')}"}
    shown |= {name: host.get(name, "") for name in ("name", "site", "pod", "rack", "state")}
    shown |= {
        "kind": problem.get("kind", ""),
        "message": problem.get("message", ""),
        "since": problem.get("since"),
        "seen": problem.get("seen", 1),
        "tried": problem.get("tried", []),
        "next_step": problem.get("next_step", ""),
        "next_at": problem.get("next_at"),
        "remedy": problem.get("remedy", ""),
        "parked": problem.get("next_at") is None,
    }
    return shown | when(stored)


PROBLEMS = Resource(
    noun="problem",
    plural="problems",
    kind=Host,
    view=ProblemLine,
    show=show_problem,
    read=Permission.HOST_READ,
    command="host list",
    filters={
        "id": Filter("key"),
        "kind": Filter("problem"),
        **{name: Filter(name) for name in ("name", "site", "pod", "rack")},
        "state": HOSTS.filters["state"],
    },
    brief=("id", "url", "display", "name", "kind"),
    ordering=("name", "kind", "site", "pod", "rack", "state"),
    having=("problem",),
    site="site",
)
