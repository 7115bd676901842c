"""Readings of one host over time, and the energy that it drew."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request

from inventory.auth import Actor, Permission, require
from inventory.deps import Deps
from inventory.readings.asked import MOMENTS_MAX, RESOLUTIONS_S, answer, finest
from inventory.readings.keeping import BmcLine, Readings
from inventory.readings.series import sort_of
from inventory.refusals import ERRORS, Refused
from inventory.routes.hosts import find_host
from inventory.routes.shapes import NamePath, View

router = APIRouter(prefix="/api/hosts", tags=["hosts"], responses=ERRORS)
Reader = Annotated[Actor, Depends(require(Permission.HOST_READ))]

SPAN = timedelta(hours=6)
"""What is shown unless somebody says otherwise: a shift."""
LINES_SHOWN = 200
SERIES_ASKED_MAX = 32


class SeriesView(View):
    """One series. Each list is as long as `at`; null is where nothing was read."""

    name: str
    unit: str
    mean: tuple[float | None, ...]
    min: tuple[float | None, ...]
    """Empty at the resolution raw, where each reading is its own least and most."""
    max: tuple[float | None, ...]
    grew: tuple[float | None, ...] = ()
    """Of a counter: by how much since the reading before it. A reset is no growth below zero."""
    anew: tuple[int, ...] = ()
    """Of a counter: when it began anew, in seconds since 1970."""


class EnergyView(View):
    """What the host drew since podyard reads it: a counter that never falls."""

    since: datetime
    read_at: datetime
    kwh: float
    gaps: int
    """How often there was a time of which nobody knows what was drawn."""
    gap_s: float
    """How long all of them were; nothing was added for them."""


class ReadingsView(View):
    """What was asked for, as it was read: gaps are nulls and are never filled in."""

    host: str
    since: datetime
    until: datetime
    resolution: str
    at: tuple[int, ...]
    """Seconds since 1970: when it was read, or where a step begins."""
    series: tuple[SeriesView, ...]
    gaps: tuple[tuple[int, int], ...]
    """From when to when nothing was read, in seconds since 1970."""
    energy: EnergyView | None
    """None: no reading of its draw or of its energy was ever kept."""


class BmcLineView(View):
    """One line of a BMC's log: somebody else's words, by somebody else's clock."""

    seen_at: datetime
    at: datetime | None
    source: str
    severity: str
    message: str


class BmcLinesView(View):
    """The newest lines first."""

    host: str
    results: tuple[BmcLineView, ...]


@router.get("/{name}/readings")
async def host_readings(
    name: NamePath,
    request: Request,
    deps: Deps,
    actor: Reader,  # noqa: ARG001 - it is checked by being asked for
    *,
    series: Annotated[
        list[Annotated[str, Query(max_length=64, pattern=r"^[a-z0-9.-]+$")]] | None,
        Query(max_length=SERIES_ASKED_MAX, description="`power`, `temperature.gpu-0`; none: all"),
    ] = None,
    since: Annotated[datetime | None, Query(alias="from", description="6 hours ago")] = None,
    until: Annotated[datetime | None, Query(alias="to", description="now")] = None,
    resolution: Annotated[
        Literal["auto", "raw", "5m", "1h", "1d"],
        Query(description="auto: the finest that is kept and fits an answer"),
    ] = "auto",
) -> ReadingsView:
    """Power, temperature, leaks and what wears, with gaps as nulls.

    Raw readings are kept for 48 hours, five-minute rollups for a year.
    """
    host = await deps.in_thread(find_host, deps, name)
    now = deps.clock.now()
    last = _moment(until, "to") if until else now
    first = _moment(since, "from") if since else last - SPAN
    begin, end = int(first.timestamp()), int(last.timestamp())
    if begin >= end:
        raise Refused(
            422,
            "invalid",
            f"from {first.isoformat()} is not before to {last.isoformat()}",
            path="from",
            value=first.isoformat(),
            hint="leave `to` out for now, and `from` out for 6 hours before it",
        )
    step_s = RESOLUTIONS_S.get(resolution)
    if step_s is None:
        step_s = finest(begin, end, now=int(now.timestamp()))
    if (end - begin) / (step_s or 60) > MOMENTS_MAX:
        raise Refused(
            422,
            "invalid",
            f"{resolution} from {first.isoformat()} to {last.isoformat()} is over {MOMENTS_MAX} "
            "moments",
            path="resolution",
            value=resolution,
            hint="ask for a shorter span or a coarser resolution: auto always fits",
        )
    kept = readings_of(request)
    found = await deps.in_thread(
        answer, kept, host.id, since=begin, until=end, step_s=step_s, wanted=tuple(series or ())
    )
    meter = (await deps.in_thread(kept.meters, [host.id])).get(host.id)
    words = {seconds: word for word, seconds in RESOLUTIONS_S.items()}
    return ReadingsView(
        host=host.name,
        since=first,
        until=last,
        resolution=words[found.step_s],
        at=found.at,
        series=tuple(
            SeriesView(
                name=column.name,
                unit=sort_of(column.name).unit,
                mean=column.mean,
                min=column.least,
                max=column.most,
                grew=column.grew,
                anew=column.anew,
            )
            for column in found.columns
        ),
        gaps=found.gaps,
        energy=EnergyView(
            since=_at(meter.since),
            read_at=_at(meter.at),
            kwh=round(meter.kwh, 3),
            gaps=meter.gaps,
            gap_s=round(meter.gap_s, 1),
        )
        if meter is not None
        else None,
    )


@router.get("/{name}/bmc-log")
async def host_bmc_log(
    name: NamePath,
    request: Request,
    deps: Deps,
    actor: Reader,  # noqa: ARG001 - it is checked by being asked for
    *,
    limit: Annotated[int, Query(ge=1, le=LINES_SHOWN)] = 50,
) -> BmcLinesView:
    """The newest lines of the BMC's own log, as podyard read them."""
    host = await deps.in_thread(find_host, deps, name)
    found = await deps.in_thread(readings_of(request).lines, host.id, limit=limit)
    return BmcLinesView(host=host.name, results=tuple(_line(one) for one in found))


def readings_of(request: Request) -> Readings:
    """The app's own: hosts are looked up by whoever asks, what is read of them is by their id."""
    store = request.app.state.deps.store
    found: Readings = store.readings
    return found


def _line(one: BmcLine) -> BmcLineView:
    return BmcLineView(
        seen_at=_at(one.seen_at),
        at=None if one.at is None else _at(one.at),
        source=one.source,
        severity=one.severity,
        message=one.message,
    )


def _at(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _moment(said: datetime, path: str) -> datetime:
    if said.tzinfo is None:
        raise Refused(
            422,
            "invalid",
            f"{path} {said.isoformat()} has no time zone",
            path=path,
            value=said.isoformat(),
            hint=f"write {said.isoformat()}Z for UTC",
        )
    return said.astimezone(UTC)
