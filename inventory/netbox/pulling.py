"""What people say in NetBox, taken into our records: intent, never what hardware is or does.

A rack unit and an asset tag are taken over as they are. A name, a site or a rack is noted as wanted
and told as drift: a host that is running moves by hands, not by an edit. A tenant is told as drift
where another tenant's claim holds the host: a claim ends by its holder, not by an edit. What people
say of a host is shown with it (`/api/hosts/NAME?include=netbox`), its addresses among the rest.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from inventory.model import Host
from inventory.netbox.applying import Applied
from inventory.netbox.diff import NEWS
from inventory.netbox.kinds import KINDS
from inventory.netbox.mapping import FieldMapping
from inventory.netbox.plan import SyncPlan
from inventory.netbox.rows import Row
from inventory.netbox.wanted import Wanted
from inventory.netbox_links import NetBoxLink

TAKEN = ("position", "asset_tag")
NOTED = ("name", "site", "rack", "position", "asset_tag", "tenant", "primary_ip")
LINKED = frozenset(NEWS)


@dataclass(frozen=True, slots=True)
class Pull:
    """One field of a host, as NetBox has it."""

    host_id: str
    host: str
    field: str
    old: str | float | None
    new: str | float | None


def pulls(plan: SyncPlan, hosts: Sequence[Host], mapping: FieldMapping) -> Iterator[Pull]:
    """What our records take over. An asset tag that NetBox does not have takes nothing away."""
    known = {f"host/{host.id}": host for host in hosts}
    for one in plan.intents:
        host = known.get(one.ident)
        if host is None or one.field not in TAKEN or mapping.owner("device", one.field) != "netbox":
            continue
        if one.theirs is not None:
            new = float(one.theirs) if one.field == "position" else str(one.theirs)
            yield Pull(host.id, host.name, one.field, one.ours, new)


def intent_of(row: Row) -> dict[str, str | float | None]:
    """A device as people describe it."""
    found: dict[str, str | float | None] = {}
    for name in NOTED:
        value = row.fields.get(name)
        if isinstance(row.raw.get(name), dict):
            found[name] = row.label(name) or None
        else:
            found[name] = float(value) if name == "position" and value is not None else value
    return found


def links_after(
    wanted: Sequence[Wanted],
    devices: Sequence[Row],
    known: Mapping[str, NetBoxLink],
    ids: Mapping[str, int],
    applied: Applied | None,
    *,
    now: datetime,
) -> tuple[list[NetBoxLink], list[NetBoxLink]]:
    """(new, changed) links: where each object is, what it was told, what people want of it."""
    failed = {one.ident for one in applied.failed} if applied else set()
    rows = {row.id: row for row in devices}
    new: list[NetBoxLink] = []
    changed: list[NetBoxLink] = []
    for one in wanted:
        key = ids.get(one.ident)
        if one.kind not in LINKED or key is None:
            continue
        old = known.get(one.ident)
        row = rows.get(key)
        intent = intent_of(row) if row is not None else (old.intent if old else {})
        written = applied is not None and one.ident not in failed
        told = str(one.fields.get(NEWS[one.kind]) or "") if written else (old.told if old else "")
        if old is None:
            kind, _, rest = one.ident.partition("/")
            new.append(
                NetBoxLink(
                    id=one.ident, kind=kind, key=rest, netbox_type=KINDS[one.kind].content_type,
                    netbox_id=key, told=told, intent=intent, written_at=now if written else None,
                )
            )  # fmt: skip
        elif (old.netbox_id, old.told, old.intent) != (key, told, intent):
            update = {"netbox_id": key, "told": told, "intent": intent}
            changed.append(old.model_copy(update={**update, "written_at": now}))
    return new, changed
