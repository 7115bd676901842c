"""Who owns which field, and what our states are called in NetBox: data, which a site may change.

Every field that is written has one owner. `podyard`: it is written, and restored when somebody
changes it. `netbox`: it is written once, when the object is made, and read from then on: what
people put there is the intent. `nobody`: it is neither written nor read.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from inventory.model import Host
from inventory.netbox.errors import Unsupported
from inventory.states import HostState
from pods.document import read_document
from pods.errors import PodsError

Owner = Literal["podyard", "netbox", "nobody"]

STATUS: dict[str, str] = {
    "specified": "planned",
    HostState.ENROLLED: "inventory",
    HostState.REGISTERING: "staged",
    HostState.INSPECTING: "staged",
    HostState.MATCHING: "staged",
    HostState.PREPARING: "staged",
    HostState.BOOTING: "staged",
    HostState.CONFIGURING: "staged",
    HostState.ACCEPTING: "staged",
    HostState.READY: "active",
    HostState.DRAINING: "offline",
    HostState.CLEANING: "decommissioning",
    HostState.REPAIRING: "failed",
    HostState.RETIRED: "decommissioning",
    "parked": "failed",
    "maintenance": "offline",
}
"""Our state, or what stands beside it, to NetBox's device status. `specified` is an enrolled host
of which no hardware was seen yet. The fine state is in `podyard_state`."""

OWNERS: dict[str, dict[str, Owner]] = {
    "custom-field-choice-set": {"extra_choices": "podyard"},
    "custom-field": {
        "object_types": "podyard", "type": "netbox", "label": "netbox", "choice_set": "netbox",
        "filter_logic": "podyard", "ui_editable": "netbox", "description": "netbox",
        "group_name": "netbox",
    },
    "site": {"name": "netbox", "status": "netbox", "physical_address": "netbox"},
    "location": {"name": "netbox", "parent": "netbox", "status": "netbox"},
    "rack": {
        "name": "netbox", "site": "netbox", "location": "netbox", "u_height": "netbox",
        "status": "netbox", "serial": "podyard", "asset_tag": "netbox",
    },
    "manufacturer": {"name": "netbox"},
    "device-role": {"name": "netbox", "color": "netbox"},
    "device-type": {"model": "netbox", "u_height": "netbox"},
    "module-bay-template": {"position": "netbox"},
    "module-type-profile": {"schema": "netbox", "description": "netbox"},
    "module-type": {"profile": "netbox", "attributes": "netbox", "part_number": "netbox"},
    "device": {
        "name": "netbox", "site": "netbox", "location": "netbox", "rack": "netbox",
        "position": "netbox", "face": "netbox", "device_type": "netbox", "role": "netbox",
        "asset_tag": "netbox", "tenant": "netbox", "serial": "podyard", "status": "podyard",
        "oob_ip": "podyard",
        "cf.podyard_state": "podyard", "cf.podyard_spec": "podyard",
        "cf.podyard_certificate": "podyard",
    },
    "module-bay": {"position": "netbox"},
    "module": {"module_type": "podyard", "serial": "podyard", "status": "podyard"},
    "interface": {"type": "netbox", "mgmt_only": "podyard", "mac_address": "podyard"},
    "power-port": {},
    "power-outlet": {},
    "ip-address": {"assigned_object_type": "podyard", "assigned_object_id": "podyard"},
    "power-panel": {},
    "power-feed": {
        "rack": "netbox", "voltage": "podyard", "amperage": "podyard", "phase": "podyard",
        "max_utilization": "podyard", "type": "netbox", "supply": "netbox", "status": "netbox",
    },
    "cable": {
        "status": "podyard", "type": "podyard", "label": "podyard", "length": "podyard",
        "length_unit": "podyard",
    },
}  # fmt: skip
"""Kind and field to its owner. What tells an object from another is always written and never
compared; our own marks are always podyard's."""


class FieldMapping(BaseModel):
    """What a site says about it, over the defaults."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    status: dict[str, Annotated[str, Field(pattern=r"^[a-z0-9_-]{1,50}$")]] = Field(
        default_factory=dict
    )
    own: dict[str, dict[str, Owner]] = Field(default_factory=dict)
    role: Annotated[str, Field(pattern=r"^[a-z0-9_-]{1,100}$")] = "gpu-host"
    """The slug of the device role that new hosts get."""

    def status_of(self, host: Host) -> str:
        """NetBox's status of a host: what keeps it back counts more than where it is."""
        return {**STATUS, **self.status}[_word(host)]

    def owner(self, kind: str, field: str) -> Owner:
        """Who owns a field."""
        if field in {"cf.podyard_id", "cf.podyard_owner"}:
            return "podyard"
        return self.own.get(kind, {}).get(field) or OWNERS[kind].get(field, "netbox")

    def statuses(self) -> dict[str, str]:
        """Every word of ours to NetBox's."""
        return {**STATUS, **self.status}


def _word(host: Host) -> str:
    if host.maintenance:
        return "maintenance"
    if host.problem is not None and host.problem.parked:
        return "parked"
    if host.state is HostState.ENROLLED and host.facts is None:
        return "specified"
    return host.state.value


def load_mapping(path: Path | None) -> FieldMapping:
    """The site's file over the defaults; Unsupported names the field and the valid ones."""
    if path is None:
        return FieldMapping()
    try:
        given: Any = read_document(path, regular_only=True)
        found = FieldMapping.model_validate({} if given is None else given)
    except (PodsError, ValidationError) as error:
        raise Unsupported(
            f"PODYARD_NETBOX_MAPPING_FILE is {path}, which is no mapping: {error}",
            hint="it may hold `status:`, `own:` and `role:`; see docs/reference/netbox.md",
        ) from error
    _refuse_unknown("status", found.status, STATUS)
    _refuse_unknown("own", found.own, OWNERS)
    for kind, fields in found.own.items():
        _refuse_unknown(f"own.{kind}", fields, OWNERS[kind])
    return found


def _refuse_unknown(where: str, given: Mapping[str, object], valid: Mapping[str, object]) -> None:
    for name in given:
        if name not in valid:
            raise Unsupported(
                f"PODYARD_NETBOX_MAPPING_FILE: {where}.{name} is unknown",
                hint=f"valid ones: {', '.join(str(one) for one in valid)}",
            )


def refuse_unknown_status(mapping: FieldMapping, valid: frozenset[str]) -> None:
    """Every status that is named must be one of this server's."""
    for ours, theirs in mapping.statuses().items():
        if theirs not in valid:
            raise Unsupported(
                f"status.{ours} is {theirs!r}, which this NetBox does not know",
                hint=f"valid ones: {', '.join(sorted(valid))}; sites add some with FIELD_CHOICES",
            )
