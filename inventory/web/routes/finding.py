"""Search: hosts and racks by whatever somebody has read off a label."""

from __future__ import annotations

from fastapi import Request, Response
from fastapi.responses import RedirectResponse

from inventory.auth import Permission
from inventory.deps import ApiDeps, Deps
from inventory.model import Host
from inventory.places import Rack
from inventory.store.query import TAG, Condition, Query
from inventory.web.asking import HostReader, Word, page_router
from inventory.web.frame import render, segment
from inventory.web.views.hosts import line, rack_path

router = page_router()

FOUND_MAX = 50


@router.get("/search")
async def search_page(request: Request, deps: Deps, actor: HostReader, *, q: Word = "") -> Response:
    """Hosts by name, serial, UUID, asset tag, slot, rack, pod or tag; racks by name."""
    words = q.strip()
    sites = actor.sites_for(Permission.HOST_READ)
    hosts, racks = await deps.in_thread(_found, deps, words, sites) if words else ([], [])
    exact = [host for host in hosts if words.lower() in {host.name, host.serial.lower()}]
    if len(exact) == 1:
        return RedirectResponse(f"/hosts/{segment(exact[0].name)}", 303)
    return render(
        request,
        deps,
        "search.html",
        actor=actor,
        words=words,
        hosts=[line(host) for host in hosts[:FOUND_MAX]],
        racks=[(rack.name, rack.site, rack_path(rack.site, rack.name)) for rack in racks],
        cut=len(hosts) >= FOUND_MAX,
    )


def _found(
    deps: ApiDeps, words: str, sites: frozenset[str] | None
) -> tuple[list[Host], list[Rack]]:
    here = (Condition("site", "in", tuple(sorted(sites))),) if sites is not None else ()
    page = Query(conditions=here, search=words, limit=FOUND_MAX, counted=False)
    hosts = {host.id: host for host in deps.store.search(Host, page).records}
    tagged = Query(
        conditions=(*here, Condition(TAG, "exact", (words.lower(),))),
        limit=FOUND_MAX,
        counted=False,
    )
    hosts |= {host.id: host for host in deps.store.search(Host, tagged).records}
    return list(hosts.values()), deps.store.search(Rack, page).records
