"""The plan of a hall: which hosts stand where, what they are built of and what is wrong with them.

It is derived from a pod spec and a seed alone, so the same command builds the same hall: serials,
UUIDs and MAC addresses included. Everything here is frozen; what changes lives in `state`.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from pods.cabling import cabling_of
from pods.spec import FirmwareItem, HostType, PodSpec, RackSpec, SlotSpec
from provisioning.simulator import naming
from provisioning.simulator.defects import planted
from provisioning.simulator.distribution.outages import is_of_distribution, struck_by
from provisioning.simulator.distribution.plan import (
    DistributionPlan,
    Neighbour,
    distribution_of,
)
from provisioning.simulator.errors import UnknownFault
from provisioning.simulator.faults import Fault
from provisioning.simulator.models import MODELS, HostModel, model_of

HOSTS_NAMED_MAX = 32
"""A hall of a thousand hosts does not list them in an error."""
FACTORY_VERSION = "1.0.0"
"""The version of a component that the spec's baseline does not name."""

BiosValue = str | int | bool


@dataclass(frozen=True, slots=True)
class HostPlan:
    """One simulated host as it was built."""

    name: str
    slot: str
    rack: str
    unit: int
    feed: str
    host_type: HostType
    serial: str
    uuid: str
    macs: tuple[str, ...]
    firmware: dict[str, str]
    bios: dict[str, BiosValue]
    """Factory settings: unlike the profile where a value has an obvious opposite."""
    faults: tuple[Fault, ...] = ()
    empty_memory_slots: frozenset[int] = frozenset()
    clock_ratio: float = 1.0
    reported_serial: str = ""
    """What the BMC says; the true serial unless a fault lies."""
    model_name: str = ""
    """The shape of its tree, where somebody chose one; else the host type decides."""
    neighbours: tuple[Neighbour, ...] = ()
    """What is at the other end of each network port's cable; nothing in a pod without a fabric."""
    rack_units: tuple[int, ...] = ()
    """Where the hosts of its rack stand, from the bottom."""
    feed_b: str = ""
    """The feed of its other supplies, where it has two."""

    @property
    def feeds(self) -> tuple[str, ...]:
        """What it hangs on."""
        return tuple(dict.fromkeys(feed for feed in (self.feed, self.feed_b) if feed))

    @property
    def tray_index(self) -> int:
        """Its number among the hosts of its rack, from the bottom."""
        return self.rack_units.index(self.unit) if self.unit in self.rack_units else 0

    @property
    def model(self) -> HostModel:
        """The shape of its tree."""
        return MODELS[self.model_name] if self.model_name else model_of(self.host_type)


@dataclass(frozen=True, slots=True)
class HallPlan:
    """All hosts of one hall."""

    pod_spec: str
    seed: int
    hosts: tuple[HostPlan, ...] = field(default=())
    models: Mapping[str, str] = field(default_factory=dict)
    """Host types that were given another tree than their own."""
    distribution: DistributionPlan = field(default_factory=DistributionPlan)
    """Feeds, and what stands around the hosts."""

    @classmethod
    def from_spec(
        cls,
        spec: PodSpec,
        *,
        seed: int,
        faults: Sequence[Fault | str] = (),
        models: Mapping[str, str] | None = None,
    ) -> HallPlan:
        """One host per slot of the spec, with its faults planted.

        `models` gives a host type of the spec another tree than its own.
        """
        parsed = tuple(Fault.parse(fault) if isinstance(fault, str) else fault for fault in faults)
        outside = tuple(fault for fault in parsed if is_of_distribution(fault))
        parsed = tuple(fault for fault in parsed if not is_of_distribution(fault))
        names = [host_name(spec, rack, slot) for rack, slot in spec.slots()]
        _refuse_strangers(parsed, names, spec)
        cables = _plugged(spec, names, parsed)
        hosts = tuple(
            _build(
                spec,
                rack=rack,
                slot=slot,
                seed=seed,
                faults=tuple(fault for fault in parsed if _strikes(fault, name, rack, slot)),
                model_name=(models or {}).get(slot.host_type, ""),
                neighbours=tuple(cables[name]),
            )
            for name, (rack, slot) in zip(names, spec.slots(), strict=True)
        )
        distribution = distribution_of(spec, names, cables, seed=seed)
        return cls(
            pod_spec=spec.identity,
            seed=seed,
            hosts=hosts,
            models=dict(models or {}),
            distribution=replace(distribution, faults=struck_by(distribution, outside)),
        )


def host_name(spec: PodSpec, rack: RackSpec, slot: SlotSpec) -> str:
    """The slot's own name where it is unique in the pod, else with its rack in front."""
    same = sum(1 for _, other in spec.slots() if other.slot == slot.slot)
    return slot.slot if same == 1 else f"{rack.name}-{slot.slot}"


def is_called(name: str, by: str) -> bool:
    """Whether a fault means this host: by its name, its end (`h3`), or with a pod in front."""
    return name == by or name.endswith(f"-{by}") or by.endswith(f"-{name}")


def _strikes(fault: Fault, name: str, rack: RackSpec, slot: SlotSpec) -> bool:
    """Whether a fault is this host's: by its name, or by its rack's or its feed's."""
    group, separator, member = fault.host.partition("/")
    if not separator:
        return is_called(name, by=fault.host)
    return member in {"rack": (rack.name,), "feed": (slot.feed, slot.feed_b)}.get(group, ())


def _refuse_strangers(faults: Sequence[Fault], names: Sequence[str], spec: PodSpec) -> None:
    places = list(zip(names, spec.slots(), strict=True))
    for fault in faults:
        if any(_strikes(fault, name, rack, slot) for name, (rack, slot) in places):
            continue
        raise UnknownFault(
            f"fault {fault.kind!r} names host {fault.host!r}, which this hall does not have",
            hint="the hosts are "
            + ", ".join(names[:HOSTS_NAMED_MAX])
            + "; rack/NAME and feed/NAME stand for all hosts there",
        )


def _plugged(
    spec: PodSpec, names: Sequence[str], faults: Sequence[Fault]
) -> dict[str, list[Neighbour]]:
    """Host to what its network ports see, by the cabling plan and what hands made of it."""
    by_slot = {slot.slot: name for name, (_, slot) in zip(names, spec.slots(), strict=True)}
    found: dict[str, list[Neighbour]] = {name: [] for name in names}
    if spec.fabric is not None:
        for cable in cabling_of(spec).cables:
            if cable.a.node in by_slot and cable.kind != "management":
                found[by_slot[cable.a.node]].append((cable.z.node, cable.z.port))
    for fault in planted(faults, "miscabled"):
        _swap(found, fault)
    return found


def _swap(found: dict[str, list[Neighbour]], fault: Fault) -> None:
    slot, other = fault.word("slot"), fault.word("other")
    pair = [
        next((name for name in found if is_called(name, by=said)), "")
        for said in (fault.host, other or "-")
    ]
    port = int(slot.removeprefix("NIC")) if slot.removeprefix("NIC").isdigit() else -1
    ends = [found.get(name, []) for name in pair]
    if not all(0 <= port < len(end) for end in ends) or pair[0] == pair[1]:
        raise UnknownFault(
            f"fault 'miscabled' on host {fault.host!r} swaps {slot!r} with host {other!r}",
            hint="name a network port that both hosts have, and another host of a pod with a "
            "fabric: miscabled@HOST:slot=NIC0,other=HOST",
        )
    ends[0][port], ends[1][port] = ends[1][port], ends[0][port]


def _build(
    spec: PodSpec,
    *,
    rack: RackSpec,
    slot: SlotSpec,
    seed: int,
    faults: tuple[Fault, ...],
    model_name: str,
    neighbours: tuple[Neighbour, ...],
) -> HostPlan:
    name = host_name(spec, rack, slot)
    source = random.Random(f"{seed}/{spec.identity}/{name}")
    host_type = spec.host_types[slot.host_type]
    model = MODELS[model_name] if model_name else model_of(host_type)
    serial = "LAB" + "".join(source.choices("0123456789ABCDEFGHJKLMNP", k=9))
    by_kind = {fault.kind: fault for fault in faults}
    identity = str(uuid.UUID(int=source.getrandbits(128), version=4))
    macs = tuple(_mac(source) for _ in range(host_type.nics.count))
    return HostPlan(
        name=name,
        slot=slot.slot,
        rack=rack.name,
        unit=slot.unit,
        feed=slot.feed,
        host_type=host_type,
        serial=serial,
        uuid=identity,
        macs=macs,
        firmware=_firmware(
            naming.components(host_type, model),
            spec.firmware.get(slot.host_type, ()),
            old=planted(faults, "old-firmware"),
            aliases={"BIOS": model.bios, "BMC": model.bmc},
        ),
        bios={
            key: factory_value(value) for key, value in spec.bios.get(slot.host_type, {}).items()
        },
        faults=faults,
        empty_memory_slots=_empty_slots(
            naming.memory_slots(host_type, model), by_kind.get("missing-dimm"), source
        ),
        clock_ratio=by_kind["slow-host"].number("ratio") if "slow-host" in by_kind else 1.0,
        reported_serial=_reported_serial(serial, by_kind.get("wrong-serial")),
        model_name=model_name,
        neighbours=neighbours,
        rack_units=tuple(sorted(one.unit for one in rack.slots)),
        feed_b=slot.feed_b or "",
    )


def _mac(source: random.Random) -> str:
    # 02 marks a locally administered address: no vendor's range is borrowed.
    return "02:" + ":".join(f"{source.randrange(256):02x}" for _ in range(5))


def _firmware(
    components: Sequence[str],
    baseline: Sequence[FirmwareItem],
    *,
    old: Sequence[Fault],
    aliases: Mapping[str, str],
) -> dict[str, str]:
    versions = dict.fromkeys(components, FACTORY_VERSION)
    versions.update({item.component: item.version for item in baseline})
    for fault in old:
        said = fault.word("component")
        component = said if said in versions else aliases.get(said, said)
        if component not in versions:
            raise UnknownFault(
                f"fault 'old-firmware' names component {component!r}",
                hint="the components are " + ", ".join(versions),
            )
        versions[component] = fault.word("version") or version_before(versions[component])
    return versions


def version_before(version: str) -> str:
    """The closest version below a dotted one: its last part above zero, less one."""
    parts = version.split(".")
    for index in range(len(parts) - 1, -1, -1):
        if parts[index].isdigit() and int(parts[index]) > 0:
            width = len(parts[index])
            return ".".join(
                [*parts[:index], f"{int(parts[index]) - 1:0{width}d}", *parts[index + 1 :]]
            )
    return f"{version}-old"


def factory_value(wanted: BiosValue) -> BiosValue:
    """What the factory set where the profile wants `wanted`, so that preparing has work to do."""
    if isinstance(wanted, bool):
        return not wanted
    opposites: dict[BiosValue, BiosValue] = {"Enabled": "Disabled", "Disabled": "Enabled"}
    return opposites.get(wanted, wanted)


def _empty_slots(
    names: Sequence[str], missing: Fault | None, source: random.Random
) -> frozenset[int]:
    # Drawn whether or not it is needed, so that a fault never changes anything else of a host.
    drawn = source.randrange(len(names))
    if missing is None:
        return frozenset()
    slot = missing.word("slot")
    if not slot:
        return frozenset({drawn})
    if slot not in names:
        raise UnknownFault(
            f"fault 'missing-dimm' names memory slot {slot!r}", hint="slots are " + ", ".join(names)
        )
    return frozenset({names.index(slot)})


def _reported_serial(serial: str, wrong: Fault | None) -> str:
    if wrong is None:
        return serial
    return wrong.word("serial") or "X" + serial[1:]
