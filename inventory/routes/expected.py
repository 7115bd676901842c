"""Expected hosts: imported as a list, made hosts when somebody says so, and let go again."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import Field, SecretStr

from inventory.applying import BMC_PASSWORD, NAME_FORM
from inventory.auth import Actor, Permission, require
from inventory.deps import ApiDeps, Deps
from inventory.errors import Conflict, NotFound, StaleWrite
from inventory.expected_hosts import ExpectedHost, FactoryAccount, Source
from inventory.expecting.enrolling import ACCOUNT_OWNER, enrol_expected
from inventory.expecting.importing import Import, plan_import
from inventory.expecting.lists import FAULTS_MAX, Listed, read_list
from inventory.expecting.rematching import rematch
from inventory.model import Event
from inventory.refusals import ERRORS
from inventory.resources.recording import Who, who_of
from inventory.routes.shapes import Body, NamePath, View
from inventory.store.protocol import Change, Unnamed
from inventory.store.reading import every

router = APIRouter(tags=["onboarding"], responses=ERRORS)
Writer = Annotated[Actor, Depends(require(Permission.EXPECTED_WRITE))]

WRITE_TRIES = 5
ENROL_MAX = 1000
CSV_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"text/csv": {"schema": {"type": "string", "format": "binary"}}},
    }
}


class ListFault(View):
    """One thing that is wrong with a list."""

    line: int
    column: str
    value: str = Field(description="What stands there; empty for a password.")
    message: str
    hint: str


class Imported(View):
    """What a list came to; with faults, nothing of it was written."""

    written: bool
    rows: int
    created: int
    updated: int
    unchanged: int
    hosts: int = Field(description="Rows that are hosts already, and were left alone.")
    faults: tuple[ListFault, ...] = Field(description=f"All that is wrong, {FAULTS_MAX} at most.")


class AccountBody(Body):
    """A BMC account that a vendor ships."""

    username: Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[^\x00-\x1f\x7f]*$")]
    password: Annotated[SecretStr, Field(min_length=1, max_length=1024)]


class AccountSaid(View):
    """An account without its password."""

    name: str
    username: str


class EnrolBody(Body):
    """Which expected hosts are to become hosts."""

    names: Annotated[
        tuple[Annotated[str, Field(pattern=NAME_FORM)], ...],
        Field(max_length=ENROL_MAX, description="None: all of whom the BMC was found."),
    ] = ()


class EnrolledView(View):
    """What came of one expected host."""

    name: str
    host: str = Field(description="Empty: it is no host.")
    why: str
    hint: str


class EnrolledMany(View):
    """What came of each."""

    enrolled: int
    refused: int
    results: tuple[EnrolledView, ...]


@router.post("/api/expected-hosts/import", openapi_extra=CSV_BODY)
async def import_expected_hosts(
    request: Request,
    deps: Deps,
    actor: Writer,
    *,
    dry_run: Annotated[bool, Query(description="Only say what it would write.")] = False,
) -> Imported:
    """Take in a list as CSV, all or none; a row is known by its name, so it may be sent again."""
    who, raw = who_of(request, actor), await request.body()
    done = await deps.in_thread(_import, deps, who, raw, dry_run)
    if done.written:
        deps.wake()
    return done


@router.post("/api/expected-hosts/enrol")
async def enrol_expected_hosts(
    request: Request, body: EnrolBody, deps: Deps, actor: Writer
) -> EnrolledMany:
    """Make hosts of expected ones whose BMC was found; one that is refused keeps none back."""
    done = await deps.in_thread(_enrol, deps, who_of(request, actor), body.names)
    deps.wake()
    return done


@router.delete("/api/expected-hosts/{name}", status_code=204)
async def remove_expected_host(request: Request, name: NamePath, deps: Deps, actor: Writer) -> None:
    """Expect a host no more, and forget its factory password. A host that it became stays."""
    await deps.in_thread(_unexpect, deps, who_of(request, actor), name)


@router.put("/api/factory-accounts/{name}")
async def put_factory_account(
    request: Request,
    name: Annotated[str, Path(pattern=NAME_FORM)],
    body: AccountBody,
    deps: Deps,
    actor: Writer,
) -> AccountSaid:
    """Keep an account that a vendor ships, for rows that refer to it."""
    return await deps.in_thread(_put_account, deps, who_of(request, actor), name, body)


@router.delete("/api/factory-accounts/{name}", status_code=204)
async def remove_factory_account(
    request: Request, name: NamePath, deps: Deps, actor: Writer
) -> None:
    """Forget an account that no expected host needs any more."""
    await deps.in_thread(_remove_account, deps, who_of(request, actor), name)


def _write(deps: ApiDeps, who: Who, done: Import, source: Source) -> bool:
    """Write what a list came to; whether anything was."""
    if done.faults or not (done.created or done.updated or done.secrets):
        return False
    now = deps.clock.now()
    deps.store.apply(done.change(now=now, actor=who.name, source=source), now=now)
    enrol_expected(deps, who, rematch(deps.store, now=now))
    return True


def _told(done: Import, *, written: bool) -> Imported:
    """What a list came to, as it is answered."""
    return Imported(
        written=written,
        rows=done.rows,
        created=len(done.created),
        updated=len(done.updated),
        unchanged=done.unchanged,
        hosts=done.hosts,
        faults=tuple(ListFault(**asdict(fault)) for fault in done.faults[:FAULTS_MAX]),
    )


def import_rows(
    deps: ApiDeps, who: Who, listed: Listed, source: Source, *, dry_run: bool
) -> Imported:
    """Take in rows, wherever they come from; with a fault in any of them, none."""
    for _ in range(WRITE_TRIES):
        done = plan_import(deps.store, deps.secrets, listed, source=source)
        if dry_run:
            return _told(done, written=False)
        try:
            return _told(done, written=_write(deps, who, done, source))
        except StaleWrite:
            continue
    raise StaleWrite("expected hosts changed while they were imported")


def _import(deps: ApiDeps, who: Who, raw: bytes, dry_run: bool) -> Imported:  # noqa: FBT001
    return import_rows(deps, who, read_list(raw), "csv", dry_run=dry_run)


def _enrol(deps: ApiDeps, who: Who, names: tuple[str, ...]) -> EnrolledMany:
    if names:
        found = [one for name in names for one in deps.store.find(ExpectedHost, name=name)]
        missing = sorted({*names} - {one.name for one in found})
        if missing:
            raise NotFound(f"no host {missing[0]!r} is expected", hint="podyard host expected")
    else:
        found = [one for one in every(deps.store, ExpectedHost, host_id="") if one.found]
    done = enrol_expected(deps, who, found)
    enrolled = sum(bool(one.host) for one in done)
    return EnrolledMany(
        enrolled=enrolled,
        refused=len(done) - enrolled,
        results=tuple(EnrolledView(**asdict(one)) for one in done),
    )


def _unexpect(deps: ApiDeps, who: Who, name: str) -> None:
    row = next(iter(deps.store.find(ExpectedHost, name=name)), None)
    if row is None:
        raise NotFound(f"no host {name!r} is expected", hint="podyard host expected")
    now = deps.clock.now()
    event = Event(at=now, actor=who.name, kind="expected.removed", subject=f"expected:{row.name}")
    change = Change(replace=(row,), remove=(row,), events=(event,), forget_secrets=(row.id,))
    deps.store.apply(change, now=now)


def _put_account(deps: ApiDeps, who: Who, name: str, body: AccountBody) -> AccountSaid:
    now, owner = deps.clock.now(), f"{ACCOUNT_OWNER}{name}"
    before = deps.store.get(FactoryAccount, name)
    fresh = FactoryAccount(
        name=name, username=body.username, version=before.version if before else 1
    )
    event = Event(
        at=now, actor=who.name, kind="expected.account", subject=f"factory-account:{name}"
    )
    change = Change(
        insert=() if before else (fresh,),
        replace=(fresh,) if before else (),
        events=(event,),
        secrets={(owner, BMC_PASSWORD): deps.secrets.seal(owner, BMC_PASSWORD, body.password)},
    )
    deps.store.apply(change, now=now)
    return AccountSaid(name=name, username=body.username)


def _remove_account(deps: ApiDeps, who: Who, name: str) -> None:
    account = deps.store.get(FactoryAccount, name)
    if account is None:
        raise NotFound(f"no factory account {name!r}", hint="podyard bmc accounts")
    for needing in deps.store.find(ExpectedHost, account=name, host_id="", limit=1):
        raise Conflict(
            f"{needing.name} is expected with account {name}",
            hint="give those rows another account, or wait until they are hosts",
        )
    now = deps.clock.now()
    event = Event(
        at=now,
        actor=who.name,
        kind="expected.account",
        subject=f"factory-account:{name}",
        why="removed",
    )
    change = Change(
        replace=(account,),
        remove=(account,),
        events=(event,),
        forget_secrets=(f"{ACCOUNT_OWNER}{name}",),
        unnamed=(Unnamed(ExpectedHost, {"account": name, "host_id": ""}),),
    )
    deps.store.apply(change, now=now)
