"""Many hosts of any pods in one request, as other inventories take devices: all or none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from pydantic import Field, ValidationError

from inventory.applying import NAME_FORM, GivenHost, GivenHosts, change_for_more
from inventory.auth import Actor, Permission, require
from inventory.deps import ApiDeps, Deps
from inventory.errors import StaleWrite
from inventory.expecting.reaching import reach_of
from inventory.model import Event, Host, Pod
from inventory.places import Cable
from inventory.public_names import base_of
from inventory.refusals import ERRORS, OtherProblem, Refused
from inventory.resources import describing
from inventory.resources.asking import own_query, partial_asked
from inventory.resources.bodies import Item, given_of, items_of
from inventory.resources.declaring import Stored
from inventory.resources.hosts import HOSTS, HostLine
from inventory.resources.outcomes import Mode, refuse_any, refused_body
from inventory.resources.reading import Reader
from inventory.resources.recording import Who, logged, who_of
from inventory.resources.routing import JSON
from inventory.routes.pods import refuse_taken, standing
from inventory.store.protocol import Change
from inventory.store.reading import every

router = APIRouter(prefix="/api/hosts", tags=["hosts"], responses=ERRORS)
Writer = Annotated[Actor, Depends(require(Permission.POD_WRITE))]

WRITE_TRIES = 5  # somebody else may add hosts to the same pod


class NewHost(GivenHost):
    """One host that fills a free slot of a pod."""

    pod: Annotated[str, Field(pattern=NAME_FORM)]


@router.post(
    "",
    status_code=201,
    responses={201: {"model": HostLine | list[HostLine], "description": "Enrolled"}},
    openapi_extra={"requestBody": describing.body(NewHost, many=True)},
)
@own_query
async def create_host(request: Request, deps: Deps, actor: Writer) -> Response:
    """Enrol one host, or a list of them, into free slots of pods; inspection begins at once."""
    given = given_of(await request.body())
    if partial_asked(request.query_params.multi_items()):
        raise Refused(
            422,
            "invalid",
            "hosts are enrolled all or none",
            path="atomic",
            value="false",
            hint="leave atomic out; send fewer hosts at once to see which are refused",
        )
    mode = Mode.ALL if isinstance(given, list) else Mode.ONE
    hosts = await deps.in_thread(enrol, deps, who_of(request, actor), items_of(given), mode)
    deps.wake()
    base = base_of(request)
    shown = await deps.in_thread(_shown, deps, hosts, base)
    body = shown[0] if mode is Mode.ONE else b"[" + b",".join(shown) + b"]"
    return Response(body, 201, None, JSON)


def enrol(
    deps: ApiDeps,
    who: Who,
    items: Sequence[Item],
    mode: Mode,
    *,
    first_sight: frozenset[str] = frozenset(),
) -> list[Host]:
    """The hosts that these describe: written all or none, the one way in which hosts are.

    `first_sight` names those whose BMC's certificate nobody vouches for.
    """
    checked = [_checked(item) for item in items]
    refuse_any(checked, mode)
    given = [one for one in checked if isinstance(one, NewHost)]
    for _ in range(WRITE_TRIES):
        change = _change(deps, who, given, mode)
        refuse_taken(deps, given, prefix="" if mode is Mode.ONE else "{index}.")
        try:
            now = deps.clock.now()
            change = _at_first_sight(change, first_sight, who, now)
            deps.store.apply(logged(standing(deps, change), who, now=now), now=now)
        except StaleWrite:
            continue
        known = {one.name: one for one in change.insert if isinstance(one, Host)}
        return [known[one.name] for one in given]
    raise StaleWrite("the pods changed while hosts were enrolled")


def _at_first_sight(change: Change, names: frozenset[str], who: Who, now: datetime) -> Change:
    """It is on their records and in their events: the password goes to whoever showed it."""
    unsure = [one for one in change.insert if isinstance(one, Host) and one.name in names]
    if not unsure:
        return change
    told = tuple(
        Event(
            at=now,
            actor=who.name,
            kind="host.first-sight",
            subject=f"host:{one.name}",
            new=one.bmc.fingerprint,
            why=f"{one.bmc.address} showed this certificate to discovery; nobody vouched for it",
        )
        for one in unsure
    )
    insert = tuple(
        one.model_copy(update={"adoption": one.adoption.model_copy(update={"first_sight_at": now})})
        if isinstance(one, Host) and one.name in names
        else one
        for one in change.insert
    )
    return replace(change, insert=insert, events=(*change.events, *told))


def _checked(item: Item) -> NewHost | Refused:
    if isinstance(item, Refused):
        return item
    try:
        return NewHost.model_validate(item)
    except ValidationError as error:
        return refused_body(error, NewHost)


def _change(deps: ApiDeps, who: Who, given: Sequence[NewHost], mode: Mode) -> Change:
    """Everything that enrolling all of them writes: one change, whatever their pods."""
    parts: list[Change] = []
    for name in dict.fromkeys(one.pod for one in given):
        places = [index for index, one in enumerate(given) if one.pod == name]
        pod = deps.store.get(Pod, name)
        if pod is None:
            raise Refused(
                422,
                "invalid",
                f"there is no pod {name!r}",
                path="pod" if mode is Mode.ONE else f"{places[0]}.pod",
                value=name,
                hint="see `podyard pod list`",
            )
        hosts = tuple(GivenHost(**_without_pod(given[index])) for index in places)
        try:
            parts.append(
                change_for_more(
                    GivenHosts(hosts=hosts),
                    pod,
                    every(deps.store, Host, pod=name),
                    cables=every(deps.store, Cable, pod=name),
                    reach=reach_of(deps.store, simulated=pod.simulated),
                    box=deps.secrets,
                    now=deps.clock.now(),
                    actor=who.name,
                )
            )
        except Refused as refused:
            raise _moved(refused, places, mode) from refused
    return Change(
        insert=tuple(record for part in parts for record in part.insert),
        replace=tuple(record for part in parts for record in part.replace),
        events=tuple(event for part in parts for event in part.events),
        secrets={owner: sealed for part in parts for owner, sealed in part.secrets.items()},
    )


def _without_pod(given: NewHost) -> dict[str, Any]:
    return {name: getattr(given, name) for name in GivenHost.model_fields}


def _moved(refused: Refused, places: Sequence[int], mode: Mode) -> Refused:
    """The refusal of one pod's hosts, with paths as the request has them."""

    def moved(path: str) -> str:
        _, index, field = path.split(".", 2)
        return field if mode is Mode.ONE else f"{places[int(index)]}.{field}"

    body = refused.body
    if not (body.path or "").startswith("hosts."):
        return refused
    others = [
        OtherProblem(path=moved(o.path), value=o.value, message=o.message, hint=o.hint)
        for o in body.others or ()
    ]
    return Refused(
        refused.status,
        body.kind,
        body.message,
        path=moved(body.path or ""),
        value=body.value,
        hint=body.hint,
        existing=body.existing,
        others=others,
    )


def _shown(deps: ApiDeps, hosts: Sequence[Host], base: str) -> list[bytes]:
    reader, now = Reader(HOSTS), deps.clock.now()
    return [
        reader.shown_now(
            Stored(
                key=host.id,
                version=1,
                document=host.model_dump(mode="json"),
                created=now,
                last_updated=now,
            ),
            base,
        )
        for host in hosts
    ]
