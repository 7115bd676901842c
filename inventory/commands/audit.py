"""`podyard audit`: who asked for what, and the proof that nobody changed the record of it.

Checking is done here and not by the service: a log that was exported can be checked on another
machine, against a head that was exported earlier.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from inventory.audit import AuditEntry, Verification
from inventory.audit_anchors import Anchor, read_anchor
from inventory.client import REFUSED, Service, service
from inventory.errors import Invalid
from inventory.printing import Output, OutputOption, pairs, rows, say, write

audit_app = typer.Typer(
    no_args_is_help=True,
    help="Read and check the audit log.\n\nExample: podyard audit list --actor 'user jane'",
)

COLUMNS = ("seq", "at", "actor", "action", "subject", "outcome", "address")
PAGE = 1000
SHOWN_MAX = 100


@audit_app.command("list")
def list_audit(
    actor: Annotated[str, typer.Option(help="Only of this key or person.")] = "",
    action: Annotated[str, typer.Option(help="Only this: `POST /api/keys`.")] = "",
    subject: Annotated[str, typer.Option(help="Only about this.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=PAGE, help="How many of the newest.")] = 100,
    output: OutputOption = Output.TABLE,
) -> None:
    """List the newest entries.

    Example: podyard audit list --actor 'user jane' --limit 20
    """
    with service() as api:
        page = api.get(
            "/api/audit", actor=actor, action=action, subject=subject, limit=limit, newest="true"
        )
    write(page["results"], output, lambda: rows(page["results"], COLUMNS))


@audit_app.command("export")
def export_audit(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to write it.")],
) -> None:
    """Write the whole log to a file, a line each, and its signed head as the last line.

    Keep such a file away from the service: it shows later whether the log was cut or made anew.

    Example: podyard audit export audit.jsonl
    """
    count = 0
    with service() as api, file.open("x") as out:
        file.chmod(0o600)
        # The head first: entries written meanwhile come after it, and it is among those exported.
        head = api.get("/api/audit/anchors")["head"]
        for entry in _entries(api):
            out.write(entry.model_dump_json() + "\n")
            count += 1
        out.write(json.dumps({"anchor": head}) + "\n")
    say(f"{count} entries written to {file}")


@audit_app.command("verify")
def verify_audit(
    file: Annotated[
        Path | None,
        typer.Argument(metavar="[FILE]", help="An exported log; default: the service's own."),
    ] = None,
    against: Annotated[
        Path | None, typer.Option(help="A log exported earlier: its head must still be there.")
    ] = None,
    public_key: Annotated[
        str, typer.Option(help="The key that must have signed, in hexadecimal, as you noted it.")
    ] = "",
    output: OutputOption = Output.TABLE,
) -> None:
    """Check that no entry was changed, removed, reordered or cut off.

    Exit code 1 says that something is wrong; every finding names the entry.

    Example: podyard audit verify --against audit-of-last-month.jsonl
    """
    try:
        anchors = [] if against is None else [("the earlier head", _anchor_of(against))]
        if file is not None:
            found = _check(_read(file), [*anchors, ("its own head", _anchor_of(file))], public_key)
        else:
            with service() as api:
                now = api.get("/api/audit/anchors")
                for name, title in (("head", "the head now"), ("kept", "the head kept outside")):
                    if now[name]:
                        anchors.append((title, Anchor.model_validate(now[name])))
                misfiled: list[int] = []
                found = _check(_entries(api, misfiled), anchors, public_key, misfiled)
    except Invalid as error:
        say(f"error: {error}\nhint: {error.hint}")
        raise typer.Exit(REFUSED) from error
    write(found, output, lambda: pairs(found, tuple(found)))
    if found["faults"]:
        say("hint: compare with an export that you kept elsewhere: podyard audit verify FILE")
        raise typer.Exit(REFUSED)


def _entries(api: Service, misfiled: list[int] | None = None) -> Iterator[AuditEntry]:
    after = 0
    while True:
        page = api.get("/api/audit", after=after, limit=PAGE)
        yield from (AuditEntry.model_validate(one) for one in page["results"])
        if misfiled is not None:
            misfiled += page["misfiled"]
        if len(page["results"]) < PAGE:
            return
        after = page["last"]


def _read(file: Path) -> Iterator[AuditEntry]:
    with file.open() as lines:
        for number, line in enumerate(lines, start=1):
            try:
                found: Any = json.loads(line)
                if "anchor" not in found:
                    yield AuditEntry.model_validate(found)
            except (ValueError, TypeError) as error:
                raise Invalid(
                    f"{file}:{number} is no entry of an audit log",
                    hint="give a file that podyard audit export wrote",
                ) from error


def _anchor_of(file: Path) -> Anchor:
    with file.open() as lines:
        last = ""
        for line in lines:
            last = line
    try:
        found: Any = json.loads(last)["anchor"]
    except (ValueError, TypeError, KeyError) as error:
        raise Invalid(
            f"{file} does not end with a signed head: it may be cut",
            hint="give a file that podyard audit export wrote, whole",
        ) from error
    return read_anchor(json.dumps(found), where=str(file))


def _check(
    entries: Iterator[AuditEntry],
    anchors: list[tuple[str, Anchor]],
    public_key: str,
    misfiled: list[int] | None = None,
) -> dict[str, Any]:
    """What is wrong, and how far the log goes."""
    walk = Verification()
    faults: list[str] = []
    hashes: dict[int, str] = {0: ""}
    wanted = {anchor.seq for _, anchor in anchors}
    for entry in entries:
        faults += [f"entry {fault.seq} {fault.what}" for fault in walk.check([entry])]
        if entry.seq in wanted:
            hashes[entry.seq] = entry.hash
    for seq in misfiled or ():
        faults.append(f"entry {seq} is listed under what it does not say: its columns were changed")
    for title, anchor in anchors:
        faults += _anchor_faults(title, anchor, hashes, walk.head.seq, public_key)
    return {
        "entries": walk.head.seq,
        "head": walk.head.hash,
        "signed_by": sorted({anchor.public_key for _, anchor in anchors}),
        "faults": faults[:SHOWN_MAX],
    }


def _anchor_faults(
    title: str, anchor: Anchor, hashes: dict[int, str], last: int, public_key: str
) -> Iterator[str]:
    if not anchor.genuine():
        yield f"{title} is not signed by the key that it names"
    if public_key and anchor.public_key != public_key.lower():
        yield f"{title} is signed by another key: {anchor.public_key}"
    if anchor.seq not in hashes:
        yield f"{title} is entry {anchor.seq}, and the log ends at {last}: it was cut"
    elif hashes[anchor.seq] != anchor.hash:
        yield f"{title} does not fit entry {anchor.seq}: the log was made anew"
