"""The routes of a resource: bytes in and bytes out, with one permission declared for each.

Annotations here are values, not text: FastAPI reads those of functions that are made inside
another one, and could not find the permission by its name.
"""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response

from inventory.auth import Actor, require
from inventory.bounds import REQUEST_ID_STATE
from inventory.deps import Deps
from inventory.public_names import base_of
from inventory.refusals import ERRORS, Refused
from inventory.resources import describing
from inventory.resources.asking import own_query, partial_asked
from inventory.resources.bodies import given_of, items_of, list_of, object_of
from inventory.resources.declaring import Resource, Stored, Writes
from inventory.resources.lines import as_json
from inventory.resources.outcomes import Mode, Outcome, Written
from inventory.resources.preconditions import like
from inventory.resources.reading import Asked, Entity, Reader, etag_of
from inventory.resources.recording import Who
from inventory.resources.writing import Writer
from inventory.routes.shapes import NamePath, Page, View

JSON = "application/json"


class ItemStatus(View):
    """How one item of a request fared that each counted by itself."""

    index: int
    status: int
    record: dict[str, Any] | None = None
    error: dict[str, Any] | None = None


class ItemStatuses(View):
    """How each item fared."""

    succeeded: int
    failed: int
    results: tuple[ItemStatus, ...]


def router_of(resource: Resource) -> APIRouter:
    """Its routes."""
    reader = Reader(resource)
    router = APIRouter(prefix=f"/api/{resource.plural}", tags=[resource.plural], responses=ERRORS)
    _add_reading(router, reader)
    if resource.writes is not None:
        _add_writing(router, reader, Writer(reader))
    return router


def _add_reading(router: APIRouter, reader: Reader) -> None:
    resource = reader.resource
    allowed = Annotated[Actor, Depends(require(resource.read))]

    @own_query
    async def list_them(request: Request, deps: Deps, actor: allowed) -> Response:
        found = await deps.in_thread(reader.page, deps, _asked(request, actor))
        return Response(found, media_type=JSON)

    @own_query
    async def get_one(request: Request, name: NamePath, deps: Deps, actor: allowed) -> Response:
        found = await deps.in_thread(reader.one, deps, _asked(request, actor), name)
        known = request.headers.get("if-none-match", "")
        if found.fixed and known and like(known, found.etag):
            return Response(status_code=304, headers={"ETag": found.etag})
        return Response(found.body, media_type=JSON, headers={"ETag": found.etag})

    page: Any = Page[resource.view]  # type: ignore[name-defined]
    router.add_api_route(
        "",
        list_them,
        methods=["GET"],
        name=f"list_{_word(resource.plural)}",
        description=f"{resource.plural.replace('-', ' ').capitalize()}, filtered and paged.",
        responses={200: {"model": page, "description": "One page"}},
        openapi_extra={
            "parameters": describing.list_parameters(resource),
            **describing.custom_parameters(resource),
        },
    )
    if not resource.alone:
        return
    router.add_api_route(
        "/{name}",
        get_one,
        methods=["GET"],
        name=f"get_{_word(resource.noun)}",
        description=f"One {resource.noun}, by its name or its id."
        if resource.named
        else f"One {resource.noun}, by its id.",
        responses={
            200: {"model": resource.detail or resource.view, "description": "It"},
            304: {"description": "It is as it was"},
        },
        openapi_extra={
            "parameters": [*describing.shape_parameters(resource), describing.IF_NONE_MATCH]
        },
    )


def _add_writing(router: APIRouter, reader: Reader, writer: Writer) -> None:
    resource, writes = reader.resource, writer.writes
    allowed = Annotated[Actor, Depends(require(writes.permission))]

    @own_query
    async def create(request: Request, deps: Deps, actor: allowed) -> Response:
        given = given_of(await request.body())
        mode = _mode(request, given)
        done = await deps.in_thread(
            writer.create, deps, actor, _who(request, actor), items_of(given), mode=mode
        )
        return _answer(reader, request, done, mode, status=201)

    @own_query
    async def change(request: Request, name: NamePath, deps: Deps, actor: allowed) -> Response:
        partial_asked(request.query_params.multi_items())
        given = {**object_of(given_of(await request.body()))}
        _refuse_selector(given)
        (done,) = await deps.in_thread(
            writer.change,
            deps,
            actor,
            _who(request, actor),
            [given | await deps.in_thread(_selector, reader, deps, actor, name)],
            mode=Mode.ONE,
            if_match=request.headers.get("if-match", ""),
        )
        return _answer(reader, request, [done], Mode.ONE, status=200)

    @own_query
    async def change_many(request: Request, deps: Deps, actor: allowed) -> Response:
        given = list_of(given_of(await request.body()))
        mode = _mode(request, given)
        done = await deps.in_thread(
            writer.change, deps, actor, _who(request, actor), given, mode=mode
        )
        return _answer(reader, request, done, mode, status=200)

    @own_query
    async def remove(request: Request, name: NamePath, deps: Deps, actor: allowed) -> Response:
        partial_asked(request.query_params.multi_items())
        raw = await request.body()
        given = dict(object_of(given_of(raw))) if raw else {}
        _refuse_selector(given)
        await deps.in_thread(
            writer.remove,
            deps,
            actor,
            _who(request, actor),
            [given | await deps.in_thread(_selector, reader, deps, actor, name)],
            mode=Mode.ONE,
            if_match=request.headers.get("if-match", ""),
        )
        return Response(status_code=204)

    @own_query
    async def remove_many(request: Request, deps: Deps, actor: allowed) -> Response:
        given = list_of(given_of(await request.body()))
        mode = _mode(request, given)
        done = await deps.in_thread(
            writer.remove, deps, actor, _who(request, actor), given, mode=mode
        )
        if mode is Mode.EACH:
            return _answer(reader, request, done, mode, status=200)
        return Response(status_code=204)

    @own_query
    async def put(request: Request, name: NamePath, deps: Deps, actor: allowed) -> Response:
        partial_asked(request.query_params.multi_items())
        given = object_of(given_of(await request.body()))
        refuse_other_name(given, name)
        given = {**given, "name": name}
        done = await deps.in_thread(
            writer.put,
            deps,
            actor,
            _who(request, actor),
            given,
            if_match=request.headers.get("if-match", ""),
        )
        new = isinstance(done, Written) and done.new
        return _answer(reader, request, [done], Mode.ONE, status=201 if new else 200)

    _add_creating(router, resource, writes, create, put)
    _add_changing(router, resource, writes, change, change_many)
    if writes.removable:
        _add_removing(router, resource, remove, remove_many)


Endpoint = Callable[..., Awaitable[Response]]
MANY: dict[int | str, dict[str, Any]] = {
    207: {"model": ItemStatuses, "description": "How each item fared"}
}


def _add_creating(
    router: APIRouter, resource: Resource, writes: Writes, create: Endpoint, put: Endpoint
) -> None:
    if writes.create is None:
        return
    noun, view, word = resource.noun, resource.view, _word(resource.noun)
    router.add_api_route(
        "",
        create,
        methods=["POST"],
        status_code=201,
        name=f"create_{word}",
        description=f"Create one {noun}, or a list of them: all or none.",
        responses={201: {"model": view | list[view], "description": "Created"}, **MANY},  # type: ignore[valid-type]
        openapi_extra={
            "parameters": [describing.ATOMIC],
            "requestBody": describing.body(writes.create, many=True),
        },
    )
    if "name" not in writes.natural:
        return
    router.add_api_route(
        "/by-key/{name}",
        put,
        methods=["PUT"],
        name=f"put_{word}",
        description=f"Make the {noun} of this name as described: created, changed or left.",
        responses={
            200: {"model": view, "description": "There already; as described now"},
            201: {"model": view, "description": "Created"},
        },
        openapi_extra={
            "parameters": [describing.IF_MATCH],
            "requestBody": describing.body(writes.create),
        },
    )


def _add_changing(
    router: APIRouter, resource: Resource, writes: Writes, change: Endpoint, many: Endpoint
) -> None:
    view, plural = resource.view, resource.plural
    router.add_api_route(
        "/{name}",
        change,
        methods=["PATCH"],
        name=f"change_{_word(resource.noun)}",
        description=f"Change fields of a {resource.noun}. What changes nothing writes nothing.",
        responses={200: {"model": view, "description": "As it is now"}},
        openapi_extra={
            "parameters": [describing.IF_MATCH],
            "requestBody": describing.body(writes.change),
        },
    )
    router.add_api_route(
        "",
        many,
        methods=["PATCH"],
        name=f"change_{_word(plural)}",
        description=f"Change a list of {plural}, each named by `id` or `name`: all or none.",
        responses={200: {"model": list[view], "description": "As they are now"}, **MANY},  # type: ignore[valid-type]
        openapi_extra={
            "parameters": [describing.ATOMIC],
            "requestBody": describing.selectors_body(resource, change=writes.change),
        },
    )


def _add_removing(router: APIRouter, resource: Resource, remove: Endpoint, many: Endpoint) -> None:
    plural = resource.plural
    router.add_api_route(
        "/{name}",
        remove,
        methods=["DELETE"],
        status_code=204,
        name=f"remove_{_word(resource.noun)}",
        description=f"Remove a {resource.noun}. 409 while other records name it.",
        openapi_extra={"parameters": [describing.IF_MATCH]},
    )
    router.add_api_route(
        "",
        many,
        methods=["DELETE"],
        status_code=204,
        name=f"remove_{_word(plural)}",
        description=f"Remove a list of {plural}, each named by `id` or `name`: all or none.",
        responses=MANY,
        openapi_extra={
            "parameters": [describing.ATOMIC],
            "requestBody": describing.selectors_body(resource, change=None),
        },
    )


def _refuse_selector(given: Mapping[str, Any]) -> None:
    for name in ("id", "name"):
        if name in given:
            raise Refused(
                422,
                "invalid",
                f"the path says which one it is; its {name} does not change",
                path=name,
                value=str(given[name])[:80],
                hint=f"leave {name} out",
            )


def refuse_other_name(given: Mapping[str, Any], name: str) -> None:
    """Under its key nothing is renamed: a body that says another name means another record."""
    if given.get("name", name) != name:
        raise Refused(
            422,
            "invalid",
            f"the path says {name[:80]!r}; a name does not change",
            path="name",
            value=str(given["name"])[:80],
            hint="leave name out, or send the name that the path has",
        )


def _selector(reader: Reader, deps: Deps, actor: Actor, name: str) -> dict[str, str]:
    return {"id": reader.row(deps, actor, name).key}


def _mode(request: Request, given: Any) -> Mode:
    each = partial_asked(request.query_params.multi_items())
    if not isinstance(given, list):
        return Mode.ONE
    return Mode.EACH if each else Mode.ALL


def _who(request: Request, actor: Actor) -> Who:
    return Who(actor.name, getattr(request.state, REQUEST_ID_STATE, ""))


def _asked(request: Request, actor: Actor) -> Asked:
    return Asked(
        actor=actor,
        base=_base(request),
        path=request.url.path,
        query=tuple(request.query_params.multi_items()),
        lines=request.app.state.lines,
    )


def _base(request: Request) -> str:
    return base_of(request)


def _answer(
    reader: Reader, request: Request, done: Sequence[Outcome], mode: Mode, *, status: int
) -> Response:
    if mode is Mode.EACH:
        return _statuses(reader, request, done, status)
    shown = [_entity(reader, request, one) for one in done if isinstance(one, Written)]
    if mode is Mode.ALL:
        return Response(b"[" + b",".join(e.body for e in shown) + b"]", status, media_type=JSON)
    (entity,) = shown
    headers = {"ETag": entity.etag}
    if status == 201:  # noqa: PLR2004 - HTTP's
        headers["Location"] = json.loads(entity.body)["url"]
    return Response(entity.body, status, headers, JSON)


def _statuses(reader: Reader, request: Request, done: Sequence[Outcome], status: int) -> Response:
    results: list[bytes] = []
    failed = 0
    for index, one in enumerate(done):
        if isinstance(one, Refused):
            failed += 1
            error = one.body.model_dump(mode="json", exclude_none=True)
            results.append(as_json({"index": index, "status": one.status, "error": error}))
        elif one.record is None:
            results.append(as_json({"index": index, "status": 204}))
        else:
            head = as_json({"index": index, "status": status if one.changed else 200})
            results.append(head[:-1] + b',"record":' + _entity(reader, request, one).body + b"}")
    head = as_json({"succeeded": len(done) - failed, "failed": failed})
    return Response(head[:-1] + b',"results":[' + b",".join(results) + b"]}", 207, media_type=JSON)


def _entity(reader: Reader, request: Request, one: Written) -> Entity:
    """A record that was just written, as a list would show it."""
    if one.record is None:
        raise TypeError("a record that was removed is not shown")
    stored = Stored(
        key=one.row.key,
        version=one.row.version,
        document=one.record.model_dump(mode="json"),
        created=one.row.created,
        last_updated=one.row.updated,
    )
    return Entity(reader.shown_now(stored, _base(request)), etag_of(one.row), fixed=True)


def _word(text: str) -> str:
    return text.replace("-", "_")
