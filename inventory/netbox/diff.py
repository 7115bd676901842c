"""From what NetBox should hold and what it holds to a plan: pure, no request, no clock.

Only fields that podyard owns are compared; what people own is read and told, never written. Nothing
is removed unless that was asked for, and then only what carries our mark.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from inventory.netbox.kinds import DELETABLE, KINDS, OWN_ID, OWNER
from inventory.netbox.mapping import FieldMapping
from inventory.netbox.matching import Devices
from inventory.netbox.plan import Intent, Orphan, Refusal, Step, SyncPlan
from inventory.netbox.rows import Row, same
from inventory.netbox.wanted import Ours, Ref, Wanted

NEWS = {"device": "cf.podyard_state", "module": "serial"}
"""Kind to the field whose change people are told of in the journal."""
INTENT_FIELDS = ("name", "site", "rack", "position", "asset_tag")
"""Of a device: what people say in NetBox about where it is and what it is called."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What NetBox holds, as far as it concerns us."""

    rows: Mapping[str, Sequence[Row]] = field(default_factory=dict)
    macs: Mapping[str, frozenset[int]] = field(default_factory=dict)
    whole: bool = True
    """False when only some hosts were looked at: then nothing can be called an orphan."""

    def of(self, kind: str) -> Sequence[Row]:
        """The rows of one kind."""
        return self.rows.get(kind, ())


@dataclass(frozen=True, slots=True)
class Link:
    """What we remember of an object from the last time."""

    netbox_id: int
    told: str = ""
    """Its state or serial number as NetBox was told."""


def plan(
    wanted: Sequence[Wanted],
    snapshot: Snapshot,
    mapping: FieldMapping,
    *,
    ours: Ours,
    links: Mapping[str, Link],
    unseen: frozenset[str] = frozenset(),
    delete: bool = False,
) -> SyncPlan:
    """Compare. `unseen`: hosts whose parts nobody has looked at: those are not gone."""
    return _Differ(snapshot, mapping, ours, links, unseen).run(wanted, delete=delete)


class _Differ:
    """One comparison: what was matched so far, and what came out."""

    def __init__(
        self,
        snapshot: Snapshot,
        mapping: FieldMapping,
        ours: Ours,
        links: Mapping[str, Link],
        unseen: frozenset[str],
    ) -> None:
        self._unseen = unseen
        self._snapshot = snapshot
        self._mapping = mapping
        self._ours = ours
        self._owner = ours.owner
        self._links = {ident: link.netbox_id for ident, link in links.items()}
        self._told = {ident: link.told for ident, link in links.items()}
        self._ids: dict[str, int] = {}
        self._taken: set[tuple[str, int]] = set()
        self._refused: dict[str, Refusal] = {}
        self._created: set[str] = set()
        self._as_it_is: set[str] = set()
        """Matched, and people's own: neither marked nor changed."""
        self._steps: list[Step] = []
        self._intents: list[Intent] = []
        self._wanted: dict[str, Wanted] = {}
        self._marked = {
            kind: {str(r.fields[OWN_ID]): r for r in rows if r.fields.get(OWN_ID)}
            for kind, rows in snapshot.rows.items()
        }
        self._natural: dict[tuple[str, tuple[str, ...]], dict[tuple[Any, ...], list[Row]]] = {}

    def run(self, wanted: Sequence[Wanted], *, delete: bool) -> SyncPlan:
        self._wanted = {one.ident: one for one in wanted}
        self._devices: Devices | None = None
        found = [(one, self._place(one)) for one in wanted]
        # Compared when everything is matched: a device names an address that comes after it.
        for one, row in found:
            step = self._change(one, row) if row is not None else None
            if step is not None:
                self._steps.append(step)
        self._steps = [self._without_refused(step) for step in self._steps]
        orphans = tuple(self._orphans())
        if delete:
            self._steps += self._removals(orphans)
        return SyncPlan(
            steps=tuple(self._steps),
            refusals=tuple(r for r in self._refused.values() if r.why),
            orphans=orphans,
            intents=tuple(self._intents),
            matched=dict(self._ids),
        )

    def _place(self, one: Wanted) -> Row | None:
        """What stands for it; where nothing does, a step that makes it, or why not."""
        if any(ref.ident in self._refused for ref in refs_in([one.key, one.fields])):
            self._refused[one.ident] = Refusal(one.ident, one.label, "")  # its device says why
            return None
        if one.only_with and one.only_with not in self._created:
            return None
        found = self._match(one)
        if isinstance(found, Refusal):
            self._refused[one.ident] = found
            return None
        if found is None:
            self._created.add(one.ident)
            self._steps.append(self._creation(one))
            return None
        self._ids[one.ident] = found.id
        self._taken.add((one.kind, found.id))
        return found

    def _without_refused(self, step: Step) -> Step:
        """A device is made even where its BMC's address may not be: that is told by itself."""
        kept = {
            name: value
            for name, value in step.new.items()
            if not (isinstance(value, Ref) and value.ident in self._refused)
        }
        return step if len(kept) == len(step.new) else replace(step, new=kept)

    def _match(self, one: Wanted) -> Row | Refusal | None:
        if one.kind == "device":
            site = one.fields["site"].ident
            return self._known_devices().find(one, site=site, ours=self._ours)
        marked = self._marked.get(one.kind, {}).get(one.own_id) if one.own_id else None
        rows = [marked] if marked is not None else self._by_nature(one)
        if len(rows) > 1:
            return Refusal(
                one.ident, one.label, f"{len(rows)} objects of kind {one.kind} look like it",
                "leave one of them in NetBox, or put its podyard_id on the right one",
            )  # fmt: skip
        for row in rows:
            theirs = row.fields.get(OWN_ID)
            if theirs != one.own_id and (one.kind, theirs) in self._ours.standing:
                return Refusal(
                    one.ident, one.label, f"{one.kind} {row.id} stands for {theirs} already",
                    "two records of podyard say the same of themselves: correct one",
                )  # fmt: skip
            if one.kind == "ip-address" and not theirs and row.fields["assigned_object"]:
                return self._borrowed(one, row)
            if theirs and (row.fields.get(OWNER) or self._owner) != self._owner:
                if one.kind not in DELETABLE:  # a place: two podyards may stand in one rack
                    self._as_it_is.add(one.ident)
                    return row
                return Refusal(
                    one.ident, one.label,
                    f"{one.kind} {row.id} is kept by {row.fields.get(OWNER)}",
                    "two podyards that share a NetBox need two names: PODYARD_NETBOX_OWNER",
                )  # fmt: skip
            return row
        return None

    def _borrowed(self, one: Wanted, row: Row) -> Row | Refusal:
        """An address that people put on a port: it serves as it is, when the port is the host's."""
        port = one.fields["assigned_object_id"].ident
        device = self._ids.get(self._wanted[port].key["device"].ident)
        held = row.raw["assigned_object"].get("device") or {}
        if device is not None and held.get("id") == device:
            self._as_it_is.add(one.ident)
            return row
        return Refusal(
            one.ident, one.label,
            f"address {row.fields['address']} is on {held.get('name') or 'something else'}",
            "correct it in NetBox, or the BMC's address with podyard host bmc",
        )  # fmt: skip

    def _known_devices(self) -> Devices:
        """Made when the first device comes: sites are matched by then."""
        if self._devices is None:
            sites = {self._ids[i]: i for i, w in self._wanted.items()
                     if w.kind == "site" and i in self._ids}  # fmt: skip
            self._devices = Devices(
                self._snapshot.of("device"), self._links, self._snapshot.macs, sites
            )
        return self._devices

    def _by_nature(self, one: Wanted) -> list[Row]:
        """What has the same key; none while something in the key is not made yet."""
        given = {**one.key, **one.fields}
        if one.kind == "cable":
            return self._between(one)
        for names in KINDS[one.kind].natural:
            values = [self._resolved(given.get(name)) for name in names]
            if any(isinstance(value, Ref) or value in (None, "") for value in values):
                continue
            rows = self._indexed(one.kind, names).get(key_of(names, values), [])
            if rows:
                return rows
        return []

    def _indexed(self, kind: str, names: tuple[str, ...]) -> Mapping[tuple[Any, ...], list[Row]]:
        index = self._natural.get((kind, names))
        if index is None:
            index = {}
            for row in self._snapshot.of(kind):
                key = key_of(names, [row.fields.get(name) for name in names])
                index.setdefault(key, []).append(row)
            self._natural[kind, names] = index
        return index

    def _between(self, one: Wanted) -> list[Row]:
        """Cables between the same two ports, whichever end is called A."""
        ends = [self._resolved(one.key[side]) for side in ("a_terminations", "b_terminations")]
        if refs_found(ends):
            return []
        wanted = [folded(end) for end in ends]
        return [
            row
            for row in self._snapshot.of("cable")
            if sorted(folded(row.fields[s]) for s in ("a_terminations", "b_terminations"))
            == sorted(wanted)
        ]

    def _creation(self, one: Wanted) -> Step:
        fields = {
            name: value
            for name, value in one.fields.items()
            if self._mapping.owner(one.kind, name) != "nobody" and value is not None
        }
        return Step("create", one.kind, one.ident, one.label, new={**one.key, **fields})

    def _change(self, one: Wanted, row: Row) -> Step | None:
        new: dict[str, Any] = {}
        if one.ident in self._as_it_is:
            return None
        for name, value in one.fields.items():
            if isinstance(value, Ref) and value.ident in self._refused:
                continue  # it is told there
            owner = self._mapping.owner(one.kind, name)
            held, resolved = row.fields.get(name), self._resolved(value)
            if owner == "podyard":
                merged = merged_with(one.kind, name, held, resolved)
                if isinstance(merged, Ref) or not same(held, merged):
                    new[name] = merged
            elif owner == "netbox" and one.kind == "device" and name in INTENT_FIELDS:
                self._note_intent(one, row, name, resolved)
        self._note_beside(one, row)
        if not new:
            return None
        journal, device = self._journal(one, row, new)
        return Step(
            "change", one.kind, one.ident, one.label, new=new,
            old={name: row.fields.get(name) for name in new}, netbox_id=row.id, etag=row.etag,
            journal=journal, journal_on=device,
        )  # fmt: skip

    def _note_intent(self, one: Wanted, row: Row, name: str, ours: Any) -> None:
        held = row.fields.get(name)
        if same(held, ours):
            return
        ref = one.fields.get(name)
        said = self._wanted[ref.ident].label if isinstance(ref, Ref) else ours
        theirs = row.label(name) or None if name in {"site", "rack"} else held
        self._intents.append(Intent(one.ident, one.label, name, said, theirs))

    def _note_beside(self, one: Wanted, row: Row) -> None:
        """A device that people give to one tenant, and that another one's claim holds.

        A device that they give to nobody is anybody's.
        """
        for name, ours in one.beside.items():
            theirs = row.label(name)
            if theirs and theirs != ours and self._mapping.owner(one.kind, name) == "netbox":
                self._intents.append(Intent(one.ident, one.label, name, ours, theirs))

    def _journal(self, one: Wanted, row: Row, new: Mapping[str, Any]) -> tuple[str, str]:
        """A word for people where a part or a state is another one than it was.

        Where ours is what NetBox was told before, somebody changed it there: putting that right is
        no news of the hardware.
        """
        if self._told.get(one.ident) == str(new.get(NEWS.get(one.kind, ""))):
            return "", ""
        old = row.fields.get("cf.podyard_state")
        if one.kind == "device" and "cf.podyard_state" in new and old:
            return f"state: {old} → {new['cf.podyard_state']}. {one.told}", one.ident
        if one.kind == "module" and "serial" in new and row.fields["serial"]:
            old = row.fields["serial"]
            said = f"{one.told}: serial {old} → {new['serial'] or 'unknown'}"
            if row.fields.get("asset_tag"):
                said += f"; asset tag {row.fields['asset_tag']} was the old part's"
            return said, one.key["device"].ident
        return "", ""

    def _orphans(self) -> Iterator[Orphan]:
        if not self._snapshot.whole:
            return
        refused = {self._wanted[ident].own_id for ident in self._refused}
        for kind in DELETABLE:
            for row in self._snapshot.of(kind):
                own = str(row.fields.get(OWN_ID) or "")
                ours = own and row.fields.get(OWNER) == self._owner
                if not ours or (kind, row.id) in self._taken or own in refused:
                    continue
                whose = own.partition("/")[0]
                if whose != own and whose in self._unseen:
                    continue
                name = str(row.fields.get("name") or row.raw.get("display") or row.id)
                if (kind, own) in self._ours.standing:
                    self._refused[f"copy/{kind}/{row.id}"] = Refusal(
                        f"copy/{kind}/{row.id}", name,
                        f"{kind} {row.id} carries the podyard_id of another one: it was copied",
                        "clear its podyard_id",
                    )  # fmt: skip
                    continue
                yield Orphan(kind, row.id, name, own)

    def _removals(self, orphans: Sequence[Orphan]) -> list[Step]:
        """Each is looked at again, by its id, before it goes."""
        return [
            Step(
                "delete", one.kind, f"orphan/{one.kind}/{one.netbox_id}", one.label,
                old={OWN_ID: one.own_id, OWNER: self._owner}, netbox_id=one.netbox_id,
            )
            for one in orphans
        ]  # fmt: skip

    def _resolved(self, value: Any) -> Any:
        return resolved(value, self._ids)


def resolved(value: Any, ids: Mapping[str, int]) -> Any:
    """References as ids, where they are known."""
    match value:
        case Ref(ident=ident):
            return ids.get(ident, value)
        case list() | tuple():
            return [resolved(one, ids) for one in value]
        case dict():
            return {key: resolved(one, ids) for key, one in value.items()}
        case _:
            return value


def refs_found(value: Any) -> bool:
    """True when a reference is still open."""
    return any(True for _ in refs_in(value))


def refs_in(value: Any) -> Iterator[Ref]:
    """Every reference in a value."""
    match value:
        case Ref():
            yield value
        case list() | tuple():
            for one in value:
                yield from refs_in(one)
        case Mapping():
            yield from refs_in(list(value.values()))
        case _:
            return


def merged_with(kind: str, name: str, held: Any, wanted: Any) -> Any:
    """Lists that others may lengthen: ours must be in them, theirs stay."""
    if kind == "custom-field" and name == "object_types":
        both = {*(held or ()), *wanted}
        return held if both == set(held or ()) else sorted(both)
    if kind == "custom-field-choice-set" and name == "extra_choices":
        known = {value for value, _ in held or ()}
        return [*(held or ()), *([v, text] for v, text in wanted if v not in known)]
    return wanted


def key_of(names: Sequence[str], values: Sequence[Any]) -> tuple[Any, ...]:
    """What is looked up: an address is the same whatever mask people gave it."""
    return tuple(
        str(value).partition("/")[0] if name == "address" else folded(value)
        for name, value in zip(names, values, strict=True)
    )


def folded(value: Any) -> Any:
    """For a key: names without their case, lists and documents as something that hashes."""
    match value:
        case str():
            return value.lower()
        case list() | tuple():
            return tuple(sorted(str(folded(one)) for one in value))
        case dict():
            return tuple(sorted((key, folded(one)) for key, one in value.items()))
        case _:
            return value
