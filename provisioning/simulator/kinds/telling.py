"""Faults of what a BMC tells by itself: its events."""

from __future__ import annotations

from provisioning.simulator.kinds.registry import Subject

TELLING = Subject("What the BMC tells by itself")


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
