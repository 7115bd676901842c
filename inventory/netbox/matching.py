"""Which device of NetBox is which of ours: sure signs first, and no guess where two could be meant.

Our own id counts most, then the id that NetBox gave when we last met, the asset tag, the serial
number (NetBox holds it neither unique nor case-sensitive), a MAC address, and at last the name in
its site. What carries another record's mark, or another serial number, is never taken over.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from inventory.netbox.kinds import OWN_ID, OWNER
from inventory.netbox.plan import Refusal
from inventory.netbox.rows import Row
from inventory.netbox.wanted import Ours, Wanted


class Devices:
    """The devices that were read, by everything that they may be known by."""

    def __init__(
        self,
        rows: Iterable[Row],
        links: Mapping[str, int],
        macs: Mapping[str, frozenset[int]],
        sites: Mapping[int, str] | None = None,
    ) -> None:
        """Index them.

        `links`: our name to the id it had; `macs`: to the devices that carry one of its MAC
        addresses; `sites`: NetBox's id of a site to our name for it.
        """
        self._links = links
        self._macs = macs
        self._by: dict[tuple[str, object], list[Row]] = {}
        for row in rows:
            site = (sites or {}).get(row.fields.get("site") or 0, "")
            signs = {
                OWN_ID: row.fields.get(OWN_ID),
                "id": row.id,
                "asset_tag": _text(row, "asset_tag"),
                "serial": _text(row, "serial"),
                "name": site and (site, _text(row, "name")),
            }
            for sign in signs.items():
                if sign[1]:
                    self._by.setdefault(sign, []).append(row)

    def find(self, wanted: Wanted, *, site: str, ours: Ours) -> Row | Refusal | None:
        """The device, or why none may be taken, or None when there is none."""
        for sign, rows in self._candidates(wanted, site):
            found = {row.id: row for row in rows}
            if not found:
                continue
            if len(found) > 1:
                listed = ", ".join(f"{row.fields['name']} ({row.id})" for row in found.values())
                return Refusal(
                    wanted.ident,
                    wanted.label,
                    f"{len(found)} devices have its {sign}: {listed}",
                    "correct the wrong ones in NetBox, or remove the copy",
                )
            (row,) = found.values()
            return _refuse_strangers(wanted, row, sign, ours) or row
        return None

    def _candidates(self, wanted: Wanted, site: str) -> Iterator[tuple[str, list[Row]]]:
        def known(sign: str, value: object) -> list[Row]:
            return self._by.get((sign, value), [])

        given = {name: str(value or "").lower() for name, value in wanted.fields.items()}
        yield "podyard id", known(OWN_ID, wanted.own_id)
        yield "NetBox id", known("id", self._links.get(wanted.ident))
        yield "asset tag", known("asset_tag", given.get("asset_tag"))
        yield "serial number", known("serial", given.get("serial"))
        macs = self._macs.get(wanted.ident, frozenset())
        yield "MAC address", [row for one in sorted(macs) for row in known("id", one)]
        yield "name", known("name", (site, given.get("name")))


def _text(row: Row, name: str) -> str:
    return str(row.fields.get(name) or "").lower()


def _refuse_strangers(wanted: Wanted, row: Row, sign: str, ours: Ours) -> Refusal | None:
    mark, keeper = str(row.fields.get(OWN_ID) or ""), str(row.fields.get(OWNER) or "")
    if mark and keeper not in {"", ours.owner}:
        return Refusal(
            wanted.ident,
            wanted.label,
            f"device {row.fields['name']} ({row.id}) is kept by {keeper}",
            "two podyards that share a NetBox need two names: PODYARD_NETBOX_OWNER",
        )
    # A mark of a record that is gone is no obstacle: a host that was forgotten and enrolled again.
    if mark != wanted.own_id and ours.is_anothers("device", mark, keeper):
        return Refusal(
            wanted.ident,
            wanted.label,
            f"device {row.fields['name']} ({row.id}) has its {sign} and stands for another record",
            "one of the two records, or the device's podyard_id, is wrong",
        )
    serial, held = str(wanted.fields.get("serial") or "").lower(), _text(row, "serial")
    if sign in {"name", "MAC address"} and held and serial and held != serial:
        return Refusal(
            wanted.ident, wanted.label,
            f"device {row.fields['name']} ({row.id}) has its {sign} and another serial number: "
            f"{row.fields['serial']}",
            "if it is the same server, correct the serial number in NetBox; if not, the name",
        )  # fmt: skip
    return None
