"""Expected hosts whose BMC was found become hosts: by the one way in which hosts are written.

The certificate that discovery saw is pinned with it, so the first log-in goes to whoever showed it
then and to nobody else. Where nobody vouches for it that is trust at first sight: it is the reason
why a person says so, for each host or once in its row, why the host's events and `why` say so, and
why a site may refuse it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from pydantic import SecretStr

from inventory.applying import BMC_PASSWORD, FINGERPRINT
from inventory.deps import ApiDeps
from inventory.errors import InventoryError, StaleWrite
from inventory.expected_hosts import ExpectedHost, FactoryAccount
from inventory.expecting.trusting import is_first_sight
from inventory.found_bmcs import FoundBmc
from inventory.model import Host
from inventory.refusals import Refused
from inventory.resources.outcomes import Mode
from inventory.resources.recording import Who
from inventory.routes.new_hosts import NewHost, enrol
from inventory.store.protocol import Change
from inventory.store.query import Condition, Query
from inventory.store.reading import every

ACCOUNT_OWNER = "factory-account/"
"""Begins the owner of a factory account's sealed password."""
WRITE_TRIES = 5
BATCH = 200
"""Hosts of one change: long enough to be quick, short enough to let others write."""


@dataclass(frozen=True, slots=True)
class Enrolled:
    """What came of one expected host."""

    name: str
    host: str = ""
    """Its host's name; empty: it became none."""
    why: str = ""
    hint: str = ""


def enrol_expected(deps: ApiDeps, who: Who, rows: Sequence[ExpectedHost]) -> list[Enrolled]:
    """Many at once where nothing is wrong; else each by itself, so that none keeps another back."""
    accounts = {one.name: one for one in every(deps.store, FactoryAccount)}
    found = deps.store.get_many(FoundBmc, {row.found for row in rows if row.found})
    done: dict[str, Enrolled] = {}
    ready: list[_Ready] = []
    there = _there(deps, rows)
    for row in rows:
        bmc, host = found.get(row.found), there.get((row.name, row.serial))
        if host is not None:  # a crash kept its row from knowing
            _remember(deps, [_Ready(row, bmc, None)], [host])
            done[row.id] = Enrolled(row.name, host=host.name)
            continue
        try:
            ready.append(_Ready(row, bmc, _given(deps, row, bmc, accounts)))
        except Refused as refused:
            done[row.id] = _told(deps, row, refused)
    for some in _batches(ready):
        done |= _enrol(deps, who, some)
    return [done[row.id] for row in rows]


@dataclass(frozen=True, slots=True)
class _Ready:
    """A row with everything that a host is made of."""

    row: ExpectedHost
    bmc: FoundBmc | None
    given: NewHost | None


def _batches(ready: Sequence[_Ready]) -> Iterator[list[_Ready]]:
    ordered = sorted(ready, key=lambda one: (one.row.pod, one.row.name))
    for start in range(0, len(ordered), BATCH):
        yield ordered[start : start + BATCH]


def _there(deps: ApiDeps, rows: Sequence[ExpectedHost]) -> dict[tuple[str, str], Host]:
    """Hosts of these names already, by name and serial number."""
    found: dict[tuple[str, str], Host] = {}
    names = [row.name for row in rows]
    for start in range(0, len(names), BATCH):
        asked = Condition("name", "in", tuple(names[start : start + BATCH]))
        page = deps.store.search(Host, Query((asked,), limit=BATCH, counted=False))
        found |= {(host.name, host.serial): host for host in page.records}
    return found


def _enrol(deps: ApiDeps, who: Who, some: Sequence[_Ready]) -> dict[str, Enrolled]:
    try:
        items = [one.given.model_dump() for one in some if one.given is not None]
        unsure = frozenset(one.row.name for one in some if is_first_sight(one.row, one.bmc))
        hosts = enrol(deps, who, items, Mode.ALL, first_sight=unsure)
    except (Refused, InventoryError) as error:
        if len(some) == 1:
            return {some[0].row.id: _told(deps, some[0].row, error)}
        return {key: told for one in some for key, told in _enrol(deps, who, [one]).items()}
    _remember(deps, some, hosts)
    return {one.row.id: Enrolled(one.row.name, host=one.row.name) for one in some}


def _told(deps: ApiDeps, row: ExpectedHost, error: Refused | InventoryError) -> Enrolled:
    """Why it is no host, on record too."""
    if isinstance(error, Refused):
        told = Enrolled(row.name, why=error.body.message, hint=error.body.hint)
    else:
        told = Enrolled(row.name, why=str(error), hint=getattr(error, "hint", ""))
    if told.why != row.why:
        _write(deps, {row: {"why": told.why[:500]}})
    return told


def _given(
    deps: ApiDeps,
    row: ExpectedHost,
    bmc: FoundBmc | None,
    accounts: dict[str, FactoryAccount],
) -> NewHost:
    """The row as somebody would have handed it in."""
    fingerprint = (bmc.fingerprint if bmc else "") or row.fingerprint
    address = row.bmc or (bmc.address if bmc else "")
    if not address:
        hint = "podyard bmc discover, or give its row a bmc address and a fingerprint"
        raise _refused(row, "its BMC was not found yet", hint)
    if not address.startswith("ipmi://") and not FINGERPRINT.fullmatch(fingerprint):
        hint = "podyard bmc discover sees it, or give its row a fingerprint"
        raise _refused(row, "the certificate of its BMC is not known", hint)
    if is_first_sight(row, bmc) and not deps.onboarding.first_sight:
        hint = (
            f"compare {fingerprint} with what the BMC's own console or label says, and give its "
            "row that fingerprint; or name the authority that signs BMCs' certificates: "
            "PODYARD_ONBOARDING_BMC_AUTHORITIES"
        )
        why = "nobody vouches for the certificate of its BMC, and none is taken at first sight here"
        raise _refused(row, why, hint)
    username, password = _account(deps, row, accounts)
    return NewHost(
        pod=row.pod,
        name=row.name,
        slot=row.slot,
        bmc=address,
        fingerprint=fingerprint,
        username=username,
        password=password,
        credentials="factory",
        serial=row.serial,
    )


def _account(
    deps: ApiDeps, row: ExpectedHost, accounts: dict[str, FactoryAccount]
) -> tuple[str, SecretStr]:
    if row.own_password:
        return row.username, _unsealed(deps, row.id)
    account = accounts.get(row.account)
    if account is None:
        hint = "give its row an account, or a username and a password; import the list again"
        raise _refused(row, "nobody said which account its BMC has", hint)
    return account.username, _unsealed(deps, f"{ACCOUNT_OWNER}{account.name}")


def _unsealed(deps: ApiDeps, owner: str) -> SecretStr:
    sealed = deps.store.secret(owner, BMC_PASSWORD)
    return deps.secrets.unseal(owner, BMC_PASSWORD, sealed or b"")


def _remember(deps: ApiDeps, done: Sequence[_Ready], hosts: Sequence[Host]) -> None:
    """Rows and BMCs know their hosts, and the password lies with the host alone."""
    told: dict[ExpectedHost | FoundBmc, dict[str, object]] = {}
    for one, host in zip(done, hosts, strict=True):
        told[one.row] = {"host_id": host.id, "why": "", "own_password": False}
        if one.bmc is not None:
            told[one.bmc] = {"state": "host", "host": host.name, "why": ""}
    _write(deps, told, forget=tuple(one.row.id for one in done))


def _write(
    deps: ApiDeps,
    told: Mapping[ExpectedHost | FoundBmc, dict[str, object]],
    *,
    forget: tuple[str, ...] = (),
) -> None:
    for _ in range(WRITE_TRIES):
        fresh = [
            (record, fields)
            for before, fields in told.items()
            if (record := deps.store.get(type(before), before.id)) is not None
        ]
        change = Change(
            replace=tuple(record.model_copy(update=fields) for record, fields in fresh),
            forget_secrets=forget,
        )
        try:
            deps.store.apply(change, now=deps.clock.now())
        except StaleWrite:
            continue
        return


def _refused(row: ExpectedHost, message: str, hint: str) -> Refused:
    return Refused(409, "not-enrolled", message, path="name", value=row.name, hint=hint)
