"""One rack: what stands in it, what it draws, and its own address as a code to scan."""

from __future__ import annotations

import io

import segno
from fastapi import Request, Response
from markupsafe import Markup

from inventory.deps import ApiDeps, Deps
from inventory.errors import NotFound
from inventory.model import Host
from inventory.routes.shapes import NamePath
from inventory.web.asking import HostReader, page_router
from inventory.web.frame import render
from inventory.web.routes.site import board_for
from inventory.web.views.hosts import Heat, heat, rack_path
from inventory.web.views.looks import MEANINGS, WORST_FIRST
from inventory.web.views.overview import shares
from inventory.web.views.power import budgets, held_by_feed, meter, meters
from inventory.web.views.racks import elevation

router = page_router()


@router.get("/racks/{site}/{name}")
async def rack_page(
    site: NamePath, name: NamePath, request: Request, deps: Deps, actor: HostReader
) -> Response:
    """A rack's elevation with power, heat and leaks."""
    board = await board_for(request, actor, site)
    hosts = [host for host in board.hosts if host.rack == name]
    rack = next((one for one in board.racks if one.name == name), None)
    if rack is None and not hosts:
        raise NotFound(f"no rack {name!r} at site {site!r}", hint="see the hall's floor")
    equipment = [one for one in board.equipment if one.rack == name]
    pods = {pod.name: pod for pod in board.pods}
    here = {(host.site, feed) for host in hosts for feed in (host.feed, host.feed_b) if feed}
    held = {key: w for key, w in held_by_feed(board.hosts).items() if key in here}
    own = sum(host.reserved_watts for host in hosts)
    limit = rack.power_limit_watts if rack else None
    address = str(request.base_url).rstrip("/") + rack_path(site, name)
    heats = await deps.in_thread(_heats, deps, [host.id for host in hosts])
    return render(
        request,
        deps,
        "rack.html",
        actor=actor,
        site=site,
        name=name,
        rack=rack,
        pods=sorted({host.pod for host in hosts}),
        hosts=sorted(hosts, key=lambda host: host.name),
        drawing=elevation(rack, hosts, equipment, pods, heats),
        shares=shares(hosts),
        own=meter("this rack", own, limit) if limit else None,
        own_watts=own,
        meters=meters(held, budgets(board.feeds, board.pods)),
        heats=heats,
        cooled=any(one.told for one in heats.values()),
        address=address,
        code=qr_code(address),
        key=[(tone, MEANINGS[tone]) for tone in WORST_FIRST],
    )


def _heats(deps: ApiDeps, ids: list[str]) -> dict[str, Heat]:
    return {host.name: heat(host.facts) for host in deps.store.get_many(Host, ids).values()}


def qr_code(text: str) -> Markup:
    """An address as a picture that a telephone reads. Drawn here: nobody else learns of it."""
    drawn = io.BytesIO()
    segno.make(text, error="m").save(
        drawn, kind="svg", xmldecl=False, svgns=True, border=2, omitsize=True, dark="#000"
    )
    return Markup(drawn.getvalue().decode())  # noqa: S704 - segno wrote it: paths and figures alone
