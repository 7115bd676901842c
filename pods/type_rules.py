"""Whether the parts of one host type, or of one rack type, fit each other.

Apart from the rules of a whole pod because types are shared and checked on their own. Most mistakes
here are units and sums: kW where watts are asked, ports that do not add up, six supplies called
"3+2". Each answer says which figure stands against which.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pods.composition import at
from pods.errors import SpecError, shown
from pods.hosttype import AcceleratorSpec, DriveSpec, FirmwareRelease, HostType, NicSpec, PsuSpec
from pods.part import Part
from pods.racktype import EquipmentSpec, RackType

KILOWATTS_MAX = 30
"""Nothing with a BMC draws 30 W or less at its nameplate: such a figure was meant in kW."""

RACK_KILOWATTS_MAX = 500

LINK_TOLERANCE = 0.02
"""Published totals of links are rounded: 18 x 25 is 450, 7 x 64 is told as 448."""


def host_inconsistencies(host: HostType, *, path: str) -> Iterator[SpecError]:
    """Every contradiction in a host type; `path` is where it stands, empty for a document."""
    prefix = f"{path}." if path else ""
    yield from _watts(host, prefix)
    yield from _ports(host.nics, f"{prefix}nics")
    yield from _drives(host.drives, f"{prefix}drives")
    if host.accelerators:
        yield from _links(host.accelerators, f"{prefix}accelerators")
        yield from _domain(host, host.accelerators, prefix)
    if host.firmware_release:
        yield from _release(host.firmware_release, f"{prefix}firmware_release")
    if host.psus:
        yield from _supplies(host, host.psus, f"{prefix}psus")
    if host.cooling and host.cooling.kind == "air" and host.cooling.flow_lpm:
        yield SpecError(
            path=f"{prefix}cooling.flow_lpm",
            value=shown(host.cooling.flow_lpm),
            message="an air-cooled host takes no coolant",
            hint="remove flow_lpm, or give kind: liquid or kind: hybrid",
        )
    yield from dangling_sources(host, prefix)


def _watts(host: HostType, prefix: str) -> Iterator[SpecError]:
    power = host.power
    if power.nameplate_watts <= KILOWATTS_MAX:
        yield SpecError(
            path=f"{prefix}power.nameplate_watts",
            value=shown(power.nameplate_watts),
            message="no host has a nameplate of so few watts",
            hint=f"was this meant in kW? then give {power.nameplate_watts * 1000}",
        )
        return
    for field, watts, least, what in (
        ("nameplate_watts", power.nameplate_watts, power.typical_watts, "typical_watts"),
        ("inrush_watts", power.inrush_watts, power.typical_watts, "typical_watts"),
        ("nameplate_watts", power.nameplate_watts, power.standby_watts, "standby_watts"),
    ):
        if watts < least:
            yield SpecError(
                path=f"{prefix}power.{field}",
                value=shown(watts),
                message=f"{field} is below {what}, which is {least}",
                hint=f"give at least {least}, or correct {what}",
            )
    gpus = host.accelerators
    if gpus and gpus.tdp_watts and power.nameplate_watts < gpus.count * gpus.tdp_watts:
        least = gpus.count * gpus.tdp_watts
        yield SpecError(
            path=f"{prefix}power.nameplate_watts",
            value=shown(power.nameplate_watts),
            message=f"the {gpus.count} accelerators alone draw {least} W",
            hint=f"give more than {least}, or correct accelerators.tdp_watts",
        )


def _ports(nics: NicSpec, path: str) -> Iterator[SpecError]:
    for i, group in enumerate(nics.groups):
        if group.rails is not None and group.rails != group.count:
            yield SpecError(
                path=f"{path}.groups[{i}].rails",
                value=shown(group.rails),
                message=f"{group.rails} rails and {group.count} ports: each rail has one port",
                hint=f"give rails: {group.count}, or correct the count of ports",
            )
    total = sum(group.count for group in nics.groups)
    if nics.groups and total != nics.count:
        yield SpecError(
            path=f"{path}.count",
            value=shown(nics.count),
            message=f"the groups of ports add up to {total}",
            hint=f"give {total}, or correct the groups' counts",
        )
    slowest = min((group.speed_gbps for group in nics.groups), default=nics.speed_gbps)
    if slowest != nics.speed_gbps:
        yield SpecError(
            path=f"{path}.speed_gbps",
            value=shown(nics.speed_gbps),
            message=f"the slowest group of ports has {slowest} Gb/s",
            hint=f"give {slowest}: this figure is what every port must reach at least",
        )


def _release(release: FirmwareRelease, path: str) -> Iterator[SpecError]:
    if bool(release.components) == bool(release.none_because):
        yield SpecError(
            path=path,
            value=shown(release.name or "nothing"),
            message="a release has components, or a reason why none is known, and not both",
            hint="give components: with their versions, or none_because: with the reason",
        )


def _drives(drives: DriveSpec, path: str) -> Iterator[SpecError]:
    if not drives.groups:
        return
    total = sum(group.count for group in drives.groups)
    if total != drives.count:
        yield SpecError(
            path=f"{path}.count",
            value=shown(drives.count),
            message=f"the groups of drives add up to {total}",
            hint=f"give {total}, or correct the groups' counts",
        )
    smallest = min(group.capacity_gib for group in drives.groups)
    if smallest != drives.capacity_gib:
        yield SpecError(
            path=f"{path}.capacity_gib",
            value=shown(drives.capacity_gib),
            message=f"the smallest group of drives has {smallest} GiB",
            hint=f"give {smallest}: this figure is what every drive must hold at least",
        )


def _links(gpus: AcceleratorSpec, path: str) -> Iterator[SpecError]:
    ports, each, total = gpus.link_ports, gpus.link_gigabytes_per_s, gpus.scale_up_gigabytes_per_s
    if ports and each and total and abs(ports * each - total) > LINK_TOLERANCE * total:
        yield SpecError(
            path=f"{path}.scale_up_gigabytes_per_s",
            value=shown(total),
            message=f"{ports} links of {each:g} GB/s make {ports * each:g} GB/s",
            hint=f"give {ports * each:g}, in one direction, or correct the links",
        )


def _domain(host: HostType, gpus: AcceleratorSpec, prefix: str) -> Iterator[SpecError]:
    domain = host.scale_up_domain
    if domain and gpus.count and domain % gpus.count:
        yield SpecError(
            path=f"{prefix}scale_up_domain",
            value=shown(domain),
            message=f"hosts of {gpus.count} accelerators make no domain of {domain}",
            hint=f"give a multiple of {gpus.count}: 8 in one box, 72 in one NVL72 rack",
        )


def _supplies(host: HostType, psus: PsuSpec, path: str) -> Iterator[SpecError]:
    redundancy = psus.redundancy
    if redundancy == "N+N" and psus.count % 2:
        yield SpecError(
            path=f"{path}.redundancy",
            value=shown(redundancy),
            message=f"{psus.count} supplies have no two equal halves",
            hint="give an even count, or the class as numbers, such as 4+2",
        )
    elif redundancy and redundancy != "N+N":
        carrying, _, spare = redundancy.partition("+")
        total = int(carrying) + int(spare)
        if total != psus.count:
            yield SpecError(
                path=f"{path}.redundancy",
                value=shown(redundancy),
                message=f"{redundancy} are {total} supplies, and there are {psus.count}",
                hint=f"correct the count, or give a class of {psus.count} supplies",
            )
            return
    capacity = psus.carrying * psus.capacity_watts
    if capacity < host.power.nameplate_watts:
        yield SpecError(
            path=f"{path}.capacity_watts",
            value=shown(psus.capacity_watts),
            message=f"{psus.carrying} supplies carry {capacity} W and the nameplate is "
            f"{host.power.nameplate_watts} W",
            hint="correct the supplies or the nameplate; a class that can lose fewer carries more",
        )


def rack_inconsistencies(rack: RackType, *, path: str) -> Iterator[SpecError]:
    """Every contradiction in a rack type on its own, before it is known how high its hosts are."""
    prefix = f"{path}." if path else ""
    for i, position in enumerate(rack.positions):
        if position.unit > rack.units:
            yield _beyond(f"{prefix}positions[{i}].unit", position.unit, rack.units)
    for i, item in enumerate(rack.equipment):
        if item.unit and item.unit + max(item.height_units, 1) - 1 > rack.units:
            yield _beyond(f"{prefix}equipment[{i}].unit", item.unit, rack.units)
        yield from _shelf(item, f"{prefix}equipment[{i}]")
    yield from _twice(prefix, "positions", (one.position for one in rack.positions))
    yield from _twice(prefix, "equipment", (one.name for one in rack.equipment))
    if rack.power_limit_watts and rack.power_limit_watts <= RACK_KILOWATTS_MAX:
        yield SpecError(
            path=f"{prefix}power_limit_watts",
            value=shown(rack.power_limit_watts),
            message="no rack is limited to so few watts",
            hint=f"was this meant in kW? then give {rack.power_limit_watts * 1000}",
        )
    limit, loaded = rack.weight_limit_kg, rack.loaded_weight_kg
    if limit and loaded and loaded > limit:
        yield SpecError(
            path=f"{prefix}loaded_weight_kg",
            value=shown(loaded),
            message=f"this is {loaded - limit:g} kg more than the rack may weigh",
            hint=f"give a weight_limit_kg that the floor truly bears, at least {loaded:g}",
        )
    yield from dangling_sources(rack, prefix)


def _beyond(path: str, unit: int, units: int) -> SpecError:
    return SpecError(
        path=path,
        value=shown(unit),
        message=f"the rack has {units} units, and this reaches beyond",
        hint=f"give a lower unit; the highest is {units}",
    )


def _shelf(item: EquipmentSpec, path: str) -> Iterator[SpecError]:
    if item.psu_count and item.psu_watts and item.capacity_watts:
        total = item.psu_count * item.psu_watts
        if total != item.capacity_watts:
            yield SpecError(
                path=f"{path}.capacity_watts",
                value=shown(item.capacity_watts),
                message=f"{item.psu_count} supplies of {item.psu_watts} W make {total} W",
                hint=f"give {total}, or correct psu_count or psu_watts",
            )


def _twice(prefix: str, part: str, names: Iterable[str]) -> Iterator[SpecError]:
    seen: set[str] = set()
    for i, name in enumerate(names):
        if name in seen:
            field = "position" if part == "positions" else "name"
            yield SpecError(
                path=f"{prefix}{part}[{i}].{field}",
                value=shown(name),
                message="this name stands already in this rack type",
                hint="give each a name of its own",
            )
        seen.add(name)


def dangling_sources(part: Part, prefix: str) -> Iterator[SpecError]:
    """Sources of figures that are not there: a misspelt path would leave a figure unvouched."""
    value = part.model_dump(mode="json")
    for path in value.get("sources", {}):
        if at(value, path) is None:
            yield SpecError(
                path=f"{prefix}sources.{path}",
                value=shown(path),
                message="there is nothing at this path",
                hint="name a field as errors do, such as power.nameplate_watts or nics.groups[0]",
            )
