"""The kinds of NetBox objects that podyard touches: where they are, what is read, how they match.

NetBox ignores a filter that it does not know and answers with the whole table, and it ignores a
field that it does not know and answers that all is well. So every filter used is listed here with
the field that proves it, and only fields listed here are read and compared.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

OWN_ID = "cf.podyard_id"
OWNER = "cf.podyard_owner"


@dataclass(frozen=True, slots=True)
class Kind:
    """One endpoint."""

    name: str
    path: str
    reads: tuple[str, ...]
    """Fields asked for; `id` and `last_updated` always are."""
    natural: tuple[tuple[str, ...], ...] = ()
    """Fields that tell two objects apart, best first."""
    filters: Mapping[str, str] = field(default_factory=dict)
    """Filter to the field of a row that must hold one of the values asked for."""
    content_type: str = ""
    """As custom fields and journal entries name it."""
    owned: bool = False
    """Carries our own id in a custom field."""

    def proof_of(self, name: str) -> str | None:
        """The field that proves a filter, or None when we do not filter by it."""
        return "id" if name == "id" else self.filters.get(name)


_CUSTOM = ("custom_fields",)

KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind(
            "custom-field-choice-set",
            "extras/custom-field-choice-sets",
            ("name", "extra_choices"),
            natural=(("name",),),
            filters={"name": "name"},
        ),
        Kind(
            "custom-field",
            "extras/custom-fields",
            (
                "name",
                "type",
                "label",
                "object_types",
                "choice_set",
                "filter_logic",
                "ui_editable",
                "description",
                "group_name",
            ),
            natural=(("name",),),
            filters={"name": "name"},
        ),
        Kind(
            "site",
            "dcim/sites",
            ("name", "slug", "status", "physical_address", "tenant", *_CUSTOM),
            natural=(("slug",),),
            filters={"slug": "slug"},
            content_type="dcim.site",
        ),
        Kind(
            "location",
            "dcim/locations",
            ("name", "slug", "site", "parent", "status", *_CUSTOM),
            natural=(("site", "slug"),),
            filters={"site_id": "site"},
            content_type="dcim.location",
        ),
        Kind(
            "rack",
            "dcim/racks",
            (
                "name",
                "site",
                "location",
                "u_height",
                "status",
                "serial",
                "asset_tag",
                "tenant",
                *_CUSTOM,
            ),
            natural=(("site", "name"),),
            filters={"site_id": "site"},
            content_type="dcim.rack",
            owned=True,
        ),
        Kind(
            "manufacturer",
            "dcim/manufacturers",
            ("name", "slug"),
            natural=(("slug",), ("name",)),
            filters={"slug": "slug"},
        ),
        Kind(
            "device-role",
            "dcim/device-roles",
            ("name", "slug", "color"),
            natural=(("slug",),),
            filters={"slug": "slug"},
        ),
        Kind(
            "device-type",
            "dcim/device-types",
            ("manufacturer", "model", "slug", "u_height"),
            natural=(("manufacturer", "slug"), ("manufacturer", "model")),
            filters={"manufacturer_id": "manufacturer"},
        ),
        Kind(
            "module-bay-template",
            "dcim/module-bay-templates",
            ("device_type", "name", "position"),
            natural=(("device_type", "name"),),
            filters={"device_type_id": "device_type"},
        ),
        Kind(
            "module-type-profile",
            "dcim/module-type-profiles",
            ("name", "schema", "description"),
            natural=(("name",),),
            filters={"name": "name"},
        ),
        Kind(
            "module-type",
            "dcim/module-types",
            ("manufacturer", "model", "profile", "attributes", "part_number"),
            natural=(("manufacturer", "model"),),
            filters={"manufacturer_id": "manufacturer"},
        ),
        Kind(
            "device",
            "dcim/devices",
            (
                "name",
                "site",
                "location",
                "rack",
                "position",
                "face",
                "device_type",
                "role",
                "tenant",
                "serial",
                "asset_tag",
                "status",
                "primary_ip",
                "oob_ip",
                *_CUSTOM,
            ),
            filters={
                "site_id": "site",
                "cf_podyard_id": OWN_ID,
                "asset_tag": "asset_tag",
                "serial": "serial",
            },
            content_type="dcim.device",
            owned=True,
        ),
        Kind(
            "module-bay",
            "dcim/module-bays",
            ("device", "name", "position"),
            natural=(("device", "name"),),
            filters={"device_id": "device"},
        ),
        Kind(
            "module",
            "dcim/modules",
            (
                "device",
                "module_bay",
                "module_type",
                "serial",
                "asset_tag",
                "status",
                *_CUSTOM,
            ),
            natural=(("module_bay",),),
            filters={"device_id": "device"},
            content_type="dcim.module",
            owned=True,
        ),
        Kind(
            "interface",
            "dcim/interfaces",
            (
                "device",
                "name",
                "type",
                "mgmt_only",
                "mac_address",
                "cable",
                "count_ipaddresses",
                *_CUSTOM,
            ),
            natural=(("device", "name"), ("device", "mac_address")),
            filters={"device_id": "device", "mac_address": "mac_address"},
            content_type="dcim.interface",
            owned=True,
        ),
        *(
            Kind(
                name,
                path,
                ("device", "name", "cable", *_CUSTOM),
                natural=(("device", "name"),),
                filters={"device_id": "device"},
                content_type=content_type,
                owned=True,
            )
            for name, path, content_type in (
                ("power-port", "dcim/power-ports", "dcim.powerport"),
                ("power-outlet", "dcim/power-outlets", "dcim.poweroutlet"),
            )
        ),
        Kind(
            "ip-address",
            "ipam/ip-addresses",
            (
                "address",
                "assigned_object_type",
                "assigned_object_id",
                "assigned_object",
                *_CUSTOM,
            ),
            natural=(("address",),),
            filters={"address": "address", "device_id": "assigned_object"},
            content_type="ipam.ipaddress",
            owned=True,
        ),
        Kind(
            "power-panel",
            "dcim/power-panels",
            ("site", "name", *_CUSTOM),
            natural=(("site", "name"),),
            filters={"site_id": "site"},
            content_type="dcim.powerpanel",
            owned=True,
        ),
        Kind(
            "power-feed",
            "dcim/power-feeds",
            (
                "power_panel",
                "rack",
                "name",
                "status",
                "type",
                "supply",
                "phase",
                "voltage",
                "amperage",
                "max_utilization",
                *_CUSTOM,
            ),
            natural=(("power_panel", "name"),),
            filters={"power_panel_id": "power_panel"},
            content_type="dcim.powerfeed",
            owned=True,
        ),
        Kind(
            "cable",
            "dcim/cables",
            (
                "a_terminations",
                "b_terminations",
                "status",
                "type",
                "label",
                "length",
                "length_unit",
                *_CUSTOM,
            ),
            content_type="dcim.cable",
            owned=True,
        ),
        Kind(
            "journal-entry",
            "extras/journal-entries",
            ("assigned_object_type", "assigned_object_id", "kind", "comments"),
            filters={"assigned_object_id": "assigned_object_id"},
        ),
    )
}
"""In the order in which they are made; removed in the opposite one."""

PORTS = ("interface", "power-port", "power-outlet")
"""What a cable goes into."""
DELETABLE = ("cable", "ip-address", *PORTS, "module", "device", "power-feed")
"""What may be removed when it is ours, in this order. Places stay: others stand in them too."""
