"""Accepting: the host proves itself before anything of it is offered.

The tests run on the host; the floors are judged here. What is certified is what was built: the
hardware is read once more after the last change, and compared once more with the spec.

A host with a certificate is in the offer, and may have a claim: it only goes on to ready, where
what happened to it meanwhile is seen. No certificate outlives the boot on which it was measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from inventory.agents import AcceptanceReport
from inventory.model import AgentSeen, Host
from inventory.states import HostState, PowerState
from pods.acceptance import judge
from pods.facts import HardwareFacts
from pods.firmware import firmware_behind
from pods.match import critical
from pods.match_finding import Mismatch
from provisioning.findings import findings
from provisioning.lifecycle.actions import (
    Certify,
    ForgetBoot,
    OrderAcceptance,
    RecordFacts,
    RecordMismatches,
)
from provisioning.lifecycle.decision import Advance, Decision, Do, Hold, Look, Seen, Wait, Wanted
from provisioning.lifecycle.doubting import told_once
from provisioning.lifecycle.ready import feeds_lost
from provisioning.lifecycle.recognising import stranger
from provisioning.lifecycle.turns import is_its_turn
from provisioning.power.inputs import is_only_the_feed

LOOK = Look.FACTS | Look.POWER | Look.DRAW
AROUND_RECHECK_S = 0.5  # a map of ten thousand hosts is drawn every ten seconds
LEAKS_EVERY_S = 60  # telemetry reads as often, and where it runs it calls for a look sooner
FEED_RECHECK_S = 30.0  # its whole hardware is read each time
RECHECK_S = 10.0  # the agent's report wakes the host; until then only its power is looked at


def looks_accepting(host: Host, wanted: Wanted, agent: AgentSeen | None, now: datetime) -> Look:
    """The hardware is read again when there is something to certify, and for leaks meanwhile."""
    if host.certificate_id:
        return Look.NOTHING
    observed = agent.observed if agent else None
    report = observed.acceptance if observed else None
    done = report is not None and report.order_id == host.acceptance_order and report.finished
    cooling = wanted.host_type.cooling
    wet = cooling is not None and cooling.kind != "air"
    if wet and (host.doubt or is_its_turn(host, now, every_s=LEAKS_EVERY_S, for_s=RECHECK_S)):
        return LOOK
    return LOOK if done else Look.POWER


def decide_accepting(host: Host, seen: Seen, wanted: Wanted) -> Decision:
    """Order the tests, wait for the report, judge it, certify."""
    agent = seen.agent
    if host.certificate_id:
        return Advance(HostState.READY, "certified")
    if host.boot is None or agent is None or agent.observed is None:
        return Advance(HostState.BOOTING, "the agent is gone")
    if seen.power is PowerState.OFF:
        return Do(ForgetBoot(), "the host lost its power: what was measured is void")
    if host.configured_boot_id != agent.observed.boot_id:
        return Advance(HostState.BOOTING, "the host started again after it was configured")
    if agent.observed.simulated != host.simulated:
        return Hold(
            "simulated-disagrees",
            f"the record says simulated: {host.simulated}, the agent says "
            f"{agent.observed.simulated}",
            f"podyard host forget {host.name}, then add it to a pod of the right kind: "
            "a certificate must not lie",
        )
    if not host.acceptance_order:
        return Do(OrderAcceptance(agent.observed.physical_host), "no tests ordered yet")
    report = agent.observed.acceptance
    if report is None or report.order_id != host.acceptance_order:
        return Wait("the agent has not begun the tests", RECHECK_S)
    if not report.finished:
        return Wait(f"measuring: {report.progress}", RECHECK_S)
    return _judged(host, seen, wanted, report)


def _recorded(host: Host, facts: HardwareFacts) -> bool:
    """Whether the record has the same parts, and the same neighbours at the other ends."""
    known = host.facts
    same = known is not None and known.digest() == facts.digest()
    return same and known is not None and known.neighbours == facts.neighbours


def _never_trained(found: Sequence[Mismatch]) -> list[Mismatch]:
    """Before the host ran this proved nothing; now its fabric should have been configured."""
    return [one for one in found if one.path.endswith(".links_up") and one.found == "0"]


def _unmeasured(host: Host, report: AcceptanceReport) -> int:
    """How many accelerators are missing where a test was made one by one: the slow one may be."""
    measured = {one.part for one in report.measurements if one.part}
    built = len(host.facts.accelerators) if host.facts is not None else 0
    return max(0, built - len(measured)) if measured else 0


def _judged(host: Host, seen: Seen, wanted: Wanted, report: AcceptanceReport) -> Decision:
    needed = {floor.test for floor in wanted.floors}
    missed = {test: why for test, why in report.skipped.items() if test in needed}
    if unmade := report.failed | missed:
        return Hold(
            "acceptance-incomplete",
            "; ".join(f"{test}: {reason}" for test, reason in sorted(unmade.items())),
            f"make the tests able to run, then podyard host retry {host.name}",
        )
    left = _unmeasured(host, report)
    if left:
        return Hold(
            "acceptance-incomplete",
            f"{left} of its accelerators were not measured, and the others were",
            f"look for them on the host; then podyard host retry {host.name}",
        )
    verdict = judge(wanted.floors, report.measurements, peer_share=wanted.peer_share)
    if not verdict.passed:
        return Hold(
            "acceptance-failed",
            "; ".join(str(line) for line in verdict.lines if not line.passed),
            "compare with a peer: cooling, power cap, seating; replace what is slow, then "
            f"podyard host retry {host.name}",
        )
    if seen.facts is None:
        return Wait("the hardware has not been read again yet", RECHECK_S)
    if (other := stranger(host, seen.facts)) is not None:
        return other
    if seen.draw_watts is not None and seen.draw_watts <= 0:
        once = told_once(host, "readings-disagree", (), of=host.acceptance_order)
        return once or Hold(
            "readings-disagree",
            f"its agent has just measured under load, and its BMC reads {seen.draw_watts:.0f} W",
            "restart the BMC; when it still reads nothing, replace its power sensor; then "
            f"podyard host retry {host.name}",
        )
    return _as_it_runs(host, seen.facts, wanted)


def _as_it_runs(host: Host, facts: HardwareFacts, wanted: Wanted) -> Decision:
    """What was read before the host ran told nothing of links that train and coolant that leaks."""
    found = findings(host.model_copy(update={"facts": facts}), wanted)
    if not _recorded(host, facts) or found != findings(host, wanted):
        return Do(RecordFacts(), "what is certified is what is built, as it reads under load")
    if host.facts and wanted.around.as_of and wanted.around.as_of < host.facts.observed_at:
        return Wait("waiting for a look at the whole pod", AROUND_RECHECK_S)
    if found != host.mismatches:
        return Do(RecordMismatches(found), "compared once more")
    wrong = (*critical(found), *_never_trained(found))
    behind = firmware_behind(wanted.firmware, facts.firmware)
    if (lost := feeds_lost(facts, wanted.feeds)) and is_only_the_feed(wrong, facts, wanted.feeds):
        why = f"feed {lost[0]} gives no power: nothing is certified that the next loss would stop"
        return Wait(why, FEED_RECHECK_S, others=True)
    said = [*(str(m) for m in wrong), *(f"{i.component} behind" for i in behind)]
    if said:
        once = told_once(host, "changed-since-inspection", said, of=host.acceptance_order)
        return once or Hold(
            "changed-since-inspection",
            "; ".join(said),
            f"find out what changed, then podyard host retry {host.name}",
        )
    return Do(Certify(), "every floor is reached")
