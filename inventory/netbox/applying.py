"""Doing what a plan says: one writer, small batches, and every effect read back.

Made in an order in which everything that is referred to exists already; what can only refer to
something later (a device to the address of its BMC) is filled in afterwards. A row that NetBox
refuses is left out with the reason and its batch is sent again without it. Before anything is
removed it is read once more by its id, and goes only when it still carries our mark and nothing of
anybody else's hangs on it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any

from inventory.netbox.client import NetBoxClient, batches
from inventory.netbox.diff import folded, merged_with, refs_found, resolved
from inventory.netbox.errors import Contended, Rejected
from inventory.netbox.kinds import DELETABLE, KINDS, OWN_ID, OWNER, PORTS
from inventory.netbox.plan import Refusal, Step, SyncPlan
from inventory.netbox.rows import Row, body_of, same
from inventory.netbox.wanted import Ref

FIRST = ("custom-field-choice-set", "custom-field")
"""Everything else carries their fields."""
MADE_WITH_DEVICE = "module-bay"
"""A device brings the bays of its type along."""
REFERRED_TO_BEFORE = frozenset({"ip-address"})
"""A device names its BMC's address, which can only be given to an interface of the device."""
CONTENDED_TRIES = 2  # a row that moves under us twice is left to the next round


@dataclass(slots=True)
class Applied:
    """What came of a plan."""

    created: int = 0
    changed: int = 0
    deleted: int = 0
    journaled: int = 0
    failed: list[Refusal] = field(default_factory=list)
    ids: dict[str, int] = field(default_factory=dict)
    """Our name to NetBox's id, of everything that is there now."""

    def view(self) -> dict[str, Any]:
        """As people and programs read it."""
        return {
            "created": self.created, "changed": self.changed, "deleted": self.deleted,
            "journaled": self.journaled, "failed": [one.view() for one in self.failed],
        }  # fmt: skip


def apply(plan: SyncPlan, client: NetBoxClient) -> Applied:
    """Do it."""
    return _Applying(plan, client).run()


class _Applying:
    def __init__(self, plan: SyncPlan, client: NetBoxClient) -> None:
        self._plan = plan
        self._client = client
        self._done = Applied(ids=dict(plan.matched))
        self._later: list[Step] = []
        self._later_idents = {
            step.ident
            for step in plan.steps
            if step.act == "create" and step.kind in REFERRED_TO_BEFORE
        }
        self._said: dict[tuple[str, int], dict[str, Any]] = {}
        """What was written, to be compared with what is read afterwards."""

    def run(self) -> Applied:
        made = [step for step in self._plan.steps if step.act == "create"]
        changed = [step for step in self._plan.steps if step.act == "change"]
        for kind in FIRST:
            self._create(kind, [step for step in made if step.kind == kind])
            self._change(step for step in changed if step.kind == kind)
        rest = [step for step in made if step.kind not in FIRST]
        for kind, steps in groupby(rest, key=lambda step: step.kind):
            self._create(kind, list(steps))
        self._change(step for step in [*changed, *self._fill()] if step.kind not in FIRST)
        for step in self._plan.steps:
            if step.act == "delete":
                self._delete(step)
        self._read_back()
        return self._done

    def _create(self, kind: str, steps: Sequence[Step]) -> None:
        if kind == MADE_WITH_DEVICE:
            steps = self._leave_out_present(steps)
        ready: list[tuple[Step, dict[str, Any]]] = []
        for step in steps:
            fields = resolved(dict(step.new), self._done.ids)
            open_fields = {name for name, value in fields.items() if refs_found(value)}
            if any(not self._comes_later(step.new[name]) for name in open_fields):
                self._fail(step, "something that it refers to could not be made")
                continue
            if open_fields:
                later = {name: step.new[name] for name in open_fields}
                self._later.append(replace(step, act="change", new=later, old={}))
            ready.append((step, {n: v for n, v in fields.items() if n not in open_fields}))
        bodies = [body_of(fields) for _, fields in ready]
        for places in batches(bodies):
            self._send(kind, [ready[place] for place in places])

    def _comes_later(self, value: Any) -> bool:
        """True of a reference to something that is planned, and made after this."""
        return isinstance(value, Ref) and value.ident in self._later_idents

    def _send(self, kind: str, batch: Sequence[tuple[Step, dict[str, Any]]]) -> None:
        """All or none, as NetBox has it; once more without what it refused."""
        try:
            rows = self._client.create(kind, [fields for _, fields in batch])
        except Contended:
            for step, _ in batch:
                self._fail(step, "somebody made the same at the same moment", "it is tried again")
            return
        except Rejected as error:
            wrong = {place: why for place, why in error.rows.items() if place < len(batch)}
            for place, (step, _) in enumerate(batch):
                if place in wrong or not wrong:
                    self._fail(step, wrong.get(place, str(error)), "correct it in NetBox or here")
            left = [one for place, one in enumerate(batch) if wrong and place not in wrong]
            if left:
                self._send(kind, left)
            return
        for (step, fields), row in zip(batch, rows, strict=True):
            self._done.ids[step.ident] = row.id
            self._said[kind, row.id] = fields
        self._done.created += len(batch)

    def _leave_out_present(self, steps: Sequence[Step]) -> list[Step]:
        """Bays that came with their devices."""
        devices = {self._done.ids.get(step.new["device"].ident, 0) for step in steps} - {0}
        present = {
            (row.fields["device"], folded(row.fields["name"])): row.id
            for row in self._client.every(MADE_WITH_DEVICE, device_id=sorted(devices))
        }
        left = []
        for step in steps:
            device = self._done.ids.get(step.new["device"].ident)
            there = present.get((device, folded(step.new["name"])))
            if there is None:
                left.append(step)
            else:
                self._done.ids[step.ident] = there
                self._done.created += 1
        return left

    def _fill(self) -> list[Step]:
        """What could only refer to something later, in batches; what is left goes one by one."""
        left: list[Step] = []
        ready: list[tuple[Step, int, dict[str, Any]]] = []
        for step in self._later:
            fields = resolved(dict(step.new), self._done.ids)
            key = self._done.ids.get(step.ident)
            if key is None or refs_found(fields):
                left.append(step)
            else:
                ready.append((step, key, fields))
        for kind in {step.kind for step, _, _ in ready}:
            same_kind = [one for one in ready if one[0].kind == kind]
            for places in batches([fields for _, _, fields in same_kind]):
                batch = [same_kind[place] for place in places]
                try:
                    self._client.fill(kind, [(key, fields) for _, key, fields in batch])
                except (Contended, Rejected):
                    left += [step for step, _, _ in batch]
                    continue
                for _, key, fields in batch:
                    self._said[kind, key] = {**self._said[kind, key], **fields}
                self._done.changed += len(batch)
        return left

    def _change(self, steps: Iterable[Step]) -> None:
        for step in steps:
            if step.ident not in self._done.ids and not step.netbox_id:
                continue  # it could not be made, and that is told already
            fields = resolved(dict(step.new), self._done.ids)
            if refs_found(fields):
                self._fail(step, "something that it refers to could not be made")
                continue
            self._change_one(step, fields)

    def _change_one(self, step: Step, fields: dict[str, Any]) -> None:
        key = step.netbox_id or self._done.ids[step.ident]
        etag = step.etag
        if not etag:  # just made: others may have seen it already
            row = self._client.one(step.kind, key)
            etag = row.etag if row else ""
        if step.journal:
            self._tell(step)
        for _ in range(CONTENDED_TRIES):
            try:
                self._client.change(step.kind, key, fields, etag=etag)
            except Rejected as error:
                self._fail(step, str(error), error.hint)
                return
            except Contended:
                row = self._client.one(step.kind, key)
                if row is None:
                    self._fail(step, "it was removed meanwhile", "it is looked at again")
                    return
                if any(not same(row.fields.get(n), old) for n, old in step.old.items()):
                    break
                etag = row.etag
                continue
            self._done.changed += 1
            self._said[step.kind, key] = {**self._said.get((step.kind, key), {}), **fields}
            return
        self._fail(step, "somebody changed it meanwhile", "it is looked at again")

    def _tell(self, step: Step) -> None:
        """A journal entry, before the change it tells of, and once: its mark is looked for first.

        Written first, because a crash between the two is then found out: the change is still due,
        and the entry is there already.
        """
        device = self._done.ids.get(step.journal_on)
        if device is None:
            return
        about = hashlib.sha256(step.ident.encode()).hexdigest()[:12]
        news = hashlib.sha256(step.journal.encode()).hexdigest()[:12]
        mark = f"podyard:{about}:{news}"
        known = [
            str(row.fields["comments"])
            for row in self._client.every("journal-entry", assigned_object_id=[device])
            if f"podyard:{about}:" in str(row.fields["comments"])
        ]
        if known and mark in known[-1]:
            return
        entry = {
            "assigned_object_type": "dcim.device", "assigned_object_id": device,
            "kind": "warning" if step.kind == "module" else "info",
            "comments": f"{step.journal}\n\n`{mark}`",
        }  # fmt: skip
        self._client.create("journal-entry", [entry])
        self._done.journaled += 1

    def _delete(self, step: Step) -> None:
        if step.kind not in DELETABLE:
            raise ValueError(f"{step.kind} is never removed")
        row = self._client.one(step.kind, step.netbox_id)
        if row is None:
            return
        why = self._not_ours(step, row)
        if why:
            self._fail(step, why, "remove it in NetBox yourself if that is meant")
            return
        try:
            self._client.delete(step.kind, row.id, etag=row.etag)
        except (Contended, Rejected) as error:
            self._fail(step, str(error), "it is looked at again")
            return
        self._done.deleted += 1

    def _not_ours(self, step: Step, row: Row) -> str:
        """Why this object, read by its id a moment ago, stays."""
        if row.fields.get(OWN_ID) != step.old[OWN_ID] or row.fields.get(OWNER) != step.old[OWNER]:
            return "it does not carry our mark any more"
        if row.kind in PORTS and row.fields["cable"]:
            return "a cable that is not ours is in it"
        if row.kind == "interface" and row.fields["count_ipaddresses"]:
            return "it has an address that is not ours"
        if row.kind == "device":
            return next(self._strangers_on(row), "")
        return ""

    def _strangers_on(self, device: Row) -> Iterator[str]:
        """What would go with a device and is somebody else's."""
        for kind in (*PORTS, "module"):
            for row in self._client.every(kind, device_id=[device.id]):
                name = row.fields.get("name") or row.raw.get("display") or row.id
                yield f"{kind} {name} on it is not ours"
        for name, count in device.raw.items():
            if name.endswith("_count") and name != "module_bay_count" and count:
                yield f"it has {count} of {name.removesuffix('_count').replace('_', ' ')}"

    def _read_back(self) -> None:
        """What NetBox holds now is what was written, or it is told.

        It answers that all is well to a field that it does not know.
        """
        for kind in KINDS:
            keys = [key for said, key in self._said if said == kind]
            if not keys:
                continue
            rows = {row.id: row for row in self._client.every(kind, id=keys)}
            for key in keys:
                row = rows.get(key)
                wrong = [] if row is None else sorted(_not_taken(row, self._said[kind, key]))
                if row is None or wrong:
                    what = f"NetBox did not take {', '.join(wrong)}" if row else "it is gone again"
                    self._done.failed.append(Refusal(f"{kind}/{key}", f"{kind} {key}", what))

    def _fail(self, step: Step, why: str, hint: str = "") -> None:
        self._done.failed.append(Refusal(step.ident, step.label, why, hint))


def _not_taken(row: Row, said: Mapping[str, Any]) -> Iterator[str]:
    for name, value in said.items():
        absent = name not in row.fields and name in {OWN_ID, OWNER}
        held = row.fields.get(name)
        wanted = merged_with(row.kind, name, held, value)
        if absent or (name in row.fields and not same(held, wanted)):
            yield name
