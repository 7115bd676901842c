"""Correcting what a host's record says of its BMC, and forgetting a host.

A certificate is renewed, a password changed, a board replaced, a server hauled away: the record
follows, without a detour over a fresh site. What was seen of the hardware is never written here,
and a state is never moved: a correction is intent, like every wish.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from pydantic import Field, SecretStr

from inventory.applying import (
    ADDRESS_HINT,
    BMC_PASSWORD,
    FINGERPRINT,
    FINGERPRINT_HINT,
    NETWORK_HINT,
    NO_FINGERPRINT,
    address_complaint,
    without_user,
)
from inventory.auth import Actor, Permission, require
from inventory.deps import ApiDeps, Deps
from inventory.errors import StaleWrite
from inventory.expecting.reaching import reach_of
from inventory.model import (
    Adoption,
    AgentSeen,
    Claim,
    ComputeUnit,
    Event,
    Host,
    Intent,
    Pod,
    Problem,
    RayMember,
    Record,
    Whose,
)
from inventory.outbound.bmc_address import bmc_address_fault
from inventory.refusals import ERRORS, Refused
from inventory.resources.recording import Who, logged, who_of
from inventory.routes.hosts import HostDetail, detail, find_host
from inventory.routes.shapes import Body, NamePath, View
from inventory.states import ClaimState, HostState, PowerState
from inventory.store.protocol import Change
from inventory.store.reading import every
from pods.power import PowerPhase, reserved_watts
from pods.spec import PodSpec

router = APIRouter(prefix="/api/hosts", tags=["hosts"], responses=ERRORS)
Writer = Annotated[Actor, Depends(require(Permission.HOST_WRITE))]

WRITE_TRIES = 5  # the loop writes each host a few times a second at most
AT_REST = frozenset({HostState.ENROLLED, HostState.RETIRED})
NO_CONTROL = r"^[^\x00-\x1f\x7f]*$"

CURES: Mapping[str, frozenset[str]] = {
    "address": frozenset(
        {
            "wrong-host",
            "certificate-changed",
            "bmc-misconfigured",
            "unsupported",
            "bmc-refused",
            "no-bmc",
        }
    ),
    "fingerprint": frozenset({"certificate-changed", "bmc-misconfigured"}),
    "username": frozenset({"credentials-refused", "bmc-refused", "bmc-misconfigured"}),
    "password": frozenset({"credentials-refused", "bmc-refused", "factory-credentials"}),
    "credentials": frozenset({"factory-credentials"}),
    "serial": frozenset({"wrong-host"}),
}
"""Field to the kinds of problems that a correction of it can end: those are tried again at once."""


class BmcBody(Body):
    """What is to be corrected; what is left out stays as it is."""

    address: Annotated[
        str | None, Field(max_length=512, description="redfish+https://host:port")
    ] = None
    fingerprint: Annotated[
        str | None,
        Field(max_length=512, description="sha256:<hexadecimal>, of the BMC's certificate"),
    ] = None
    username: Annotated[str | None, Field(min_length=1, max_length=255, pattern=NO_CONTROL)] = None
    password: Annotated[SecretStr | None, Field(min_length=1, max_length=1024)] = None
    credentials: Annotated[
        Whose | None,
        Field(
            description="`factory`: others know the password as well, and podyard gives the BMC "
            "another one; `own`: they do not. A password that is given here is `own` unless said.",
        ),
    ] = None
    serial: Annotated[
        str | None,
        Field(
            min_length=1,
            max_length=255,
            pattern=r"^[\x21-\x7e]+$",
            description="The host registers anew, also with the serial that it has: "
            "say it after a mainboard was replaced.",
        ),
    ] = None


class Forgotten(View):
    """What was removed."""

    host: str
    pod: str
    slot: str
    serial: str
    units: tuple[str, ...]
    """Units that were removed with it: their names are free again."""


@router.patch("/{name}/bmc")
async def correct_bmc(
    request: Request, name: NamePath, body: BmcBody, deps: Deps, actor: Writer
) -> HostDetail:
    """Correct a BMC's address, certificate or account, or the serial that is expected there."""
    host = await deps.in_thread(_correct, deps, name, body, who_of(request, actor))
    deps.wake()
    return detail(host)


@router.delete("/{name}")
async def forget_host(
    request: Request,
    name: NamePath,
    deps: Deps,
    actor: Writer,
    *,
    even_if_on: Annotated[
        bool, Query(description="Though it is not known to be off; the event says so.")
    ] = False,
) -> Forgotten:
    """Remove a host that is at rest: its record, units, agent's record, secrets. Events stay."""
    found = await deps.in_thread(_forget, deps, name, who_of(request, actor), even_if_on)
    deps.wake()
    return found


def _correct(deps: ApiDeps, name: str, body: BmcBody, who: Who) -> Host:
    fields = _checked(body)
    for _ in range(WRITE_TRIES):
        host, now = find_host(deps, name), deps.clock.now()
        if host.state is HostState.RETIRED:
            raise Refused(
                409,
                "retired",
                f"host {host.name} is retired, and stays it",
                hint=f"podyard host forget {host.name}, then podyard pod add-hosts {host.pod}",
            )
        _refuse_taken(deps, host, body)
        if body.address is not None and (
            fault := bmc_address_fault(body.address, reach_of(deps.store, simulated=host.simulated))
        ):
            raise _invalid("address", without_user(body.address), fault, NETWORK_HINT)
        fresh = host.model_copy(update={**_corrected(host, body, fields), "wake_at": now})
        event = Event(
            at=now,
            actor=who.name,
            kind="host.bmc-changed",
            subject=f"host:{host.name}",
            old=host.problem.kind if host.problem else "",
            why=", ".join(fields),
        )
        sealed = (
            {(host.id, BMC_PASSWORD): deps.secrets.seal(host.id, BMC_PASSWORD, body.password)}
            if body.password
            else {}
        )
        change = Change(replace=(fresh,), events=(event,), secrets=sealed)
        try:
            deps.store.apply(logged(change, who, now=now, before=(host,)), now=now)
        except StaleWrite:
            continue
        return fresh.model_copy(update={"version": host.version + 1})
    raise StaleWrite(f"host {name} changed {WRITE_TRIES} times while it was to be corrected")


def _checked(body: BmcBody) -> tuple[str, ...]:
    """Names of the fields that were given, or Refused."""
    fields = tuple(f for f in BmcBody.model_fields if getattr(body, f) is not None)
    if not fields:
        raise _invalid("", "", "nothing to correct", f"give one of {', '.join(CURES)}")
    if body.address is not None and (complaint := address_complaint(body.address)):
        raise _invalid("address", without_user(body.address), complaint, ADDRESS_HINT)
    if body.fingerprint is not None and not FINGERPRINT.fullmatch(body.fingerprint):
        raise _invalid("fingerprint", body.fingerprint[:80], NO_FINGERPRINT, FINGERPRINT_HINT)
    return fields


def _refuse_taken(deps: ApiDeps, host: Host, body: BmcBody) -> None:
    """A serial is one host's; an address is one host's in its pod."""
    for other in deps.store.find(Host, serial=body.serial) if body.serial else ():
        if other.id != host.id:
            raise _taken("serial", other.serial, other)
    if body.address is not None:
        for other in every(deps.store, Host, pod=host.pod):
            if other.id != host.id and other.bmc.address == body.address:
                raise _taken("address", other.bmc.address, other)


def _taken(field: str, value: str, other: Host) -> Refused:
    return Refused(
        409,
        "conflict",
        f"host {other.name} of pod {other.pod} has this {field} already",
        path=field,
        value=value,
        hint=f"correct the value, or podyard host forget {other.name} first",
    )


def _invalid(path: str, value: str, message: str, hint: str) -> Refused:
    return Refused(422, "invalid", message, path=path or None, value=value or None, hint=hint)


def _corrected(host: Host, body: BmcBody, fields: tuple[str, ...]) -> dict[str, Any]:
    kept = {"address", "fingerprint", "username", "credentials"} & set(fields)
    given: dict[str, object] = {field: getattr(body, field) for field in kept}
    if body.password is not None:
        given.setdefault("credentials", "own")
    bmc = host.bmc.model_copy(update=given | {"revision": host.bmc.revision + 1})
    changed: dict[str, Any] = {
        "bmc": bmc,
        "problem": _uncured(host.problem, fields),
        "adoption": _adoption(host.adoption, fields),
    }
    if {"address", "fingerprint"} & set(fields):
        changed["renewal"] = ""  # a person has read what it shows: nothing is waited for any more
    if body.serial is not None:
        changed |= {
            "serial": body.serial,
            "uuid": "",
            "facts": None,
            "mismatches": (),
            "register_again": True,
        }
    return changed


def _adoption(done: Adoption, fields: tuple[str, ...]) -> Adoption:
    """What podyard did to the BMC, as far as it is still the same one with the same account."""
    if {"address", "serial"} & set(fields):
        return Adoption()
    gone: dict[str, object] = {}
    if "password" in fields:
        gone |= {"password_set_at": None, "password_tried_at": None}
    if "fingerprint" in fields:
        gone |= {"certificate_until": None, "certificate_tried_at": None, "first_sight_at": None}
    return done.model_copy(update=gone)


def _uncured(problem: Problem | None, fields: tuple[str, ...]) -> Problem | None:
    """A problem that these corrections cannot end stays, and parks the host as before."""
    if problem is not None and any(problem.kind in CURES[field] for field in fields):
        return None
    return problem


def _forget(deps: ApiDeps, name: str, who: Who, even_if_on: bool) -> Forgotten:  # noqa: FBT001
    for _ in range(WRITE_TRIES):
        host, now = find_host(deps, name), deps.clock.now()
        units = [u for u in every(deps.store, ComputeUnit, pod=host.pod) if host.id in u.host_ids]
        _refuse_held(deps, host, units)
        _refuse_unsettled(deps, host)
        doubt = _doubt(host, deps.store.get(Pod, host.pod))
        _refuse_at_work(host, doubt, even_if_on=even_if_on)
        event = Event(
            at=now,
            actor=who.name,
            kind="host.forgotten",
            subject=f"host:{host.name}",
            old=host.state.value,
            new=host.slot,
            why=", ".join(
                (f"serial {host.serial}", f"pod {host.pod}", *((doubt,) if doubt else ()))
            ),
        )
        change = Change(
            # Replaced before they are removed: only then does the store compare the versions.
            replace=(host, *units),
            # A unit left behind would keep its name, and a host of the same name gets no other.
            remove=(host, *units, *_belongings(deps, host)),
            events=(event,),
            forget_secrets=(host.id,),
        )
        try:
            deps.store.apply(logged(change, who, now=now, before=(host,)), now=now)
        except StaleWrite:
            continue
        return Forgotten(
            host=host.name,
            pod=host.pod,
            slot=host.slot,
            serial=host.serial,
            units=tuple(u.name for u in units),
        )
    raise StaleWrite(f"host {name} changed {WRITE_TRIES} times while it was to be forgotten")


def _refuse_held(deps: ApiDeps, host: Host, units: list[ComputeUnit]) -> None:
    """Claims are believed before a unit's own row."""
    ids = {u.id for u in units}
    holding = {u.claim for u in units if u.claim}
    for state in (ClaimState.BOUND, ClaimState.RELEASING):
        claims = every(deps.store, Claim, state=state.value)
        holding |= {c.id for c in claims if ids & set(c.unit_ids)}
    if holding:
        raise Refused(
            409,
            "held",
            f"claim {min(holding)} holds the unit of host {host.name}",
            hint=f"podyard host want {host.name} retired waits for the claim to end",
        )


def _refuse_unsettled(deps: ApiDeps, host: Host) -> None:
    """What cannot be undone is driven to a known end first, or a person says how it ended."""
    said = host.skipped is not None and host.skipped.what == "update"
    begun = sorted(i.step for i in every(deps.store, Intent, host_id=host.id, state="open"))
    if begun and not said:
        raise Refused(
            409,
            "unsettled",
            f"{', '.join(begun)} was begun on host {host.name} and is not settled",
            path="intents",
            value=", ".join(begun),
            hint=f"wait for it: podyard host why {host.name}; or look at the BMC and say how it "
            f"ended: podyard host skip {host.name} --why TEXT",
        )


def _refuse_at_work(host: Host, doubt: str, *, even_if_on: bool) -> None:
    left_alone = (host.problem is not None and host.problem.parked) or host.quarantine
    if not left_alone and host.state not in AT_REST | {HostState.REPAIRING}:
        raise Refused(
            409,
            "at-work",
            f"host {host.name} is {host.state}, and podyard is at work on it",
            path="state",
            value=host.state.value,
            hint=f"podyard host want {host.name} retired, or podyard host repair {host.name} "
            "--why TEXT when its BMC does not answer; then forget it",
        )
    if doubt and not even_if_on:
        raise Refused(
            409,
            "powered",
            f"host {host.name} is not known to be off ({doubt}): what runs on it would go on",
            path="power",
            value=host.power.value,
            hint="switch it off: podyard host want "
            f"{host.name} retired; or forget it with --even-if-on",
        )


def _doubt(host: Host, pod: Pod | None) -> str:
    """Why a host may be on; empty when it is known to be off.

    What was seen last may be old: a power-on that was asked for counts, and so do watts still held.
    A host at rest was never begun or was cleaned, so that nobody has read its power is no doubt.
    """
    if host.power is PowerState.ON:
        return "it was On when it was last seen"
    if host.boot is not None and host.boot.powered_at is not None:
        return f"podyard asked for power-on at {host.boot.powered_at:%Y-%m-%d %H:%M:%S} UTC"
    if host.reserved_watts > (standby := _standby_watts(host, pod)):
        return f"it holds {host.reserved_watts} W of its feed; off it needs {standby} W"
    if host.power is not PowerState.OFF and host.state not in AT_REST:
        return f"its power was {host.power} when it was last seen"
    return ""


def _standby_watts(host: Host, pod: Pod | None) -> int:
    """0 when the pod no longer tells: then any reservation is a doubt."""
    if pod is None:
        return 0
    kinds = PodSpec.model_validate_json(json.dumps(pod.spec_document)).host_types
    kind = kinds.get(host.host_type)
    return int(reserved_watts(kind.power, PowerPhase.STANDBY)) if kind else 0


def _belongings(deps: ApiDeps, host: Host) -> tuple[Record, ...]:
    """Records that are nothing without their host. Certificates stay: they were signed."""
    found = (deps.store.get(AgentSeen, host.id), deps.store.get(RayMember, host.id))
    intents = every(deps.store, Intent, host_id=host.id)
    return (*(record for record in found if record is not None), *intents)
