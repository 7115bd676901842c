"""What an agent does next: desired against present state, as values, without doing it.

Whole documents come in and whole decisions go out, so an exchange that was lost, doubled or
reordered by a restart changes nothing: the same pair always gives the same actions, and a pair that
agrees gives none.
"""

from __future__ import annotations

from dataclasses import dataclass

from inventory.agents import AcceptanceOrder, DesiredState, RayOrder


@dataclass(frozen=True, slots=True)
class Present:
    """What the agent is doing now."""

    acceptance_order: str = ""
    """The order that was or is being run."""
    ray: RayOrder | None = None


@dataclass(frozen=True, slots=True)
class RunAcceptance:
    """Run this order once."""

    order: AcceptanceOrder


@dataclass(frozen=True, slots=True)
class ForgetAcceptance:
    """Nobody asks for a report any more: abandon the run, drop the report."""


@dataclass(frozen=True, slots=True)
class StartRay:
    """Be part of this cluster, leaving another one first."""

    order: RayOrder


@dataclass(frozen=True, slots=True)
class StopRay:
    """Be part of no cluster."""


Action = RunAcceptance | ForgetAcceptance | StartRay | StopRay


def decide(present: Present, desired: DesiredState) -> tuple[Action, ...]:
    """What brings the host from present to desired. Stopping comes first."""
    return (*_ray(present, desired), *_acceptance(present, desired))


def _ray(present: Present, desired: DesiredState) -> tuple[Action, ...]:
    if desired.ray == present.ray:
        return ()
    if desired.ray is None:
        return (StopRay(),)
    if desired.drain:
        # A draining host finishes what it has and takes on nothing new or changed.
        return ()
    return (StartRay(desired.ray),)


def _acceptance(present: Present, desired: DesiredState) -> tuple[Action, ...]:
    order = desired.acceptance
    if order is None:
        return (ForgetAcceptance(),) if present.acceptance_order else ()
    if order.order_id == present.acceptance_order or desired.drain:
        return ()
    return (RunAcceptance(order),)
