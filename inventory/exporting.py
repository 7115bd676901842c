"""What other programs read of the inventory, in their own forms: spreadsheets, NetBox, Prometheus.

Pure: values in, lines out, so that a list of any length is written as it is read and never held
whole. Text from a BMC or a person goes into these forms, so that each is escaped as the form asks:
a spreadsheet must not compute a serial number.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import yaml

from pods import catalogue
from pods.hosttype import HostDocument, NicGroup

HOST_COLUMNS = (
    "name",
    "site",
    "pod",
    "rack",
    "position",
    "slot",
    "feed",
    "host_type",
    "state",
    "target",
    "power",
    "health",
    "problem",
    "serial",
    "asset_tag",
    "manufacturer",
    "model",
    "gpu_model",
    "gpu_count",
    "gpu_memory_gib",
    "memory_gib",
    "link_domain",
    "certificate_id",
    "simulated",
    "tags",
)
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for the start of a formula."""

Host = Mapping[str, Any]


def csv_head(columns: Iterable[str] = HOST_COLUMNS) -> bytes:
    """The line of names."""
    return _csv_line(list(columns))


def csv_hosts(hosts: Iterable[Host]) -> bytes:
    """A line for each host."""
    lines = ([safe_cell(_cell(host, name)) for name in HOST_COLUMNS] for host in hosts)
    return b"".join(_csv_line(cells) for cells in lines)


def safe_cell(value: Any) -> str:
    """A value that no spreadsheet computes: an apostrophe stands before what looks like it."""
    text = "" if value is None else str(value)
    plain_number = isinstance(value, int | float) and not isinstance(value, bool)
    return f"'{text}" if text.startswith(FORMULA) and not plain_number else text


def _cell(host: Host, name: str) -> Any:
    observed = host["observed"]
    match name:
        case "manufacturer" | "model" | "memory_gib":
            return observed[name]
        case "gpu_model" | "gpu_count" | "gpu_memory_gib":
            return observed["gpu"][name.removeprefix("gpu_")]
        case "problem":
            return host["problem"]["kind"] if host["problem"] else ""
        case "tags":
            return " ".join(host["tags"])
        case "simulated":
            return "true" if host["simulated"] else "false"
        case _:
            return host[name]


def _csv_line(cells: list[str]) -> bytes:
    line = io.StringIO()
    csv.writer(line, lineterminator="\r\n").writerow(cells)
    return line.getvalue().encode()


def prometheus_groups(hosts: Iterable[Host]) -> Iterator[dict[str, Any]]:
    """A target for each host's BMC, as Prometheus's `http_sd` takes it.

    Labels say where a host is and what it is, never its state: a label that changes makes a new
    series of every metric.
    """
    for host in hosts:
        yield {
            "targets": [_host_port(host["bmc_address"])],
            "labels": {
                "__meta_podyard_host": host["name"],
                "__meta_podyard_id": host["id"],
                "__meta_podyard_site": host["site"],
                "__meta_podyard_pod": host["pod"],
                "__meta_podyard_rack": host["rack"],
                "__meta_podyard_slot": host["slot"],
                "__meta_podyard_feed": host["feed"],
                "__meta_podyard_host_type": host["host_type"],
                "__meta_podyard_state": host["state"],
                "__meta_podyard_gpu_model": host["observed"]["gpu"]["model"],
                "__meta_podyard_gpu_count": str(host["observed"]["gpu"]["count"]),
                "__meta_podyard_simulated": "true" if host["simulated"] else "false",
                "__meta_podyard_tags": "," + "".join(f"{tag}," for tag in host["tags"]),
            },
        }


def ansible_host(host: Host) -> tuple[str, dict[str, Any], tuple[str, ...]]:
    """A host's name, its variables and its groups, as an inventory of Ansible has them."""
    observed = host["observed"]
    variables = {
        "podyard_id": host["id"],
        "podyard_site": host["site"],
        "podyard_pod": host["pod"],
        "podyard_rack": host["rack"],
        "podyard_slot": host["slot"],
        "podyard_state": host["state"],
        "podyard_serial": host["serial"],
        "podyard_gpu_model": observed["gpu"]["model"],
        "podyard_gpu_count": observed["gpu"]["count"],
        "podyard_bmc_address": host["bmc_address"],
    }
    groups = (
        f"site_{host['site']}",
        f"pod_{host['pod']}",
        f"rack_{host['rack']}",
        f"host_type_{host['host_type']}",
        f"state_{host['state']}",
        *(f"tag_{tag}" for tag in host["tags"]),
    )
    # `!unsafe` in JSON: Ansible evaluates no template in what a BMC told.
    unsafe = {n: {"__ansible_unsafe": v} if isinstance(v, str) else v for n, v in variables.items()}
    return host["name"], unsafe, tuple(re.sub(r"[^A-Za-z0-9_]", "_", group) for group in groups)


def device_types() -> Iterator[str]:
    """The catalogue's host types as NetBox's library of device types writes them, one by one."""
    for identity in catalogue.identities("host"):
        found = catalogue.load_host(identity.partition("@")[0])
        yield "---\n" + yaml.safe_dump(device_type(found), sort_keys=False, allow_unicode=True)


def device_type(found: HostDocument) -> dict[str, Any]:
    """One host type: ports, supplies, and a bay for each part that is replaced by itself."""
    made: dict[str, Any] = {
        "manufacturer": found.manufacturer,
        "model": found.model,
        "slug": re.sub(r"[^a-z0-9-]+", "-", f"{found.manufacturer} {found.name}".lower()),
        "part_number": found.name,
        "u_height": found.height_units,
        "is_full_depth": True,
        "airflow": "front-to-rear",
    }
    if found.cooling is not None and found.cooling.kind == "liquid":
        del made["airflow"]
    if found.weight_kg is not None:
        made |= {"weight": found.weight_kg, "weight_unit": "kg"}
    said = found.description or found.model
    made["comments"] = f"{said} From podyard's {found.name}@{found.version}."
    made["interfaces"] = [
        {"name": "bmc", "type": "1000base-t", "mgmt_only": True},
        *(port for group in found.nics.groups for port in _ports(group)),
    ]
    if found.psus is not None:
        each = found.power.nameplate_watts // found.psus.carrying
        made["power-ports"] = [
            {
                "name": f"psu{n}",
                "type": "iec-60320-c20",
                "maximum_draw": min(found.psus.capacity_watts, 32767),
                "allocated_draw": min(each, 32767),
            }
            for n in range(found.psus.count)
        ]
    made["module-bays"] = list(_bays(found))
    return made


_PORT_TYPES = {
    1: "1000base-t",
    10: "10gbase-x-sfpp",
    25: "25gbase-x-sfp28",
    50: "50gbase-x-sfp56",
    100: "100gbase-x-qsfp28",
    200: "200gbase-x-qsfp56",
    400: "400gbase-x-osfp",
    800: "800gbase-x-osfp",
}


def _ports(group: NicGroup) -> Iterator[dict[str, Any]]:
    prefix = {"compute": "rail", "north-south": "ns", "storage": "st", "management": "mgmt"}
    kind = _PORT_TYPES.get(group.speed_gbps, "other")
    for number in range(group.count):
        yield {"name": f"{prefix[group.role]}{number + 1}", "type": kind}


def _bays(found: HostDocument) -> Iterator[dict[str, str]]:
    counts = {
        "gpu": found.accelerators.count if found.accelerators else 0,
        "cpu": found.processors.count,
        "dimm": found.memory.modules,
        "drive": found.drives.count,
        "psu": found.psus.count if found.psus else 0,
    }
    for kind, count in counts.items():
        for number in range(count):
            yield {"name": f"{kind}/{number}", "position": f"{kind}/{number}"}


def _host_port(address: str) -> str:
    return address.partition("://")[2].partition("/")[0]
