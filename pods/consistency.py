"""What no single field can tell: whether the parts of a spec fit each other.

Every rule is one generator of errors over a well-formed spec; none stops the others. The last
question, whether the hosts can be started at all within their feeds, is asked of the planner
itself, so that a spec which validates can be brought up.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator

from pods.errors import PlanError, SpecError, shown
from pods.plan import PlannedHost, plan_bring_up
from pods.rack_rules import rack_contents
from pods.spec import PodSpec
from pods.topology import fabric_problems
from pods.type_rules import dangling_sources, host_inconsistencies, rack_inconsistencies

VOLTS_MIN = 12
"""Telecommunication racks have 48 V, some busbars 12: below it, kV was meant."""

OWN_TESTS = {"matrix_multiply", "memory_bandwidth", "disk_write"}
"""Those that podyard measures itself, each beside a reference."""
RATIO_FLOOR_MAX = 1.5
"""A ratio compares with a peer measured in the same minute: 60 was meant as 0.60."""


def inconsistencies(spec: PodSpec) -> tuple[SpecError, ...]:
    """Every contradiction in a well-formed spec."""
    errors = [
        *_references(spec),
        *_slots(spec),
        *_types(spec),
        *rack_contents(spec),
        *_feeds(spec),
        *_feed_totals(spec),
        *_per_type(spec),
        *_floors(spec),
        *_unit(spec),
        *_scalable_unit(spec),
        *_fabric(spec),
        *dangling_sources(spec, ""),
    ]
    return tuple(errors) or tuple(_plannable(spec))


def _meant(name: str, known: Iterable[str]) -> str:
    names = list(known)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    listed = ", ".join(names) or "none"
    return f"did you mean `{close[0]}`?" if close else f"declared are: {listed}"


def _references(spec: PodSpec) -> Iterator[SpecError]:
    for r, rack in enumerate(spec.racks):
        for s, slot in enumerate(rack.slots):
            path = f"racks[{r}].slots[{s}]"
            if slot.host_type not in spec.host_types:
                yield SpecError(
                    path=f"{path}.host_type",
                    value=shown(slot.host_type),
                    message=f"slot {slot.slot} names a host type that is not declared",
                    hint=_meant(slot.host_type, spec.host_types),
                )
            if slot.feed not in spec.feeds:
                yield SpecError(
                    path=f"{path}.feed",
                    value=shown(slot.feed),
                    message=f"slot {slot.slot} names a feed that is not declared",
                    hint=_meant(slot.feed, spec.feeds),
                )
            if slot.feed_b is not None and slot.feed_b not in spec.feeds:
                yield _no_feed(f"{path}.feed_b", slot.feed_b, spec)
            if slot.feed_b == slot.feed:
                yield SpecError(
                    path=f"{path}.feed_b",
                    value=shown(slot.feed_b),
                    message=f"slot {slot.slot} has the same feed twice",
                    hint="name another feed, or remove feed_b",
                )
        yield from _rack_references(spec, r)
    for part, entries in (("firmware", spec.firmware), ("bios", spec.bios)):
        for name in entries:
            if name not in spec.host_types:
                yield SpecError(
                    path=f"{part}.{name}",
                    value=shown(name),
                    message=f"{part} is given for a host type that is not declared",
                    hint=_meant(name, spec.host_types),
                )


def _rack_references(spec: PodSpec, index: int) -> Iterator[SpecError]:
    rack, path = spec.racks[index], f"racks[{index}]"
    if rack.type is not None and rack.type not in spec.rack_types:
        yield SpecError(
            path=f"{path}.type",
            value=shown(rack.type),
            message=f"rack {rack.name} is of a type that is not declared",
            hint=_meant(rack.type, spec.rack_types),
        )
    for field, feed in (("feed", rack.feed), ("feed_b", rack.feed_b)):
        if feed is not None and feed not in spec.feeds:
            yield _no_feed(f"{path}.{field}", feed, spec)


def _no_feed(path: str, feed: str, spec: PodSpec) -> SpecError:
    return SpecError(
        path=path,
        value=shown(feed),
        message="this feed is not declared",
        hint=_meant(feed, spec.feeds),
    )


def _slots(spec: PodSpec) -> Iterator[SpecError]:
    if not spec.slots():
        yield SpecError(
            path="racks",
            value="no slots",
            message="a pod without slots holds no host",
            hint="add a rack with at least one slot",
        )
    racks: set[str] = set()
    names: dict[str, str] = {}
    for r, rack in enumerate(spec.racks):
        if rack.name in racks:
            yield SpecError(
                path=f"racks[{r}].name",
                value=shown(rack.name),
                message="two racks have this name",
                hint="give each rack a name of its own",
            )
        racks.add(rack.name)
        for s, slot in enumerate(rack.slots):
            path = f"racks[{r}].slots[{s}]"
            if slot.slot in names:
                yield SpecError(
                    path=f"{path}.slot",
                    value=shown(slot.slot),
                    message=f"this slot name stands already at {names[slot.slot]}",
                    hint="slot names are unique in the whole pod: hosts are named after them",
                )
            names.setdefault(slot.slot, path)


def _types(spec: PodSpec) -> Iterator[SpecError]:
    for name, host_type in spec.host_types.items():
        yield from host_inconsistencies(host_type, path=f"host_types.{name}")
    for name, rack_type in spec.rack_types.items():
        yield from rack_inconsistencies(rack_type, path=f"rack_types.{name}")


def _feeds(spec: PodSpec) -> Iterator[SpecError]:
    for name, feed in spec.feeds.items():
        if feed.volts < VOLTS_MIN:
            yield SpecError(
                path=f"feeds.{name}.volts",
                value=shown(feed.volts),
                message="no feed of a rack has so low a voltage",
                hint=f"was this meant in kV? then give {feed.volts * 1000:g}",
            )


def _feed_totals(spec: PodSpec) -> Iterator[SpecError]:
    typical_watts: dict[str, list[int]] = {}
    other_watts: dict[str, int] = {}
    for _, slot in spec.slots():
        if slot.host_type in spec.host_types:
            watts = spec.host_types[slot.host_type].power.typical_watts
            for feed_name in {slot.feed, slot.feed_b} - {None}:
                typical_watts.setdefault(str(feed_name), []).append(watts)
    for rack in spec.racks:
        kind = spec.type_of(rack)
        draw = sum(item.draw_watts or 0 for item in kind.equipment) if kind else 0
        for feed_name in {rack.feed, rack.feed_b} - {None}:
            other_watts[str(feed_name)] = other_watts.get(str(feed_name), 0) + draw
    for name, feed in spec.feeds.items():
        hosts, other = typical_watts.get(name, []), other_watts.get(name, 0)
        total = sum(hosts) + other
        over = total - feed.budget_watts
        if over > 0:
            beside = f" and what else is in the racks {other} W" if other else ""
            share = total / (feed.budget_watts / feed.continuous_limit)
            yield SpecError(
                path=f"feeds.{name}",
                value=f"{feed.budget_watts:.0f} W",
                message=f"its {len(hosts)} hosts draw {sum(hosts)} W typically{beside}, "
                f"{over:.0f} W more than the feed's continuous budget: {share:.0%} of the breaker, "
                f"and {feed.continuous_limit:.0%} is allowed",
                hint="move slots to another feed, or give the feed's true rated_amps and volts",
            )


def _per_type(spec: PodSpec) -> Iterator[SpecError]:
    for name, items in spec.firmware.items():
        seen: set[str] = set()
        for i, item in enumerate(items):
            if item.component in seen:
                yield SpecError(
                    path=f"firmware.{name}[{i}].component",
                    value=shown(item.component),
                    message="this component has two wanted versions",
                    hint="keep one entry for each component",
                )
            seen.add(item.component)


def _floors(spec: PodSpec) -> Iterator[SpecError]:
    seen: set[str] = set()
    for i, floor in enumerate(spec.acceptance.floors):
        path = f"acceptance.floors[{i}]"
        if floor.test in seen:
            yield SpecError(
                path=f"{path}.test",
                value=shown(floor.test),
                message="this test has two floors",
                hint="keep one floor for each test",
            )
        seen.add(floor.test)
        if floor.kind == "ratio" and floor.test not in OWN_TESTS:
            yield SpecError(
                path=f"{path}.kind",
                value=shown(floor.kind),
                message=f"{floor.test} has no reference that a share could be of",
                hint="give an absolute floor with its unit",
            )
        if floor.kind == "ratio" and floor.floor > RATIO_FLOOR_MAX:
            yield SpecError(
                path=f"{path}.floor",
                value=shown(floor.floor),
                message="a ratio floor is a share of the reference, and none can reach this",
                hint=f"give a share such as 0.6 (not 60); at most {RATIO_FLOOR_MAX}",
            )
        if floor.kind == "absolute" and not floor.unit:
            yield SpecError(
                path=f"{path}.unit",
                value=shown(floor.unit),
                message="an absolute floor needs the unit it is measured in",
                hint="add `unit:`, for example GFLOP/s or MiB/s",
            )


def _unit(spec: PodSpec) -> Iterator[SpecError]:
    unit = spec.unit
    counts = {
        name: host_type.accelerators.count if host_type.accelerators else 0
        for name, host_type in spec.host_types.items()
    }
    used = {slot.host_type for _, slot in spec.slots()} & counts.keys()
    possible = sorted({counts[name] * unit.hosts for name in used})
    if used and unit.accelerators not in possible:
        wanted = " or ".join(map(str, possible))
        yield SpecError(
            path="unit.accelerators",
            value=shown(unit.accelerators),
            message=f"a unit of {unit.hosts} host(s) has {wanted} accelerators",
            hint=f"give {wanted}, or correct unit.hosts or the host type's accelerators.count",
        )
    domains = {
        domain for name in used if (domain := spec.host_types[name].scale_up_domain) is not None
    }
    if domains and unit.accelerators > max(domains):
        yield SpecError(
            path="unit.accelerators",
            value=shown(unit.accelerators),
            message=f"a unit lies in one scale-up domain, and the largest has {max(domains)}",
            hint="make the unit of fewer hosts, or correct scale_up_domain",
        )
    slots = len(spec.slots())
    if slots and slots % unit.hosts:
        yield SpecError(
            path="unit.hosts",
            value=shown(unit.hosts),
            message=f"{slots} slots cannot be divided into units of {unit.hosts} hosts",
            hint="give a divisor of the number of slots, or change the slots",
        )


def _scalable_unit(spec: PodSpec) -> Iterator[SpecError]:
    unit = spec.scalable_unit
    if unit is None:
        return
    hosts = len(spec.slots()) + unit.hosts_given_up
    count = max(1, hosts // unit.hosts)
    built = sum(
        gpus.count
        for _, slot in spec.slots()
        if slot.host_type in spec.host_types
        and (gpus := spec.host_types[slot.host_type].accelerators)
    )
    given_up = unit.hosts_given_up * unit.accelerators // unit.hosts
    for field, each, found in (
        ("hosts", unit.hosts, hosts),
        ("racks", unit.racks, len(spec.racks)),
        ("accelerators", unit.accelerators, built + given_up),
    ):
        if each is not None and each * count != found:
            yield SpecError(
                path=f"scalable_unit.{field}",
                value=shown(each),
                message=f"{count} unit(s) of {each} {field} make {each * count}, "
                f"and the pod has {found}",
                hint=f"give {found / count:g}, or correct the racks and host types",
            )


def _fabric(spec: PodSpec) -> Iterator[SpecError]:
    fabric = spec.fabric
    used = {slot.host_type for _, slot in spec.slots()} & spec.host_types.keys()
    if fabric is None or not used:
        return
    least = min(spec.host_types[name].nics.count for name in used)
    yield from fabric_problems(fabric, hosts=len(spec.slots()), host_ports=least)
    for name in sorted(used):
        compute = spec.host_types[name].nics.group("compute")
        ports = compute.count if compute else 0
        if spec.host_types[name].nics.groups and fabric.rails != ports:
            yield SpecError(
                path="fabric.rails",
                value=shown(fabric.rails),
                message=f"host type {name} has {ports} compute ports, one for each rail",
                hint=f"give rails: {ports}, or correct host_types.{name}.nics.groups",
            )


def _plannable(spec: PodSpec) -> Iterator[SpecError]:
    hosts = [PlannedHost(name=slot.slot, slot=slot.slot) for _, slot in spec.slots()]
    try:
        plan_bring_up(spec, pod="check", hosts=hosts)
    except PlanError as error:
        budgets = [f"{name} {feed.budget_watts:.0f} W" for name, feed in spec.feeds.items()]
        yield SpecError(path="feeds", value=", ".join(budgets), message=str(error), hint=error.hint)
