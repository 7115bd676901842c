"""`/api/export/…`: the inventory for spreadsheets, NetBox, Prometheus and Ansible, as it is read.

Hosts are read a thousand at a time, each page in a thread, and sent before the next one is read:
ten thousand hosts take no more memory than one page.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response, StreamingResponse

from inventory import exporting
from inventory.auth import Actor, Permission, require
from inventory.deps import ApiDeps, Deps
from inventory.refusals import ERRORS, Refused
from inventory.resources import describing
from inventory.resources.asking import Ask, ask_of, own_query
from inventory.resources.hosts import HOSTS
from inventory.resources.reading import Reader

router = APIRouter(prefix="/api/export", tags=["export"], responses=ERRORS)
HostReader = Annotated[Actor, Depends(require(Permission.HOST_READ))]
PodReader = Annotated[Actor, Depends(require(Permission.POD_READ))]

PAGED = {"limit", "offset", "after", "start", "ordering", "brief", "fields", "omit", "include"}
FILTERS = [p for p in describing.list_parameters(HOSTS) if p["name"] not in PAGED]

Pages = AsyncIterator[list[dict[str, Any]]]


@router.get(
    "/hosts.csv",
    response_class=Response,
    responses={200: {"content": {"text/csv": {}}, "description": "A line for each host"}},
    openapi_extra={"parameters": FILTERS},
)
@own_query
async def export_hosts(request: Request, deps: Deps, actor: HostReader) -> Response:
    """Hosts for a spreadsheet. No cell is taken for a formula."""
    pages = _pages(deps, actor, request, _asked(request))
    return _sent(_csv(pages), "text/csv; charset=utf-8", "hosts.csv")


@router.get(
    "/prometheus-sd.json",
    responses={200: {"model": list[dict[str, Any]], "description": "Targets and their labels"}},
    openapi_extra={"parameters": FILTERS},
)
@own_query
async def export_targets(request: Request, deps: Deps, actor: HostReader) -> Response:
    """Every host's BMC as a target, for Prometheus's `http_sd_configs`."""
    pages = _pages(deps, actor, request, _asked(request))
    return _sent(_array(pages, exporting.prometheus_groups), "application/json")


@router.get(
    "/ansible-inventory.json",
    responses={200: {"model": dict[str, Any], "description": "Hosts, variables and groups"}},
    openapi_extra={"parameters": FILTERS},
)
@own_query
async def export_inventory(request: Request, deps: Deps, actor: HostReader) -> Response:
    """Hosts as an inventory of Ansible, grouped by site, pod, rack, type, state and tag."""
    return _sent(_inventory(_pages(deps, actor, request, _asked(request))), "application/json")


@router.get(
    "/device-types.yaml",
    response_class=Response,
    responses={200: {"content": {"application/yaml": {}}, "description": "YAML documents"}},
)
async def export_types(deps: Deps, _actor: PodReader) -> Response:
    """The shipped host types as NetBox's library of device types writes them."""
    found = await deps.in_thread(lambda: "".join(exporting.device_types()))
    return Response(found, media_type="application/yaml")


def _asked(request: Request) -> Ask:
    """Which hosts are wanted; refused before the answer begins. An export is whole: no pages."""
    given = request.query_params.multi_items()
    for name, value in given:
        if name in PAGED:
            raise Refused(
                400,
                "unknown-parameter",
                f"an export is whole and knows no {name}",
                path=name,
                value=value[:80],
                hint="leave it out; filters of hosts choose what is exported",
            )
    return ask_of(HOSTS, given)


async def _pages(deps: ApiDeps, actor: Actor, request: Request, ask: Ask) -> Pages:
    """Hosts as a list shows them, a page at a time."""
    reader, lines = Reader(HOSTS), request.app.state.lines
    walk = iter(reader.walk(deps, ask, actor))
    while True:
        page = await deps.in_thread(_next_page, reader, deps, lines, walk)
        if page is None:
            return
        yield page


def _next_page(reader: Reader, deps: ApiDeps, lines: Any, walk: Any) -> list[Any] | None:
    rows = next(walk, None)
    return None if rows is None else reader.lines(deps, lines, rows)


async def _csv(pages: Pages) -> AsyncIterator[bytes]:
    yield exporting.csv_head()
    async for page in pages:
        yield exporting.csv_hosts(page)


async def _array(
    pages: Pages, made: Callable[[Iterable[Any]], Iterable[Any]]
) -> AsyncIterator[bytes]:
    first = True
    yield b"["
    async for page in pages:
        for item in made(page):
            yield (b"\n" if first else b",\n") + json.dumps(item, ensure_ascii=False).encode()
            first = False
    yield b"\n]\n"


async def _inventory(pages: Pages) -> AsyncIterator[bytes]:
    """Variables as they come; groups hold names alone, and are kept until the end."""
    groups: dict[str, list[str]] = {}
    first = True
    yield b'{"_meta":{"hostvars":{'
    async for page in pages:
        for host in page:
            name, variables, members = exporting.ansible_host(host)
            for group in members:
                groups.setdefault(group, []).append(name)
            said = f"{json.dumps(name)}:{json.dumps(variables, ensure_ascii=False)}"
            yield (b"\n" if first else b",\n") + said.encode()
            first = False
    tops = {group: {"hosts": hosts} for group, hosts in sorted(groups.items())}
    whole = {"all": {"children": sorted(groups)}} | tops
    yield b"}}," + json.dumps(whole, ensure_ascii=False).encode()[1:] + b"\n"


def _sent(body: AsyncIterator[bytes], media_type: str, file: str = "") -> StreamingResponse:
    headers = {"Content-Disposition": f'attachment; filename="{file}"'} if file else None
    return StreamingResponse(body, media_type=media_type, headers=headers)
