"""Parts with their stays, changes of records, people's notes, and usage as it was metered."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from pydantic import StringConstraints

from inventory.auth import Permission
from inventory.changes import JournalEntry, ObjectChange, change_id
from inventory.model import UsageRecord
from inventory.parts import Part
from inventory.resources.declaring import Filter, Form, Resource, Writes
from inventory.resources.shaping import body_of, change_of, show_record, view_of

Words = Annotated[str, StringConstraints(min_length=1, max_length=10_000, pattern=r"^[^\x00]*$")]
"""A person's own, over several lines."""
Subject = Annotated[
    str, StringConstraints(max_length=255, pattern=r"^[a-z][a-z-]*:[A-Za-z0-9][A-Za-z0-9_./-]*$")
]

PARTS = Resource(
    noun="part",
    plural="parts",
    kind=Part,
    view=view_of(Part, "PartView"),
    show=show_record(Part, display=lambda s: f"{s['host']} {s['slot']} {s['serial']}".strip()),
    read=Permission.PART_READ,
    command="part list",
    filters={
        "id": Filter("key"),
        "host": Filter("host"),
        "host_id": Filter("host_id"),
        "slot": Filter("slot", says="As `gpu/3`."),
        "kind": Filter(
            "kind", Form.CHOICE, ("accelerator", "nic", "drive", "psu", "memory", "processor")
        ),
        "model": Filter("model"),
        "serial": Filter("serial"),
        "present": Filter("present", Form.FLAG, says="false: it is there no more."),
        "rma": Filter("rma"),
    },
    brief=("id", "url", "display", "host", "slot", "serial"),
    ordering=("host", "slot", "kind", "model", "serial"),
    searched=("serial", "model", "host", "rma"),
    addressed_by_name=False,
    named=False,
    writes=Writes(
        permission=Permission.PART_WRITE,
        change=change_of(Part, "ChangePart", fields=("rma", "why")),
        removable=False,
    ),
    unrecorded=("found",),
)

CHANGES = Resource(
    noun="object-change",
    plural="object-changes",
    kind=ObjectChange,
    view=view_of(ObjectChange, "ObjectChangeView"),
    show=show_record(ObjectChange, display=lambda s: f"{s['action']} {s['kind']} {s['name']}"),
    read=Permission.CHANGE_READ,
    command="event list",
    filters={
        "id": Filter("key"),
        "at": Filter("at", Form.MOMENT),
        "actor": Filter("actor"),
        "request_id": Filter("request_id"),
        "kind": Filter("kind", says="`host`, `rack` …"),
        "key": Filter("object_key", says="The id of the record that was written."),
        "name": Filter("name"),
        "action": Filter("action", Form.CHOICE, ("create", "update", "delete")),
    },
    brief=("id", "url", "display", "at", "actor"),
    ordering=("id", "at", "actor", "kind", "name"),
    searched=("name", "actor"),
    addressed_by_name=False,
    named=False,
)


def _stamp(now: datetime, actor: str) -> Mapping[str, Any]:
    return {"id": change_id(now, secrets.token_hex(5)), "at": now, "author": actor}


JOURNAL = Resource(
    noun="journal-entry",
    plural="journal-entries",
    kind=JournalEntry,
    view=view_of(JournalEntry, "JournalEntryView"),
    show=show_record(JournalEntry, display=lambda s: f"{s['subject']}: {s['text'][:60]}"),
    read=Permission.JOURNAL_READ,
    command="event list",
    filters={
        "id": Filter("key"),
        "at": Filter("at", Form.MOMENT),
        "author": Filter("author"),
        "level": Filter("level", Form.CHOICE, ("info", "success", "warning", "danger")),
        "subject": Filter("subject", says="`host:<name>`, `rack:<name>` …"),
    },
    brief=("id", "url", "display", "at", "author"),
    ordering=("id", "at", "author", "subject"),
    searched=("subject", "author"),
    addressed_by_name=False,
    named=False,
    writes=Writes(
        permission=Permission.JOURNAL_WRITE,
        create=body_of(
            JournalEntry,
            "NewJournalEntry",
            fields=("level", "subject", "text"),
            bounds={"subject": Subject, "text": Words},
        ),
        change=change_of(
            JournalEntry, "ChangeJournalEntry", fields=("level", "text"), bounds={"text": Words}
        ),
        stamp=_stamp,
        natural=(),
    ),
)

USAGE = Resource(
    noun="usage-record",
    plural="usage-records",
    kind=UsageRecord,
    view=view_of(UsageRecord, "UsageRecordView"),
    show=show_record(UsageRecord, display=lambda s: f"{s['tenant']} {s['kind']}"),
    read=Permission.USAGE_READ,
    command="usage",
    filters={
        "id": Filter("key"),
        "tenant": Filter("tenant"),
        "kind": Filter("kind", Form.CHOICE, ("tokens", "unit_seconds")),
        "claim": Filter("claim"),
        "ended_at": Filter("ended_at", Form.MOMENT),
    },
    brief=("id", "url", "display", "tenant", "kind"),
    ordering=("tenant", "ended_at"),
    searched=(),
    addressed_by_name=False,
    named=False,
    tenant="tenant",
)

RESOURCES = (PARTS, CHANGES, JOURNAL, USAGE)
