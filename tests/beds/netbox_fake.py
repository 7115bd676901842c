"""A NetBox of our own, for what has to be quick: it copies what the real one does badly, too.

One suite (`tests/contract/netbox`) runs on both and keeps it honest. What it copies: an unknown
filter is ignored, an unknown field is ignored, a list is created whole or not at all, no token is
403, a choice reads as an object, a body above 2.5 MiB is 500, a page ends at 1,000, an address
without its last slash is 301 to read and 404 to write, a change that changes nothing still moves
the ETag, and devices bring the bays of their type along.
"""

from __future__ import annotations

import json
import re
import secrets
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

BODY_MAX_BYTES = 2_621_440
PAGE_MAX = 1000
Row = dict[str, Any]

DEVICE_STATUS = ("offline", "active", "planned", "staged", "failed", "inventory", "decommissioning")
MODULE_STATUS = tuple(one for one in DEVICE_STATUS if one != "inventory")
PLAIN_STATUS = ("planned", "staging", "active", "decommissioning", "retired")


@dataclass(frozen=True)
class Table:
    """How one kind of object behaves."""

    texts: tuple[str, ...] = ()
    """Plain fields, "" or None when not given."""
    required: tuple[str, ...] = ()
    links: Mapping[str, str] = field(default_factory=dict)
    """Foreign key to the path it points at."""
    choices: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The first is the default."""
    raw_choices: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Choices that read as their value."""
    unique: tuple[tuple[str, ...], ...] = ()
    custom: str = ""
    """The content type that custom fields name."""
    filters: tuple[str, ...] = ()
    """Fields that may be filtered by; `<link>_id` always may."""


TABLES: dict[str, Table] = {
    "extras/custom-field-choice-sets": Table(("name", "extra_choices"), ("name",),
        unique=(("name",),), filters=("name",)),
    "extras/custom-fields": Table(
        ("name", "label", "object_types", "description", "group_name"), ("name", "object_types"),
        {"choice_set": "extras/custom-field-choice-sets"},
        {"type": ("text", "select", "integer", "json"),
         "filter_logic": ("loose", "exact", "disabled"), "ui_editable": ("yes", "no", "hidden")},
        unique=(("name",),), filters=("name",)),
    "dcim/sites": Table(("name", "slug", "physical_address", "description", "comments"),
        ("name", "slug"), {"tenant": "tenancy/tenants"},
        {"status": ("active", *PLAIN_STATUS)}, unique=(("name",), ("slug",)), custom="dcim.site",
        filters=("name", "slug")),
    "tenancy/tenants": Table(("name", "slug"), ("name", "slug"), unique=(("slug",),)),
    "dcim/locations": Table(("name", "slug"), ("name", "slug", "site"),
        {"site": "dcim/sites", "parent": "dcim/locations"}, {"status": ("active", *PLAIN_STATUS)},
        unique=(("site", "slug"),), custom="dcim.location"),
    "dcim/racks": Table(("name", "u_height", "serial", "asset_tag", "description", "comments"),
        ("name", "site"),
        {"site": "dcim/sites", "location": "dcim/locations", "tenant": "tenancy/tenants"},
        {"status": ("active", "reserved", "available", "planned", "deprecated")},
        unique=(("location", "name"), ("asset_tag",)), custom="dcim.rack"),
    "dcim/manufacturers": Table(("name", "slug"), ("name", "slug"), unique=(("name",), ("slug",)),
        filters=("name", "slug")),
    "dcim/device-roles": Table(("name", "slug", "color"), ("name", "slug"), unique=(("slug",),),
        filters=("slug",)),
    "dcim/device-types": Table(("model", "slug", "u_height"), ("manufacturer", "model", "slug"),
        {"manufacturer": "dcim/manufacturers"},
        unique=(("manufacturer", "model"), ("manufacturer", "slug"))),
    "dcim/module-bay-templates": Table(("name", "position"), ("name",),
        {"device_type": "dcim/device-types"}, unique=(("device_type", "name"),)),
    "dcim/module-type-profiles": Table(("name", "schema", "description"), ("name",),
        unique=(("name",),), filters=("name",)),
    "dcim/module-types": Table(("model", "attributes", "part_number"), ("manufacturer", "model"),
        {"manufacturer": "dcim/manufacturers", "profile": "dcim/module-type-profiles"},
        unique=(("manufacturer", "model"),)),
    "dcim/devices": Table(
        ("name", "position", "serial", "asset_tag", "primary_ip", "description", "comments"),
        ("site", "role", "device_type"),
        {"site": "dcim/sites", "location": "dcim/locations", "rack": "dcim/racks",
         "device_type": "dcim/device-types", "role": "dcim/device-roles",
         "tenant": "tenancy/tenants", "oob_ip": "ipam/ip-addresses"},
        {"status": ("active", *DEVICE_STATUS), "face": ("", "front", "rear")},
        unique=(("name", "site", "tenant"), ("asset_tag",), ("rack", "position", "face")),
        custom="dcim.device", filters=("serial", "asset_tag", "name")),
    "dcim/module-bays": Table(("name", "position"), ("device", "name"), {"device": "dcim/devices"},
        unique=(("device", "name"),), custom="dcim.modulebay"),
    "dcim/modules": Table(("serial", "asset_tag", "description"),
        ("device", "module_bay", "module_type"),
        {"device": "dcim/devices", "module_bay": "dcim/module-bays",
         "module_type": "dcim/module-types"},
        {"status": ("active", *MODULE_STATUS)}, unique=(("module_bay",), ("asset_tag",)),
        custom="dcim.module"),
    "dcim/interfaces": Table(("name", "mgmt_only", "mac_address", "description"),
        ("device", "name", "type"), {"device": "dcim/devices", "cable": "dcim/cables"},
        {"type": ("other", "1000base-t", "10gbase-x-sfpp", "25gbase-x-sfp28", "100gbase-x-qsfp28",
                  "200gbase-x-qsfp56", "400gbase-x-osfp", "800gbase-x-osfp")},
        unique=(("device", "name"),), custom="dcim.interface", filters=("mac_address", "name")),
    "dcim/power-ports": Table(("name", "description"), ("device", "name"),
        {"device": "dcim/devices", "cable": "dcim/cables"}, unique=(("device", "name"),),
        custom="dcim.powerport", filters=("name",)),
    "dcim/power-outlets": Table(("name", "description"), ("device", "name"),
        {"device": "dcim/devices", "cable": "dcim/cables"}, unique=(("device", "name"),),
        custom="dcim.poweroutlet", filters=("name",)),
    "ipam/ip-addresses": Table(("address", "assigned_object_type", "assigned_object_id"),
        ("address",), custom="ipam.ipaddress", filters=("address",)),
    "dcim/power-panels": Table(("name",), ("name", "site"), {"site": "dcim/sites"},
        unique=(("site", "name"),), custom="dcim.powerpanel"),
    "dcim/power-feeds": Table(("name", "voltage", "amperage", "max_utilization"),
        ("name", "power_panel"), {"power_panel": "dcim/power-panels", "rack": "dcim/racks"},
        {"status": ("active", "offline", "planned", "failed"), "type": ("primary", "redundant"),
         "supply": ("ac", "dc"), "phase": ("single-phase", "three-phase")},
        unique=(("power_panel", "name"),), custom="dcim.powerfeed"),
    "dcim/cables": Table(("label", "length", "a_terminations", "b_terminations"), (), {},
        {"status": ("connected", "planned", "decommissioning"), "length_unit": ("", "m", "cm")},
        {"type": ("", "cat5e", "cat6", "cat6a", "cat8", "dac-passive", "aoc", "mmf", "smf",
                  "power")},
        custom="dcim.cable"),
    "extras/journal-entries": Table(("assigned_object_type", "assigned_object_id", "comments"),
        ("assigned_object_type", "assigned_object_id", "comments"), {},
        {"kind": ("info", "success", "warning", "danger")},
        filters=("assigned_object_id", "assigned_object_type")),
}  # fmt: skip

ENDS = {
    "dcim.interface": "dcim/interfaces",
    "dcim.powerport": "dcim/power-ports",
    "dcim.poweroutlet": "dcim/power-outlets",
}
"""What a cable may be in."""

BELOW: dict[str, tuple[tuple[str, str], ...]] = {
    "dcim/devices": (("dcim/modules", "device"), ("dcim/module-bays", "device"),
                     *((path, "device") for path in ENDS.values())),
    "dcim/module-bays": (("dcim/modules", "module_bay"),),
}  # fmt: skip
"""What goes when an object goes."""


class Refused(Exception):
    """An answer that is no success."""

    def __init__(self, status: int, body: Any, etag: str = "") -> None:
        super().__init__(status)
        self.status = status
        self.body = body
        self.etag = etag


VERSION = "4.7.3"
"""What it says it is, until a test makes it older."""


class FakeNetbox:
    """Tables in memory, behind a real HTTP server on loopback."""

    def __init__(self) -> None:
        self.token = "nbt_fake.secret"
        self.url = ""
        self.version = VERSION
        self.rows: dict[str, dict[int, Row]] = {}
        self.log: list[tuple[str, str]] = []
        """Every request: method and path."""
        self.changes: list[tuple[str, str, int]] = []
        """What its changelog would hold: (act, path, id)."""
        self.ignored_filters: set[str] = set()
        self.answers: list[tuple[str, str, int, str]] = []
        """(method, path, status, body) that are given once instead of the true ones."""
        self._moment = datetime(2030, 1, 1, tzinfo=UTC)
        self._next = 0
        self._lock = threading.RLock()
        self.reset()

    def reset(self) -> None:
        """As new."""
        with self._lock:
            self.version = VERSION
            self.rows = {path: {} for path in TABLES}
            self.log.clear()
            self.changes.clear()
            self.ignored_filters.clear()
            self.answers.clear()

    # Reading

    def listed(self, path: str, asked: Sequence[tuple[str, str]]) -> Row:
        """One page."""
        options = dict(asked)
        rows = sorted(self.rows[path].values(), key=lambda row: row["id"])
        rows = [row for row in rows if self._passes(path, row, asked)]
        limit = min(int(options.get("limit", 50)) or PAGE_MAX, PAGE_MAX)
        cursor = "start" in options
        if cursor:
            rows = [row for row in rows if row["id"] >= int(options["start"])]
            count, page, more = None, rows[:limit], len(rows) > limit
        else:
            offset = int(options.get("offset", 0))
            count, page = len(rows), rows[offset : offset + limit]
            more = len(rows) > offset + limit
        shown = [self.shown(path, row) for row in page]
        names = options.get("fields", "").split(",")
        if names != [""]:
            shown = [{n: row[n] for n in names if n in row} for row in shown]
        return {
            "count": count,
            "next": "more" if more else None,
            "previous": None,
            "results": shown,
        }

    def _passes(self, path: str, row: Row, asked: Sequence[tuple[str, str]]) -> bool:
        for name in {name for name, _ in asked} - {"limit", "offset", "start", "fields", "brief"}:
            values = {value.lower() for given, value in asked if given == name}
            held = self._filtered(path, row, name, values)
            if held is not None and str(held).lower() not in values:
                return False
        return True

    def _filtered(self, path: str, row: Row, name: str, values: set[str]) -> Any:
        """What a filter looks at; None when it is ignored."""
        table = TABLES[path]
        if name in self.ignored_filters:
            return None
        if name == "id":
            return row["id"]
        if path == "ipam/ip-addresses" and name in {"address", "device_id"}:
            if name == "address":
                return row["address"].partition("/")[0]
            port = self.rows["dcim/interfaces"].get(row["assigned_object_id"] or 0, {})
            return port.get("device") or ""
        if name in table.filters:
            return row[name] if row[name] is not None else ""
        link = name.removesuffix("_id")
        if name.endswith("_id") and link in table.links:
            known = self.rows[table.links[link]]
            wrong = [value for value in values if int(value) not in known]
            if wrong:
                text = f"Select a valid choice. {wrong[0]} is not one of the available choices."
                raise Refused(400, {name: [text]})
            return row[link] or ""
        found = self._custom_fields(table).get(name.removeprefix("cf_"))
        if name.startswith("cf_") and found and found["filter_logic"] != "disabled":
            if found["type"] == "json":
                return None
            return row["custom_fields"].get(found["name"]) or ""
        return None

    def shown(self, path: str, row: Row) -> Row:
        """As the API answers."""
        table = TABLES[path]
        found = dict(row)
        for name, target in table.links.items():
            found[name] = self._nested(target, row[name])
        for name in table.choices:
            value = row[name]
            found[name] = {"value": value, "label": value.title()} if value else None
        for name in table.raw_choices:
            found[name] = row[name] or ""
        fields = self._custom_fields(table)
        found["custom_fields"] = {
            name: self._custom_shown(one, row["custom_fields"].get(name))
            for name, one in fields.items()
        }
        found["display"] = str(row.get("name") or row.get("model") or f"#{row['id']}")
        if path == "dcim/interfaces":
            found["count_ipaddresses"] = sum(
                one["assigned_object_id"] == row["id"] and bool(one["assigned_object_type"])
                for one in self.rows["ipam/ip-addresses"].values()
            )
        elif path == "dcim/devices":
            found |= self._counts(row["id"])
        elif path == "ipam/ip-addresses":
            port = self.rows["dcim/interfaces"].get(row["assigned_object_id"] or 0)
            found["assigned_object"] = (
                {"id": port["id"], "device": self._nested("dcim/devices", port["device"])}
                if port
                else None
            )
        return found

    def _counts(self, device: int) -> Row:
        counted = {
            "interface_count": "dcim/interfaces", "module_bay_count": "dcim/module-bays",
            "power_port_count": "dcim/power-ports", "power_outlet_count": "dcim/power-outlets",
        }  # fmt: skip
        found = {
            name: sum(row["device"] == device for row in self.rows[path].values())
            for name, path in counted.items()
        }
        return {**found, "console_port_count": 0, "inventory_item_count": 0}

    def _nested(self, path: str, key: int | None) -> Row | None:
        row = self.rows.get(path, {}).get(key or 0)
        if row is None:
            return None
        names = ("id", "name", "slug", "model", "address")
        shown = {name: row[name] for name in names if name in row}
        for name in ("manufacturer", "device"):
            if name in TABLES[path].links:
                shown[name] = self._nested(TABLES[path].links[name], row[name])
        return {**shown, "display": str(row.get("name") or row.get("model") or row["id"])}

    def _custom_fields(self, table: Table) -> dict[str, Row]:
        return {
            row["name"]: row
            for row in self.rows["extras/custom-fields"].values()
            if table.custom and table.custom in row["object_types"]
        }

    @staticmethod
    def _custom_shown(one: Row, value: Any) -> Any:
        if one["type"] == "select" and value is not None:
            return {"value": value, "label": value}
        return value

    # Writing

    def created(self, path: str, bodies: Sequence[Row]) -> list[Row]:
        """All or none."""
        before = {name: dict(rows) for name, rows in self.rows.items()}
        errors, made = [], []
        for index, body in enumerate(bodies):
            try:
                made.append(self._create(path, body))
            except Refused as refused:
                errors.append({"index": index, "errors": refused.body})
        if errors:
            self.rows = before
            text = f"{len(errors)} of {len(bodies)} objects could not be created."
            raise Refused(400, {"detail": text, "errors": errors})
        self.changes += [("create", path, row["id"]) for row in made]
        return [self.shown(path, row) for row in made]

    def _create(self, path: str, body: Row) -> Row:
        table = TABLES[path]
        missing = [name for name in table.required if body.get(name) in (None, "", [])]
        if missing:
            raise Refused(400, {name: ["This field is required."] for name in missing})
        self._next += 1
        lists = {"object_types", "extra_choices", "a_terminations", "b_terminations"}
        row: Row = {"id": self._next, "custom_fields": {}}
        row |= {name: [] if name in lists else None for name in table.texts}
        row |= dict.fromkeys(table.links)
        row |= {name: values[0] for name, values in {**table.choices, **table.raw_choices}.items()}
        empty = {"serial", "description", "comments", "label", "part_number", "position"}
        row |= dict.fromkeys(empty & set(table.texts), "")
        if path == "dcim/devices":
            row["position"] = None
        if path == "dcim/interfaces":
            row["mgmt_only"] = False
        self._set(path, row, body)
        self.rows[path][row["id"]] = row
        self._follow(path, row)
        return row

    def _set(self, path: str, row: Row, body: Row) -> None:
        """Validate and take over; what is not known is ignored."""
        table = TABLES[path]
        for name, value in body.items():
            if name in table.links:
                found = self._linked(table.links[name], value)
                row[name] = found
            elif name in table.choices or name in table.raw_choices:
                valid = {**table.choices, **table.raw_choices}[name]
                if value is not None and value not in valid:
                    raise Refused(400, {name: [f"{value} is not a valid choice."]})
                row[name] = value or ("" if "" in valid else valid[0])
            elif name in table.texts:
                row[name] = float(value) if name == "u_height" and value is not None else value
        for name, value in body.get("custom_fields", {}).items():
            found = self._custom_fields(table).get(name)
            if found is None:
                raise Refused(400, {"custom_fields": {name: ["Custom field not found."]}})
            row["custom_fields"] = {**row["custom_fields"], name: value}
        self._refuse_taken(path, row)
        self._moment += timedelta(microseconds=1001)
        row["last_updated"] = self._moment.isoformat().replace("+00:00", "Z")

    def _linked(self, path: str, value: Any) -> int | None:
        if value is None:
            return None
        if isinstance(value, dict):
            for row in self.rows[path].values():
                if all(row.get(name) == one for name, one in value.items()):
                    return int(row["id"])
        elif value in self.rows[path]:
            return int(value)
        raise Refused(400, {"non_field_errors": [f"Related object not found: {value}"]})

    def _refuse_taken(self, path: str, row: Row) -> None:
        table = TABLES[path]
        for names in table.unique:
            mine = [_folded(row.get(name)) for name in names]
            weak = names in {("asset_tag",), ("rack", "position", "face"), ("location", "name")}
            if weak and any(value in {None, ""} for value in mine):
                continue  # the database compares nothing with NULL
            for other in self.rows[path].values():
                if other["id"] != row["id"] and [_folded(other.get(n)) for n in names] == mine:
                    text = f"{', '.join(names)} must be unique."
                    raise Refused(400, {"__all__": [text]})
        if path == "ipam/ip-addresses":
            host = row["address"].partition("/")[0]
            others = [one for one in self.rows[path].values() if one["id"] != row["id"]]
            if any(one["address"].partition("/")[0] == host for one in others):
                raise Refused(400, {"address": ["Duplicate IP address found in global table"]})
        if path == "dcim/cables":
            self._refuse_cable(row)

    def _refuse_cable(self, row: Row) -> None:
        """A port takes one cable, and power goes from an outlet to what draws it."""
        ends = [*row["a_terminations"], *row["b_terminations"]]
        taken = [
            (end["object_type"], end["object_id"])
            for other in self.rows["dcim/cables"].values()
            if other["id"] != row["id"]
            for end in (*other["a_terminations"], *other["b_terminations"])
        ]
        if any((end["object_type"], end["object_id"]) in taken for end in ends):
            raise Refused(400, {"__all__": ["Duplicate termination found"]})
        joined = {end["object_type"] for end in ends}
        if joined not in ({"dcim.interface"}, {"dcim.powerport", "dcim.poweroutlet"}):
            raise Refused(400, {"__all__": [f"Incompatible termination types: {joined}"]})

    def _follow(self, path: str, row: Row) -> None:
        if path == "dcim/devices":
            for bay in list(self.rows["dcim/module-bay-templates"].values()):
                if bay["device_type"] == row["device_type"]:
                    self._create(
                        "dcim/module-bays",
                        {"device": row["id"], "name": bay["name"], "position": bay["position"]},
                    )
        if path == "dcim/cables":
            for end in (*row["a_terminations"], *row["b_terminations"]):
                ports = self.rows[ENDS[end["object_type"]]]
                ports[end["object_id"]] = {**ports[end["object_id"]], "cable": row["id"]}

    def changed(self, path: str, key: int, body: Row, if_match: str) -> Row:
        """Some fields of one object."""
        row = self._checked(path, key, if_match)
        changed = dict(row)
        self._set(path, changed, body)
        self.rows[path][key] = changed
        moving = {"last_updated"}
        if {k: v for k, v in changed.items() if k not in moving} != {
            k: v for k, v in row.items() if k not in moving
        }:
            self.changes.append(("update", path, key))
        return self.shown(path, changed)

    def changed_many(self, path: str, bodies: Sequence[Row]) -> list[Row]:
        """All or none."""
        before = dict(self.rows[path])
        errors, shown = [], []
        for index, body in enumerate(bodies):
            try:
                shown.append(self.changed(path, body["id"], body, ""))
            except Refused as refused:
                errors.append({"index": index, "errors": refused.body})
        if errors:
            self.rows[path] = before
            raise Refused(400, {"detail": "could not be updated.", "errors": errors})
        return shown

    def removed(self, path: str, key: int, if_match: str) -> None:
        """One object, and what hangs on it."""
        self._checked(path, key, if_match)
        del self.rows[path][key]
        self.changes.append(("delete", path, key))
        for below, name in BELOW.get(path, ()):
            for row in list(self.rows[below].values()):
                if row[name] == key and row["id"] in self.rows[below]:
                    self.removed(below, row["id"], "")
        if path == "dcim/cables":
            for port in [port for ends in ENDS.values() for port in self.rows[ends].values()]:
                if port["cable"] == key:
                    port["cable"] = None

    def one(self, path: str, key: int) -> Row:
        """One object, or 404."""
        row = self.rows[path].get(key)
        if row is None:
            raise Refused(404, {"detail": "No object matches the given query."})
        return row

    def _checked(self, path: str, key: int, if_match: str) -> Row:
        row = self.one(path, key)
        if if_match and if_match != etag_of(row):
            raise Refused(412, {"detail": "Precondition failed."}, etag_of(row))
        return row

    # The door

    def answer(self, request: _Door) -> tuple[int, Any, str]:
        """(status, body, ETag) of one request."""
        with self._lock:
            parts = urlsplit(request.path)
            self.log.append((request.command, parts.path))
            for place, (method, path, status, text) in enumerate(self.answers):
                if method == request.command and parts.path.endswith(path):
                    del self.answers[place]
                    request.body()
                    return status, text, ""
            try:
                return self._answer(request, parts.path, parse_qsl(parts.query))
            except Refused as refused:
                return refused.status, refused.body, refused.etag

    def _answer(
        self, request: _Door, path: str, asked: list[tuple[str, str]]
    ) -> tuple[int, Any, str]:
        body = request.body()
        if not path.endswith("/"):
            moved = request.command == "GET"
            return (301, "", "") if moved else (404, "<html>not found</html>", "")
        given = request.headers.get("Authorization", "")
        if given != f"Bearer {self.token}":
            text = "Authentication credentials were not provided." if not given else "Invalid token"
            raise Refused(403, {"detail": text})
        if len(body) > BODY_MAX_BYTES:
            return 500, {"error": "Request body exceeded", "exception": "RequestDataTooBig"}, ""
        if path == "/api/status/":
            return 200, {"netbox-version": self.version}, ""
        found = re.fullmatch(r"/api/([a-z]+/[a-z-]+)/(?:(\d+)/)?", path)
        if found is None or found[1] not in TABLES:
            return 404, "<html>not found</html>", ""
        return self._object(request, found[1], int(found[2] or 0), asked, body)

    def _object(
        self, request: _Door, path: str, key: int, asked: list[tuple[str, str]], body: bytes
    ) -> tuple[int, Any, str]:
        match = request.headers.get("If-Match", "")
        document = json.loads(body) if body else None
        match request.command, bool(key):
            case "OPTIONS", _:
                shapes = {
                    name: {"choices": [{"value": v, "display": v} for v in dict.fromkeys(values)]}
                    for name, values in TABLES[path].choices.items()
                }
                return 200, {"actions": {"POST": shapes}}, ""
            case "GET", False:
                return 200, self.listed(path, asked), ""
            case "GET", True:
                row = self.one(path, key)
                return 200, self.shown(path, row), etag_of(row)
            case "POST", False:
                bodies = document if isinstance(document, list) else [document]
                made = self.created(path, bodies)
                return 201, made if isinstance(document, list) else made[0], ""
            case "PATCH", False:
                return 200, self.changed_many(path, document), ""
            case "PATCH", True:
                shown = self.changed(path, key, document or {}, match)
                return 200, shown, etag_of(self.rows[path][key])
            case "DELETE", True:
                self.removed(path, key, match)
                return 204, None, ""
            case _:
                return 405, {"detail": "Method not allowed."}, ""


class _Door(BaseHTTPRequestHandler):
    """HTTP, and nothing else."""

    protocol_version = "HTTP/1.1"
    netbox: FakeNetbox

    def body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def _do(self) -> None:
        status, found, etag = self.netbox.answer(self)
        text = found if isinstance(found, str) else json.dumps(found)
        sent = b"" if found is None else text.encode()
        self.send_response(status)
        kind = "text/html" if isinstance(found, str) else "application/json"
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(sent)))
        if etag:
            self.send_header("ETag", etag)
        if status == 301:
            self.send_header("Location", f"{self.path}/")
        self.end_headers()
        self.wfile.write(sent)

    do_GET = do_POST = do_PATCH = do_DELETE = do_OPTIONS = _do  # noqa: N815 - the library's names

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
        """Nothing: the requests are in `log`."""


def etag_of(row: Row) -> str:
    moment = row["last_updated"].replace("Z", "+00:00")
    return f'W/"{moment}"'


def _folded(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


@contextmanager
def fake_netbox() -> Iterator[FakeNetbox]:
    """One that answers, on a port of its own."""
    netbox = FakeNetbox()
    netbox.token = f"nbt_{secrets.token_hex(6)}.{secrets.token_hex(20)}"
    door = type("Door", (_Door,), {"netbox": netbox})
    server = ThreadingHTTPServer(("127.0.0.1", 0), door)
    server.daemon_threads = True
    netbox.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield netbox
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
