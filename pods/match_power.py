"""Power supplies, cooling and leak detectors: may this host be loaded where it stands?

What a BMC does not report cannot be wrong, only unproven: where the spec asks for it, a note says
so, and whoever brings up the pod looks at the part instead.
"""

from __future__ import annotations

from collections.abc import Iterator

from pods.facts import HardwareFacts, PowerSupplyFact
from pods.match_finding import NOT_REPORTED, Mismatch, blocks, count, figure, notes, warns
from pods.spec import HostType, PsuSpec

_DEAD_INPUTS = frozenset({"LossOfInput", "OutOfRange"})

_WET = frozenset({"liquid", "hybrid"})

FLOW_SHARE_MIN = 0.9
"""Of the designed flow. Flow meters are good to some 5 %, and a valve follows the load."""


def power_supplies(host_type: HostType, facts: HardwareFacts) -> Iterator[Mismatch]:
    """Count, capacity, and whether enough of them have power."""
    wanted = host_type.psus
    fitted = facts.power_supplies
    if wanted is None:
        return
    if not fitted:
        yield notes(
            "power_supplies.count",
            wanted.count,
            NOT_REPORTED,
            meaning="this BMC does not list its power supplies, so redundancy is unproven",
            remedy=f"count {wanted.count} supplies with a steady green light at the back",
        )
        return
    yield from count(
        "power_supplies.count",
        wanted.count,
        len(fitted),
        "power supplies",
        lacking=f"the design survives losses only with {wanted.count} supplies fitted",
        fewer="seat or replace the power supply in the bay that reports none",
    )
    for supply in fitted:
        yield from _capacity(wanted, supply)
    if facts.power_redundancy and wanted.redundancy not in {None, "N+N", facts.power_redundancy}:
        yield warns(
            "power_supplies.redundancy",
            wanted.redundancy,
            facts.power_redundancy,
            meaning="the host survives another number of lost supplies than its design",
            remedy="set the redundancy policy in the BMC as the design has it",
        )
    yield from _inputs(wanted, fitted)


def _capacity(wanted: PsuSpec, supply: PowerSupplyFact) -> Iterator[Mismatch]:
    if supply.capacity_watts is not None and supply.capacity_watts < wanted.capacity_watts:
        yield blocks(
            f"power_supplies.{supply.slot}.capacity_watts",
            wanted.capacity_watts,
            figure(supply.capacity_watts),
            meaning="it is a smaller supply, or it derates on a lower input voltage",
            remedy=f"measure the input of {supply.slot}, then replace the supply",
        )


def _inputs(wanted: PsuSpec, fitted: tuple[PowerSupplyFact, ...]) -> Iterator[Mismatch]:
    """A supply without input warns; when too few are left to carry the host, each blocks."""
    dead = [one for one in fitted if one.input_status in _DEAD_INPUTS or one.health == "Critical"]
    left = len(fitted) - len(dead)
    enough = left >= wanted.carrying
    say = warns if enough else blocks
    for supply in dead:
        no_input = supply.input_status in _DEAD_INPUTS
        yield say(
            f"power_supplies.{supply.slot}.{'input_status' if no_input else 'health'}",
            "Normal" if no_input else "OK",
            supply.input_status if no_input else supply.health,
            meaning=f"{left} of {len(fitted)} supplies work; {wanted.carrying} must carry the host"
            + (", so the next loss may stop it" if enough else ""),
            remedy=f"check the feed, breaker and cord of {supply.slot}, then replace the supply",
        )


def cooling(host_type: HostType, facts: HardwareFacts) -> Iterator[Mismatch]:
    """Fans, pumps, leak detectors and flow."""
    yield from _moving_parts(facts)
    yield from _leaks(host_type, facts)
    yield from _flow(host_type, facts)


def _moving_parts(facts: HardwareFacts) -> Iterator[Mismatch]:
    for part in facts.cooling:
        if part.health not in {"Warning", "Critical"}:
            continue
        say = blocks if part.health == "Critical" else warns
        yield say(
            f"cooling.{part.slot}.health",
            "OK",
            part.health,
            meaning=f"with this {part.kind} failing, parts throttle or shut down under load",
            remedy=f"replace the {part.kind} {part.slot}",
        )


def _leaks(host_type: HostType, facts: HardwareFacts) -> Iterator[Mismatch]:
    wet = host_type.cooling is not None and host_type.cooling.kind in _WET
    if wet and not facts.leak_detectors:
        yield notes(
            "leak_detectors",
            "armed",
            NOT_REPORTED,
            meaning="this BMC does not show its leak detectors, so a leak here may go unseen",
            remedy="prove the rack's own detector and its reaction before liquid flows",
        )
    for detector in facts.leak_detectors:
        path = f"leak_detectors.{detector.slot}.state"
        if detector.state == "Critical":
            yield blocks(
                path,
                "OK",
                detector.state,
                meaning="the detector sees liquid",
                remedy="isolate the loop, leave the host off, and call whoever is on site",
            )
        elif detector.state == "Warning":
            yield warns(
                path,
                "OK",
                detector.state,
                meaning="the detector sees a little liquid",
                remedy="find where it comes from before the host is started again",
            )
        elif detector.state != "OK":
            yield warns(
                path,
                "OK",
                detector.state or NOT_REPORTED,
                meaning="this detector guards nothing in its present state",
                remedy=f"reconnect and test leak detector {detector.slot}",
            )
        if wet and detector.critical_reaction == "None":
            yield warns(
                f"leak_detectors.{detector.slot}.critical_reaction",
                "a shutdown",
                detector.critical_reaction,
                meaning="a leak is seen and nothing happens",
                remedy=f"set the reaction of leak detector {detector.slot} to a critical leak",
            )


def _flow(host_type: HostType, facts: HardwareFacts) -> Iterator[Mismatch]:
    wanted = host_type.cooling.flow_lpm if host_type.cooling else None
    told = [one.flow_lpm for one in facts.coolant if one.flow_lpm is not None]
    if wanted is None or not told:
        return
    if sum(told) < FLOW_SHARE_MIN * wanted:
        yield warns(
            "coolant.flow_lpm",
            figure(wanted),
            figure(sum(told)),
            meaning="under full load the coolant leaves hotter than designed",
            remedy="check valves, couplings and filters of this branch, and the CDU's set point",
        )
