"""Faults of what a BMC tells besides its hardware: events by itself, and what parts count."""

from __future__ import annotations

from math import inf

from provisioning.simulator.kinds.registry import Subject

TELLING = Subject("Events and counters")


@TELLING.fault("no-event-stream")
def _no_event_stream() -> None:
    """The BMC has subscriptions and no stream of events (SSE)."""


@TELLING.fault("no-events")
def _no_events() -> None:
    """The BMC has no EventService."""


@TELLING.fault("event-storm", rate=50.0)
def _event_storm() -> None:
    """A sensor chatters: `rate` events a second, to everybody who listens."""


@TELLING.fault("repeats-events", count=3.0)
def _repeats_events() -> None:
    """Every event is sent `count` times, to the letter the same."""


@TELLING.fault("forgets-subscriptions")
def _forgets_subscriptions() -> None:
    """A restart of the BMC ends all subscriptions."""


@TELLING.fault("counts-errors", minute=60.0, most=inf)
def _counts_errors() -> None:
    """Accelerators count `minute` errors a minute in memory, PCIe and links, from 0 at `most`."""
