"""Overview and hall floor: the whole site on one page each."""

from __future__ import annotations

from fastapi import Request, Response

from inventory.auth import Actor, Permission
from inventory.deps import Deps
from inventory.holding import held
from inventory.model import ComputeUnit, Event
from inventory.states import UnitState
from inventory.store.protocol import Store
from inventory.web.asking import HostReader, Word, page_router
from inventory.web.board import Board, whole_board
from inventory.web.frame import render
from inventory.web.views.hosts import event_line
from inventory.web.views.looks import MEANINGS, SYMBOLS, WORST_FIRST
from inventory.web.views.overview import PROBLEMS_SHOWN, pod_lines, problems, shares
from inventory.web.views.power import budgets, held_by_feed, meters
from inventory.web.views.racks import Row, floor

router = page_router()

FEEDS_SHOWN = 12
EVENTS_SHOWN = 12
PODS_SHOWN = 20
RACKS_SHOWN = 600
"""Tiles that one page draws well; a larger site is walked by site or row."""


@router.get("/")
async def overview_page(
    request: Request, deps: Deps, actor: HostReader, *, site: Word = ""
) -> Response:
    """The site at a glance."""
    board = await board_for(request, actor, site)
    several = len(board.sites) > 1
    found = problems(board.hosts)
    limits = budgets(board.feeds, board.pods)
    power = meters(held_by_feed(board.hosts), limits, sites=several)
    recent = (
        await deps.in_thread(newest_events, deps.store, EVENTS_SHOWN)
        if actor.may(Permission.EVENT_READ)
        else []
    )
    units = {
        state.value: await deps.in_thread(deps.store.count, ComputeUnit, state=state.value)
        for state in (UnitState.AVAILABLE, UnitState.CLAIMED)
    }
    hold = await deps.in_thread(held, deps.store, deps.hold_file)
    return render(
        request,
        deps,
        "overview.html",
        actor=actor,
        hold=str(hold) if hold else "",
        title=_title(board, site),
        site=site,
        sites=await sites_for(request, actor),
        total=len(board.hosts),
        counts={tone: sum(h.look.tone == tone for h in board.hosts) for tone in WORST_FIRST},
        shares=shares(board.hosts),
        problems=found[:PROBLEMS_SHOWN],
        more_problems=len(found) - PROBLEMS_SHOWN,
        meters=power[:FEEDS_SHOWN],
        more_meters=len(power) - FEEDS_SHOWN,
        held=sum(one.held_watts for one in power),
        budget=sum(limits.values()) if limits else None,
        pods=pod_lines(board.pods[:PODS_SHOWN], board.hosts),
        more_pods=len(board.pods) - PODS_SHOWN,
        units=units,
        events=[event_line(event) for event in reversed(recent)],
    )


@router.get("/hall")
async def hall_page(
    request: Request, deps: Deps, actor: HostReader, *, site: Word = "", row: Word = ""
) -> Response:
    """Racks by row, each with its hosts."""
    board = await board_for(request, actor, site)
    rows = floor(board.hosts, board.racks, board.locations)
    titles = [one.title for one in rows]
    chosen = [one for one in rows if not row or one.title == row]
    shown: list[Row] = []
    racks = 0
    for one in chosen:
        if shown and racks + len(one.tiles) > RACKS_SHOWN:
            break
        shown.append(one)
        racks += len(one.tiles)
    return render(
        request,
        deps,
        "hall.html",
        actor=actor,
        site=site,
        row=row,
        sites=await sites_for(request, actor),
        titles=titles,
        rows=shown,
        left_out=len(chosen) - len(shown),
        key=[(tone, SYMBOLS[tone], MEANINGS[tone]) for tone in WORST_FIRST],
    )


async def board_for(request: Request, actor: Actor, site: str = "") -> Board:
    """What stands at the sites that this actor may see, or at one of them."""
    board = await whole_board(request)
    seen = board.at(actor.sites_for(Permission.HOST_READ))
    return seen.at(frozenset({site})) if site else seen


async def sites_for(request: Request, actor: Actor) -> tuple[str, ...]:
    """Sites to choose from."""
    board = await whole_board(request)
    return board.at(actor.sites_for(Permission.HOST_READ)).sites


def newest_events(store: Store, count: int) -> list[Event]:
    """The newest few, oldest first."""
    return store.newest_events(limit=count)[::-1]


def _title(board: Board, site: str) -> str:
    if site or len(board.sites) == 1:
        name = site or board.sites[0]
        return board.titles.get(name, name)
    return "All sites"
