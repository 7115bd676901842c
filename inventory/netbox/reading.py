"""Reading from NetBox what a comparison needs, and no more: our fleet, not the whole register.

Devices are read by our sites, then those of ours that people moved elsewhere, by what they are
known by; parts are read by device. So the cost follows our hosts, however large the register is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from inventory.netbox.client import NetBoxClient
from inventory.netbox.diff import Snapshot
from inventory.netbox.kinds import OWN_ID, OWNER, PORTS
from inventory.netbox.matching import Devices
from inventory.netbox.plan import Refusal
from inventory.netbox.rows import Row
from inventory.netbox.wanted import Ours, Ref, Wanted

LOOKED_UP = ("asset_tag", "serial")


def read_snapshot(
    client: NetBoxClient,
    wanted: Sequence[Wanted],
    *,
    ours: Ours,
    links: Mapping[str, int],
    whole: bool = True,
) -> Snapshot:
    """Everything that `plan` compares `wanted` with."""
    return _Reader(client, wanted, ours, links, whole).read()


class _Reader:
    def __init__(
        self,
        client: NetBoxClient,
        wanted: Sequence[Wanted],
        ours: Ours,
        links: Mapping[str, int],
        whole: bool,  # noqa: FBT001 - handed on by the one function above
    ) -> None:
        self._client = client
        self._wanted = wanted
        self._ours = ours
        self._links = links
        self._whole = whole
        self._rows: dict[str, list[Row]] = {}
        self._macs: dict[str, frozenset[int]] = {}

    def read(self) -> Snapshot:
        """In the order in which one answer asks the next question."""
        for kind in ("custom-field-choice-set", "custom-field", "module-type-profile"):
            self._read(kind, name=self._values(kind, "name"))
        for kind in ("site", "manufacturer", "device-role"):
            self._read(kind, slug=self._values(kind, "slug"))
        sites = self._ids("site")
        for kind in ("location", "rack", "power-panel"):
            self._read(kind, site_id=sites)
        self._read("power-feed", power_panel_id=self._ids("power-panel"))
        for kind in ("device-type", "module-type"):
            self._read(kind, manufacturer_id=self._ids("manufacturer"))
        self._read_devices(sites)
        ours = self._our_devices()
        for kind in ("module-bay", "module", *PORTS):
            self._read(kind, device_id=ours)
        self._read("ip-address", address=sorted(self._addresses()))
        self._read("ip-address", device_id=ours)
        ends = (row.fields["cable"] for kind in PORTS for row in self._rows[kind])
        cables = {cable for cable in ends if cable}
        self._read("cable", id=sorted(cables))
        return Snapshot(rows=self._rows, macs=self._macs, whole=self._whole)

    def _read(self, kind: str, **filters: Sequence[str | int]) -> None:
        found = {row.id: row for row in self._rows.get(kind, ())}
        found |= {row.id: row for row in self._client.every(kind, **filters)}
        self._rows[kind] = list(found.values())

    def _read_devices(self, sites: Sequence[int]) -> None:
        devices = [one for one in self._wanted if one.kind == "device"]
        self._read("device", site_id=sites if self._whole else [])
        known = [self._links[one.ident] for one in devices if one.ident in self._links]
        self._read("device", id=sorted({*known} - set(self._ids("device"))))
        if self._marks_filter():
            missing = self._missing(devices)
            self._read("device", cf_podyard_id=[one.own_id for one in missing])
        for name in LOOKED_UP:
            values = [str(one.fields.get(name) or "") for one in self._missing(devices)]
            self._read("device", **{name: [value for value in values if value]})
        self._find_by_mac(self._missing(devices))

    def _marks_filter(self) -> bool:
        """A filter by a custom field that is not there yet, or that is switched off, is ignored."""
        return any(
            row.fields["name"] == "podyard_id"
            and row.fields["filter_logic"] == "exact"
            and "dcim.device" in row.fields["object_types"]
            for row in self._rows["custom-field"]
        )

    def _missing(self, devices: Iterable[Wanted]) -> list[Wanted]:
        """Those that nothing read so far stands for."""
        found = self._devices()
        return [one for one in devices if found.find(one, site="", ours=self._ours) is None]

    def _devices(self) -> Devices:
        return Devices(self._rows["device"], self._links, self._macs)

    def _find_by_mac(self, missing: Sequence[Wanted]) -> None:
        names = {one.ident for one in missing}
        carried: dict[str, str] = {
            str(one.fields["mac_address"]): one.key["device"].ident
            for one in self._wanted
            if one.kind == "interface"
            and one.fields.get("mac_address")
            and one.key["device"].ident in names
        }
        rows = self._client.every("interface", mac_address=sorted(carried))
        by_name: dict[str, set[int]] = {}
        for row in rows:
            name = carried.get(str(row.fields["mac_address"]).upper())
            if name:
                by_name.setdefault(name, set()).add(row.fields["device"])
        self._macs = {name: frozenset(found) for name, found in by_name.items()}
        self._read("device", id=sorted({one for found in by_name.values() for one in found}))

    def _our_devices(self) -> list[int]:
        """Devices whose parts matter: what stands for a host, and what carries our mark."""
        matched: set[int] = set()
        sites = {
            row.id: one.ident
            for one in self._wanted
            if one.kind == "site"
            for row in self._rows["site"]
            if row.fields["slug"] == one.key["slug"]
        }
        devices = Devices(self._rows["device"], self._links, self._macs, sites)
        for one in self._wanted:
            if one.kind == "device":
                site = one.fields["site"]
                named = site.ident if isinstance(site, Ref) else ""
                found = devices.find(one, site=named, ours=self._ours)
                if found is not None and not isinstance(found, Refusal):
                    matched.add(found.id)
        if self._whole:
            matched |= {
                row.id
                for row in self._rows["device"]
                if row.fields.get(OWN_ID) and row.fields.get(OWNER) == self._ours.owner
            }
        return sorted(matched)

    def _addresses(self) -> set[str]:
        return {
            str(one.key["address"]).partition("/")[0]
            for one in self._wanted
            if one.kind == "ip-address"
        }

    def _values(self, kind: str, name: str) -> list[str]:
        return sorted({str(one.key[name]) for one in self._wanted if one.kind == kind})

    def _ids(self, kind: str) -> list[int]:
        return sorted(row.id for row in self._rows[kind])
