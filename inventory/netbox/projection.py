"""Our records as NetBox should show them: pure, and the same for the same records.

What is read of hardware (watts, temperatures, fan speeds) is never shown: a register that changes
with every reading is written to for ever. What is shown is what was built and what it is for.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from inventory.model import Host, Pod
from inventory.netbox.kinds import KINDS
from inventory.netbox.mapping import FieldMapping
from inventory.netbox.ports import cables_of, interface
from inventory.netbox.records import Records
from inventory.netbox.wanted import NAME_MAX, SERIAL_MAX, Ref, Wanted, clip, marks, slug
from inventory.places import Equipment
from inventory.states import HostState
from pods.facts import AcceleratorFact

BMC = "bmc"
PROFILE = "podyard accelerator"
PROFILE_SCHEMA = {
    "type": "object",
    "properties": {
        "form_factor": {
            "type": "string",
            "title": "Form factor",
            "enum": ["SXM4", "SXM5", "SXM6", "OAM", "PCIe", "superchip", "other"],
        },
        "memory_gb": {"type": "integer", "title": "Memory (GB)"},
        "tdp_w": {"type": "integer", "title": "Power (W)"},
    },
}
"""NetBox's own profile of a GPU allows PCIe alone."""

FORM_FACTORS = {
    "GB200": "superchip", "GB300": "superchip", "A100": "SXM4", "H100": "SXM5", "H200": "SXM5",
    "B200": "SXM6", "B300": "SXM6", "MI300X": "OAM", "MI325X": "OAM", "MI355X": "OAM",
}  # fmt: skip
"""A word of a model's name to how it is mounted, the longer word first; PCIe says it itself."""

INTERFACE_TYPES = {
    1: "1000base-t", 10: "10gbase-x-sfpp", 25: "25gbase-x-sfp28", 40: "40gbase-x-qsfpp",
    50: "50gbase-x-sfp56", 100: "100gbase-x-qsfp28", 200: "200gbase-x-qsfp56",
    400: "400gbase-x-osfp", 800: "800gbase-x-osfp",
}  # fmt: skip
CUSTOM_FIELDS = {
    "podyard_id": ("text", "Which record of podyard this is"),
    "podyard_owner": ("text", "Which podyard keeps it"),
    "podyard_state": ("select", "Where the host is on its way to being offered"),
    "podyard_spec": ("text", "The pod's design"),
    "podyard_certificate": ("text", "The certificate that lets work onto the host"),
}
STATES = "podyard states"


def project(records: Records, mapping: FieldMapping, *, owner: str) -> list[Wanted]:
    """Everything that NetBox should hold, parents before what refers to them."""
    found: dict[str, Wanted] = {}
    for one in _all(records, mapping, owner):
        found.setdefault(one.ident, one)
    order = {kind: place for place, kind in enumerate(KINDS)}
    return sorted(found.values(), key=lambda one: order[one.kind])


def _all(records: Records, mapping: FieldMapping, owner: str) -> Iterator[Wanted]:
    yield from _customs()
    yield from _places(records, owner)
    yield from _power(records, owner)
    pods = {pod.name: pod for pod in records.pods}
    for host in records.hosts:
        holder = records.holders.get(host.id, "")
        yield from _host(host, pods.get(host.pod), mapping, owner, holder=holder)
    for one in records.equipment:
        yield from _equipment(one, owner)
    yield from cables_of(records, owner)


def _customs() -> Iterator[Wanted]:
    choices = [[state.value, state.value] for state in HostState]
    yield Wanted(
        "custom-field-choice-set", "choices/states", STATES, {"name": STATES},
        {"extra_choices": choices},
    )  # fmt: skip
    owned = [kind.content_type for kind in KINDS.values() if kind.owned]
    for name, (kind, why) in CUSTOM_FIELDS.items():
        everywhere = name in {"podyard_id", "podyard_owner"}
        yield Wanted(
            "custom-field", f"field/{name}", name, {"name": name, "type": kind},
            {
                "object_types": owned if everywhere else ["dcim.device"],
                "label": name.replace("_", " "),
                "choice_set": Ref("choices/states") if kind == "select" else None,
                "filter_logic": "exact", "ui_editable": "no", "group_name": "podyard",
                "description": why,
            },
        )  # fmt: skip


def _places(records: Records, owner: str) -> Iterator[Wanted]:
    sites = {site.name: site for site in records.sites}
    named = {one.site for one in records.racks} | {one.site for one in records.feeds}
    named |= {one.site for one in records.equipment} | {one.site for one in records.hosts}
    for name in sorted(named | set(sites)):
        site = sites.get(name)
        named_as = {"name": (site.title if site else "") or name, "status": "active"}
        if site and site.address:
            named_as["physical_address"] = site.address
        yield Wanted("site", f"site/{name}", name, {"slug": slug(name)}, named_as)
    for one in sorted(records.locations, key=lambda location: location.kind != "hall"):
        yield Wanted(
            "location", f"location/{one.id}", one.name,
            {"site": Ref(f"site/{one.site}"), "slug": slug(one.name)},
            {
                "name": one.title or one.name, "status": "active",
                "parent": Ref(f"location/{one.parent}") if one.parent else None,
            },
        )  # fmt: skip
    racks = {(rack.site, rack.name): rack for rack in records.racks}
    hosts = {(host.site, host.rack) for host in records.hosts}
    near = {(one.site, one.rack) for one in records.equipment if one.rack}
    for site_name, name in sorted(hosts | near | set(racks)):
        rack = racks.get((site_name, name))
        fields = {
            "name": name, "status": "active", "u_height": rack.height_units if rack else 42,
            **marks(f"{site_name}/{name}", owner),
        }  # fmt: skip
        if rack and rack.location:
            fields["location"] = Ref(f"location/{rack.location}")
        if rack and rack.serial:
            fields["serial"] = clip(rack.serial, SERIAL_MAX)
        if rack and rack.asset_tag:
            fields["asset_tag"] = rack.asset_tag
        yield Wanted(
            "rack", f"rack/{site_name}/{name}", name, {"site": Ref(f"site/{site_name}")}, fields
        )


def _power(records: Records, owner: str) -> Iterator[Wanted]:
    for feed in records.feeds:
        panel = f"panel/{feed.site}/{feed.pod or 'site'}"
        yield Wanted(
            "power-panel", panel, f"{feed.pod or feed.site} power",
            {"site": Ref(f"site/{feed.site}"), "name": f"{feed.pod or feed.site} power"},
            marks(panel, owner),
        )  # fmt: skip
        fields: dict[str, Any] = {
            "voltage": round(feed.volts), "amperage": round(feed.amps),
            "phase": "three-phase" if feed.phases == 3 else "single-phase",  # noqa: PLR2004
            "max_utilization": round(feed.continuous_share * 100), "supply": "ac",
            "type": "primary" if feed.side == "A" else "redundant", "status": "active",
            **marks(feed.id, owner),
        }  # fmt: skip
        if len(feed.racks) == 1:  # NetBox knows one rack of a feed
            fields["rack"] = Ref(f"rack/{feed.site}/{feed.racks[0]}")
        yield Wanted(
            "power-feed", f"feed/{feed.id}", feed.name,
            {"power_panel": Ref(panel), "name": feed.name}, fields,
        )  # fmt: skip


def _host(
    host: Host, pod: Pod | None, mapping: FieldMapping, owner: str, *, holder: str
) -> Iterator[Wanted]:
    design = (pod.spec_document.get("host_types", {}) if pod else {}).get(host.host_type, {})
    facts = host.facts
    maker = str(
        design.get("manufacturer") or (facts.manufacturer if facts else "") or "unspecified"
    )
    model = str(design.get("model") or (facts.model if facts else "") or host.host_type)
    height = int((design.get("chassis") or {}).get("height_units") or 1)
    slots = [one.slot for one in facts.accelerators] if facts else []
    yield from _type(maker, model, height, slots)
    yield _role(mapping.role)
    device = f"host/{host.id}"
    state = mapping.status_of(host)
    yield Wanted(
        "device", device, host.name, {},
        {
            "name": host.name,
            **_placed(host.site, host.rack, host.position),
            "device_type": Ref(_type_ident(maker, model)),
            "role": Ref(f"role/{mapping.role}"),
            "serial": clip(host.serial, SERIAL_MAX),
            "asset_tag": host.asset_tag or None,
            "status": state,
            "cf.podyard_state": host.state.value,
            "cf.podyard_spec": (pod.spec if pod else None) or None,
            "cf.podyard_certificate": host.certificate_id or None,
            **({"oob_ip": Ref(f"address/{host.id}")} if _bmc_address(host) else {}),
            **marks(host.id, owner),
        },
        beside={"tenant": holder} if holder else {},
        told=_why(host),
    )  # fmt: skip
    yield from _interfaces(host, owner)
    for part in facts.accelerators if facts else ():
        yield from _accelerator(host, part, maker_of(part, maker), owner, design)


def _why(host: Host) -> str:
    said = host.problem.message if host.problem else host.maintenance
    return f"{host.name} is {host.state.value}" + (f": {said}" if said else "")


def _placed(site: str, rack: str, position: float | None) -> dict[str, Any]:
    fields: dict[str, Any] = {"site": Ref(f"site/{site}")}
    if rack:
        fields["rack"] = Ref(f"rack/{site}/{rack}")
        if position is not None:
            fields |= {"position": float(position), "face": "front"}
    return fields


def _type_ident(maker: str, model: str) -> str:
    return f"type/{slug(maker)}/{slug(model)}"


def _type(maker: str, model: str, height: int, slots: list[str]) -> Iterator[Wanted]:
    manufacturer = _manufacturer(maker)
    yield manufacturer
    kind = _type_ident(maker, model)
    yield Wanted(
        "device-type", kind, model,
        {"manufacturer": Ref(manufacturer.ident), "slug": slug(f"{maker}-{model}")},
        {"model": clip(model, 100), "u_height": float(height)},
    )  # fmt: skip
    for place, slot in enumerate(slots):
        name = clip(slot, NAME_MAX)
        yield Wanted(
            "module-bay-template", f"{kind}/{name}", name, {"device_type": Ref(kind), "name": name},
            {"position": str(place)}, only_with=kind,
        )  # fmt: skip


def _manufacturer(maker: str) -> Wanted:
    name = clip(maker, 100)
    return Wanted(
        "manufacturer", f"maker/{slug(maker)}", name, {"slug": slug(maker)}, {"name": name}
    )


def _role(name: str) -> Wanted:
    shown = name.replace("-", " ")
    return Wanted(
        "device-role", f"role/{name}", shown, {"slug": name}, {"name": shown, "color": "2e7d32"}
    )


def _interfaces(host: Host, owner: str) -> Iterator[Wanted]:
    device = Ref(f"host/{host.id}")
    yield interface(device, host.id, BMC, owner, {"type": "1000base-t", "mgmt_only": True})
    address = _bmc_address(host)
    if address:
        bits = ipaddress.ip_address(address).max_prefixlen
        yield Wanted(
            "ip-address", f"address/{host.id}", address, {"address": f"{address}/{bits}"},
            {
                "assigned_object_type": "dcim.interface",
                "assigned_object_id": Ref(f"interface/{host.id}/{BMC}"),
                **marks(f"{host.id}/address", owner),
            },
        )  # fmt: skip
    for nic in host.facts.nics if host.facts else ():
        kind = INTERFACE_TYPES.get(nic.speed_gbps or 0, "other")
        fields = {"type": kind, "mgmt_only": False}
        if nic.mac:
            fields["mac_address"] = nic.mac.upper()
        yield interface(device, host.id, nic.slot, owner, fields)


def _bmc_address(host: Host) -> str:
    """An address that others may reach; a name or a loopback says nothing in a register."""
    found = urlsplit(host.bmc.address).hostname or host.bmc.address.rpartition(":")[0]
    try:
        address = ipaddress.ip_address(found or host.bmc.address)
    except ValueError:
        return ""
    return "" if address.is_loopback or address.is_link_local else str(address)


def maker_of(part: AcceleratorFact, otherwise: str) -> str:
    """Who made an accelerator, as its name says."""
    first = part.model.partition(" ")[0]
    known = {"nvidia": "NVIDIA", "amd": "AMD", "intel": "Intel"}
    return known.get(first.lower(), otherwise)


def _accelerator(
    host: Host, part: AcceleratorFact, maker: str, owner: str, design: Mapping[str, Any]
) -> Iterator[Wanted]:
    yield Wanted(
        "module-type-profile", "profile/accelerator", PROFILE, {"name": PROFILE},
        {"schema": PROFILE_SCHEMA, "description": "One GPU, however it is mounted"},
    )  # fmt: skip
    manufacturer = _manufacturer(maker)
    yield manufacturer
    attributes: dict[str, Any] = {
        "form_factor": form_factor(part.model),
        "memory_gb": part.memory_gib,
    }
    watts = (design.get("accelerators") or {}).get("tdp_watts")
    if watts:
        attributes["tdp_w"] = int(watts)
    kind = f"module-type/{slug(maker)}/{slug(part.model)}"
    yield Wanted(
        "module-type", kind, part.model,
        {"manufacturer": Ref(manufacturer.ident), "model": clip(part.model, 100)},
        {
            "profile": Ref("profile/accelerator"), "attributes": attributes,
            "part_number": clip(part.part_number, SERIAL_MAX),
        },
    )  # fmt: skip
    device, name = Ref(f"host/{host.id}"), clip(part.slot, NAME_MAX)
    bay = f"bay/{host.id}/{part.slot}"
    yield Wanted("module-bay", bay, name, {"device": device, "name": name}, {"position": ""})
    yield Wanted(
        "module", f"accelerator/{host.id}/{part.slot}", f"{host.name} {part.slot}",
        # Our type has no parts of its own: not looking for them spares NetBox thirty queries.
        {"device": device, "module_bay": Ref(bay), "replicate_components": False},
        {
            "module_type": Ref(kind), "status": "active", **marks(f"{host.id}/{part.slot}", owner),
            # A BMC that does not tell a serial number takes none away.
            **({"serial": clip(part.serial, SERIAL_MAX)} if part.serial else {}),
        },
        told=f"accelerator {part.slot} of {host.name} was replaced",
    )  # fmt: skip


def form_factor(model: str) -> str:
    """How an accelerator is mounted, as far as its name says."""
    if "PCIE" in model.upper():
        return "PCIe"
    return next((form for word, form in FORM_FACTORS.items() if word in model.upper()), "other")


def _equipment(one: Equipment, owner: str) -> Iterator[Wanted]:
    model = one.model or one.kind
    yield from _type("unspecified", model, 1, [])
    yield _role(one.kind)
    yield Wanted(
        "device", f"equipment/{one.id}", one.name, {},
        {
            "name": one.name, **_placed(one.site, one.rack, one.position),
            "device_type": Ref(_type_ident("unspecified", model)),
            "role": Ref(f"role/{one.kind}"), "serial": clip(one.serial, SERIAL_MAX),
            "asset_tag": one.asset_tag or None, "status": "active", **marks(one.id, owner),
        },
    )  # fmt: skip
