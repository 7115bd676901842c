"""One rack: what stands in it, what it draws, and its own address as a code to scan."""

from __future__ import annotations

import io
from collections.abc import Iterable

import segno
from fastapi import Request, Response
from markupsafe import Markup

from inventory.deps import ApiDeps, Deps
from inventory.errors import NotFound
from inventory.model import Host
from inventory.public_names import base_of
from inventory.readings.keeping import Readings
from inventory.routes.readings import readings_of
from inventory.routes.shapes import NamePath
from inventory.web.asking import HostReader, page_router
from inventory.web.frame import render
from inventory.web.routes.site import board_for
from inventory.web.views.hosts import Heat, heat, rack_path
from inventory.web.views.looks import MEANINGS, WORST_FIRST, counted, watts
from inventory.web.views.overview import shares
from inventory.web.views.power import budgets, held_by_feed, meter, meters
from inventory.web.views.racks import elevation
from inventory.web.views.sensors import OLD_S, now_of

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
    address = base_of(request) + rack_path(site, name)
    heats = await deps.in_thread(_heats, deps, readings_of(request), [host.id for host in hosts])
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
        drawn=_drawn(heats.values()),
        cooled=any(one.told for one in heats.values()),
        address=address,
        code=qr_code(address),
        key=[(tone, MEANINGS[tone]) for tone in WORST_FIRST],
    )


def _heats(deps: ApiDeps, kept: Readings, ids: list[str]) -> dict[str, Heat]:
    now = deps.clock.now().timestamp()
    newest = kept.newest(ids, since=now - OLD_S)
    return {
        host.name: heat(host.facts).at_present(now_of(newest.get(host.id), now=now))
        for host in deps.store.get_many(Host, ids).values()
    }


def _drawn(heats: Iterable[Heat]) -> str:
    """The sum of the meters that were read, and how many they are."""
    told = [one.now.watts for one in heats if one.now and one.now.watts is not None]
    return f"{watts(sum(told))} drawn, by {counted(len(told), 'meter')}" if told else ""


def qr_code(text: str) -> Markup:
    """An address as a picture that a telephone reads. Drawn here: nobody else learns of it."""
    drawn = io.BytesIO()
    segno.make(text, error="m").save(
        drawn, kind="svg", xmldecl=False, svgns=True, border=2, omitsize=True, dark="#000"
    )
    return Markup(drawn.getvalue().decode())  # noqa: S704 - segno wrote it: paths and figures alone
