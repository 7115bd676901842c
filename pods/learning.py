"""From facts of a host that somebody owns to a host type, and from a host type to a pod.

Writing a host type by hand means typing what the BMC already says. What inspection found is taken
as it is; what no BMC tells, above all the watts on the nameplate, is asked for. Each learnt figure
says that it was observed on one host, so that nobody takes it for the vendor's word.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from pods.errors import PodsError
from pods.facts import HardwareFacts

OBSERVED = "observed"
START_S = 30.0
"""Until a start was measured; marked uncertain wherever it is used."""


class NotLearnable(PodsError):
    """The facts lack what a host type cannot do without."""


def host_document(
    facts: HardwareFacts, *, name: str, nameplate_watts: int, height_units: int | None = None
) -> dict[str, Any]:
    """A host type, as a plain value, of hosts built exactly like this one."""
    missing = [
        what
        for what, found in (
            ("processors", facts.processors),
            ("memory modules", [one for one in facts.memory if one.capacity_gib > 0]),
            ("network ports", facts.nics),
        )
        if not found
    ]
    if missing:
        raise NotLearnable(
            f"the facts of {facts.manufacturer} {facts.model} name no {', no '.join(missing)}",
            hint="inspect the host again with its power on, or write these parts by hand",
        )
    note = f"one host, serial {facts.serial or 'not told'}, {facts.observed_at:%Y-%m-%d}"
    seen = {"source": OBSERVED, "note": note}
    document: dict[str, Any] = {
        "kind": "host",
        "name": name,
        "version": "1",
        "description": f"Learnt from one host: {facts.manufacturer} {facts.model}.",
        "manufacturer": facts.manufacturer,
        "model": facts.model,
        **({"chassis": {"height_units": height_units}} if height_units else {}),
        **_parts(facts),
        "power": {
            "nameplate_watts": nameplate_watts,
            "typical_watts": nameplate_watts,
            "inrush_watts": nameplate_watts,
            "inrush_s": START_S,
        },
    }
    unmeasured = {"source": OBSERVED, "uncertain": True, "note": "the nameplate, until measured"}
    document["sources"] = {
        **({"chassis": {"source": "nameplate"}} if height_units else {}),
        **dict.fromkeys(_parts(facts), seen),
        **_guesses(facts),
        "power": unmeasured,
        "power.nameplate_watts": {"source": "nameplate", "note": "as given when it was learnt"},
    }
    return document


def _parts(facts: HardwareFacts) -> dict[str, Any]:
    processors = facts.processors
    sizes = [one.capacity_gib for one in facts.memory if one.capacity_gib > 0]
    speeds = [one.speed_gbps for one in facts.nics if one.speed_gbps]
    drives = [one.capacity_gib for one in facts.drives if one.capacity_gib > 0]
    parts: dict[str, Any] = {
        "processors": {
            "model": _usual(one.model for one in processors),
            "count": len(processors),
            "cores": min(max(1, one.cores) for one in processors),
        },
        "memory": {"modules": len(sizes), "module_gib": _usual(sizes)},
        "drives": {"count": len(facts.drives), "capacity_gib": min(drives, default=1)},
        "nics": {"count": len(facts.nics), "speed_gbps": min(speeds, default=1)},
    }
    if groups := _drive_groups(drives):
        parts["drives"]["groups"] = groups
    capacities = [one.capacity_watts for one in facts.power_supplies if one.capacity_watts]
    if capacities and len(capacities) == len(facts.power_supplies):
        parts["psus"] = {"count": len(capacities), "capacity_watts": int(min(capacities))}
    gpus = facts.accelerators
    if gpus:
        parts["accelerators"] = {
            "model": _usual(one.model for one in gpus),
            "count": len(gpus),
            "memory_gib": min(max(1, one.memory_gib) for one in gpus),
        }
    return parts


BOOT_DRIVES_MAX = 2


def _drive_groups(capacities: list[int]) -> list[dict[str, Any]]:
    """Drives by size, where there are sizes to tell apart."""
    sizes = sorted(Counter(capacities).items())
    if len(sizes) == 1:
        return []
    return [
        {
            "role": "boot" if n == 0 and count <= BOOT_DRIVES_MAX else "data",
            "count": count,
            "capacity_gib": capacity,
        }
        for n, (capacity, count) in enumerate(sizes)
    ]


def _guesses(facts: HardwareFacts) -> dict[str, Any]:
    """What is written because a host type needs it, and was not seen."""
    found = {}
    if not any(one.speed_gbps for one in facts.nics):
        found["nics.speed_gbps"] = "no link was up to tell its speed: give the designed one"
    if _drive_groups([one.capacity_gib for one in facts.drives if one.capacity_gib > 0]):
        found["drives.groups"] = "by size: which of them boot was not told"
    return {
        path: {"source": OBSERVED, "uncertain": True, "note": note} for path, note in found.items()
    }


def _usual(values: Iterable[Any]) -> Any:
    """The commonest value: one odd part in a host is a fault, not a design."""
    return Counter(values).most_common(1)[0][0]


def pod_document(
    host_types: dict[str, Any],
    *,
    name: str,
    racks: int,
    hosts_per_rack: int,
    height_units: int,
    accelerators: int,
    feed: dict[str, Any],
) -> dict[str, Any]:
    """A whole spec to go on from: so many racks, each on a feed of its own."""
    (key,) = host_types
    units = max(42, hosts_per_rack * height_units)
    return {
        "kind": "pod",
        "name": name,
        "version": "1",
        "description": f"{racks * hosts_per_rack} hosts of {key} in {racks} rack(s).",
        "host_types": host_types,
        "feeds": {f"r{r}": dict(feed) for r in range(1, racks + 1)},
        "racks": [
            {
                "name": f"r{r}",
                "units": units,
                "slots": [
                    {
                        "slot": f"r{r}-h{h}",
                        "unit": 1 + (h - 1) * height_units,
                        "host_type": key,
                        "feed": f"r{r}",
                    }
                    for h in range(1, hosts_per_rack + 1)
                ],
            }
            for r in range(1, racks + 1)
        ],
        "firmware": {},
        "bios": {},
        "acceptance": {
            "floors": [
                {"test": "matrix_multiply", "kind": "ratio", "floor": 0.95},
                {"test": "memory_bandwidth", "kind": "ratio", "floor": 0.95},
            ]
        },
        "unit": {"unit_class": key, "hosts": 1, "accelerators": accelerators},
    }


def variant_document(base: str, *, name: str) -> dict[str, Any]:
    """A variant that changes nothing yet."""
    return {
        "kind": "pod",
        "extends": base,
        "name": name,
        "version": "1",
        "description": f"{base}, and what is said below.",
    }
