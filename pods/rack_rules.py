"""Whether what stands in a rack can stand there: space, weight and watts.

Needs the whole pod, because only the host types say how high and how heavy a slot's host is. A
weight that nobody published is left out of the sum, so a sum here is the least the rack weighs.
"""

from __future__ import annotations

from collections.abc import Iterator

from pods.errors import SpecError, shown
from pods.racktype import RackType
from pods.spec import PodSpec, RackSpec


def rack_contents(spec: PodSpec) -> Iterator[SpecError]:
    """Every rack that holds more than it can."""
    for r, rack in enumerate(spec.racks):
        path, kind = f"racks[{r}]", spec.type_of(rack)
        yield from _space(spec, rack, kind, path)
        if kind is not None:
            if rack.units > kind.units:
                yield SpecError(
                    path=f"{path}.units",
                    value=shown(rack.units),
                    message=f"its type {rack.type} has {kind.units} units",
                    hint=f"give {kind.units}, or leave units out",
                )
            yield from _weight(spec, rack, kind, path)
            yield from _watts(spec, rack, kind, path)


def _space(spec: PodSpec, rack: RackSpec, kind: RackType | None, path: str) -> Iterator[SpecError]:
    taken: dict[int, str] = {}
    for item in kind.equipment if kind else ():
        if item.unit is not None:
            for unit in range(item.unit, item.unit + item.height_units):
                taken.setdefault(unit, item.name)
    for s, slot in enumerate(rack.slots):
        host_type = spec.host_types.get(slot.host_type)
        height = host_type.height_units if host_type else 1
        fills = range(slot.unit, slot.unit + height)
        inside = next((taken[unit] for unit in fills if unit in taken), None)
        if inside is not None:
            high = f" ({slot.slot} is {height} units high)" if height > 1 else ""
            what = "slot " if any(one.slot == inside for one in rack.slots) else ""
            yield SpecError(
                path=f"{path}.slots[{s}].unit",
                value=shown(slot.unit),
                message=f"{what}{inside} is in this rack unit already{high}",
                hint=f"move {slot.slot} to a free unit of rack {rack.name}",
            )
        taken.update({unit: slot.slot for unit in fills if unit not in taken})
        highest = rack.units - height + 1
        if slot.unit > highest:
            yield SpecError(
                path=f"{path}.slots[{s}].unit",
                value=shown(slot.unit),
                message=f"rack {rack.name} has {rack.units} units"
                + (f" and {slot.slot} is {height} units high" if height > 1 else ""),
                hint=f"give a unit from 1 to {highest}",
            )


def rack_weight_kg(spec: PodSpec, rack: RackSpec) -> float | None:
    """What a rack weighs: its published weight, else the sum of what is known of its parts."""
    kind = spec.type_of(rack)
    if kind and kind.loaded_weight_kg:
        return kind.loaded_weight_kg
    hosts = [spec.host_types.get(slot.host_type) for slot in rack.slots]
    parts = [host.weight_kg for host in hosts if host and host.weight_kg]
    if kind:
        parts += [item.weight_kg for item in kind.equipment if item.weight_kg]
        parts += [kind.empty_weight_kg] if kind.empty_weight_kg else []
    return sum(parts) if parts else None


def _weight(spec: PodSpec, rack: RackSpec, kind: RackType, path: str) -> Iterator[SpecError]:
    weight, limit = rack_weight_kg(spec, rack), kind.weight_limit_kg
    if weight is not None and limit is not None and weight > limit:
        yield SpecError(
            path=path,
            value=f"{weight:g} kg",
            message=f"rack {rack.name} is {weight - limit:g} kg heavier than the "
            f"{limit:g} kg that its type bears",
            hint="move hosts to another rack, or give the weight_limit_kg of a stronger rack type",
        )


def rack_nameplate_watts(spec: PodSpec, rack: RackSpec) -> int:
    """What a rack may draw: the nameplates of its hosts and the draw of what else is in it."""
    hosts = [spec.host_types.get(slot.host_type) for slot in rack.slots]
    kind = spec.type_of(rack)
    other = sum(item.draw_watts or 0 for item in kind.equipment) if kind else 0
    return sum(host.power.nameplate_watts for host in hosts if host) + other


def _watts(spec: PodSpec, rack: RackSpec, kind: RackType, path: str) -> Iterator[SpecError]:
    watts, limit = rack_nameplate_watts(spec, rack), kind.power_limit_watts
    if limit is not None and watts > limit:
        yield SpecError(
            path=path,
            value=f"{watts} W",
            message=f"rack {rack.name} may draw {watts - limit} W more than the "
            f"{limit} W that its type allows",
            hint="move hosts to another rack, or give the power_limit_watts that it truly has",
        )
