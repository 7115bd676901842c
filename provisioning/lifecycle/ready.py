"""Ready: certified and offered. The loop watches, and suspends the certificate when it is not true.

A watch is one read of one resource. Every quarter of an hour, spread by the host's id so that a
site's BMCs are not all read in one minute, the whole hardware is read and held against what was
certified; agents say sooner that a host started again or that a driver met an error. One look is
none: a BMC that leaves a part out of one answer must not cost a tenant a host, so what contradicts
the certificate is read twice before it counts.

A suspended certificate stays suspended. Nobody is evicted: the host goes through draining, which
waits for its tenant, and from there all the way to a new acceptance.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from functools import lru_cache

from inventory.model import AgentSeen, Host
from inventory.states import HostState, PowerState
from pods.facts import HardwareFacts
from pods.suspension import Observation, Suspension, suspensions
from pods.xid import codes, verdict
from provisioning.lifecycle.actions import RecordFacts, RecordInspection, Suspend, WithdrawUnit
from provisioning.lifecycle.decision import (
    Advance,
    Decision,
    Do,
    Hold,
    Look,
    Notice,
    Seen,
    Wait,
    Wanted,
)
from provisioning.lifecycle.upkeep import upkeep
from provisioning.power.inputs import inputs

LOOK = Look.POWER
LOOK_AGAIN_S = 5.0
WATCH_S = 60.0  # one read of one resource; health comes from the agent, which calls every 25 s
SILENT_S = 90.0  # three calls that did not come: more than a restart of the agent takes
OUT_OF_OFFER_S = 300.0  # longer than a switch or a controller is away; nothing else is at stake
STALE_S = 60.0  # an agent calls every 25 s: one that was silent for longer may have gone down
ONE_ANSWER = frozenset({"part_changed", "firmware_drift", "feed_lost", "leak"})
"""Rules that speak from what a BMC answered: one answer is none."""
FEEDS_MIN = 2  # with one feed, a host whose feed is lost says nothing at all


def looks_ready(host: Host, wanted: Wanted, _agent: AgentSeen | None, now: datetime) -> Look:
    """The power always; the whole hardware in its turn, and while something is in doubt."""
    whole = host.doubt or _waits_for_feed(wanted)
    if host.target == "ready" and (whole or _turn_came(host, wanted.inspect_every_s, now)):
        return LOOK | Look.FACTS
    return LOOK


def decide_ready(host: Host, seen: Seen, wanted: Wanted) -> Decision:
    """Drain when the host is wanted elsewhere or its certificate is suspended; else watch."""
    if host.target != "ready":
        return Advance(HostState.DRAINING, f"wanted {host.target}")
    causes = _new_causes(host, seen, wanted)
    if causes and _doubtful(causes) and seen.facts and host.doubt != seen.facts.digest():
        return Do(RecordInspection(doubt=True), f"reading once more: {causes[0]}")
    if causes:
        return Do(Suspend(causes), "; ".join(str(cause) for cause in causes))
    if wanted.suspended:
        return _suspended(host, seen, wanted)
    if seen.power is PowerState.OFF:
        return _without_power(host, wanted)
    if not host.certificate_id:
        return Advance(HostState.DRAINING, "it was out of the offer: to be accepted again")
    if (quiet_s := _quiet_s(seen)) > SILENT_S:
        return _silent(host, seen, quiet_s, wanted)
    if seen.facts is not None:
        return Do(RecordInspection(doubt=False), "ready")
    if (due := upkeep(host, wanted, seen.now)) is not None:
        return due
    return Wait(_in_words(host, seen, wanted), watch_s(wanted))


def _in_words(host: Host, seen: Seen, wanted: Wanted) -> str:
    """What only warns changes nothing but what is said."""
    since = wanted.certified.issued_at if wanted.certified else host.state_since
    found = (verdict(code) for code in sorted(set(_xids(seen.agent, since=since))))
    told = [f"Xid {one.code}: {one.meaning}, {one.remedy}" for one in found if one.action == "warn"]
    return "; ".join(["ready", *told])


def watch_s(wanted: Wanted) -> float:
    """The pause between two watches."""
    return min(WATCH_S, wanted.inspect_every_s)


def _new_causes(host: Host, seen: Seen, wanted: Wanted) -> tuple[Suspension, ...]:
    """What speaks against the certificate and is not written down yet."""
    said = wanted.certified
    if said is None or not host.certificate_id:
        return ()
    found = suspensions(
        said,
        Observation(
            facts=seen.facts,
            xids=_xids(seen.agent, since=said.issued_at),
            feeds_lost=feeds_lost(seen.facts, wanted.feeds),
            restarted=_restarted(host, seen),
        ),
        drain_xids=codes("drain", "reset"),
        replace_xids=codes("replace"),
        certified=host.facts,
    )
    known = {(one.rule, one.what) for one in wanted.suspended}
    return tuple(one for one in found if (one.rule, one.what) not in known)


def _doubtful(causes: tuple[Suspension, ...]) -> bool:
    """Whether all of it rests on one answer of a BMC."""
    return all(one.rule in ONE_ANSWER for one in causes)


def _xids(agent: AgentSeen | None, *, since: datetime) -> tuple[int, ...]:
    observed = agent.observed if agent else None
    return tuple(one.code for one in observed.xids if one.last_at > since) if observed else ()


def feeds_lost(facts: HardwareFacts | None, feeds: tuple[str, ...]) -> tuple[str, ...]:
    """Those of its two feeds from which its supplies get nothing; else either, where half do."""
    fitted = facts.power_supplies if facts else ()
    if len(feeds) < FEEDS_MIN:
        return ()
    if lost := tuple(feed for feed, lives in inputs(fitted, feeds).items() if not lives):
        return lost
    dead = sum(1 for one in fitted if one.input_status == "LossOfInput")
    return (" or ".join(feeds),) if dead and dead * 2 >= len(fitted) else ()


def _restarted(host: Host, seen: Seen) -> bool:
    """Another boot reports; or the power was seen off, is on, and nobody reported meanwhile."""
    observed = seen.agent.observed if seen.agent else None
    if observed is not None and observed.boot_id != host.configured_boot_id:
        return True
    came_back = host.power is PowerState.OFF and seen.power is PowerState.ON
    return came_back and (seen.agent is None or seen.age_s(seen.agent.seen_at) > STALE_S)


def _waits_for_feed(wanted: Wanted) -> bool:
    return any(one.cure == "wait" for one in wanted.suspended)


def _turn_came(host: Host, period_s: float, now: datetime) -> bool:
    """Each host has its own moment in the period, whatever the moment in which it became ready."""
    offset_s = period_s * _share(host.id)
    last = max(host.inspected_at or host.state_since, host.state_since)
    turn, before = ((at.timestamp() - offset_s) // period_s for at in (now, last))
    return before < turn


@lru_cache(maxsize=32768)
def _share(host_id: str) -> float:
    """A number from 0 to 1 that is the host's own."""
    return int.from_bytes(hashlib.sha256(host_id.encode()).digest()[:4]) / 2**32


def _suspended(host: Host, seen: Seen, wanted: Wanted) -> Decision:
    """What ends a suspension is an acceptance; what must come before it depends on the cause."""
    by_hand = next((one for one in wanted.suspended if one.cure == "person"), None)
    if by_hand is not None:
        return Hold(
            "certificate-suspended",
            f"{by_hand.rule.replace('_', ' ')}: {by_hand.what}",
            f"{by_hand.remedy}: podyard host repair {host.name} --why TEXT, and when it is done "
            f"podyard host retry {host.name}",
        )
    feed = next((one for one in wanted.suspended if one.cure == "wait"), None)
    if feed is not None and (seen.facts is None or feeds_lost(seen.facts, wanted.feeds)):
        return Wait(f"its certificate is suspended: {feed.what}; {feed.remedy}", watch_s(wanted))
    if feed is not None and feeds_lost(host.facts, wanted.feeds):
        return Do(RecordFacts(), "its supplies have input again")
    first = wanted.suspended[0]
    return Advance(
        HostState.DRAINING,
        f"its certificate is suspended ({first.rule.replace('_', ' ')}: {first.what}): "
        "to be accepted again",
    )


def _without_power(host: Host, wanted: Wanted) -> Decision:
    """BMCs misread: only a second look in a row counts. Nobody is evicted, nothing forced on.

    It is shown and watched: power that comes back brings the host to acceptance again. Only where
    the pod's policy says so is a host that stays off brought up anew, from the beginning and within
    the watts of its feed.
    """
    if host.power is not PowerState.OFF:
        return Wait("its power reads Off: looking once more", LOOK_AGAIN_S)
    if host.certificate_id:
        return Do(WithdrawUnit(), "it lost its power: nothing new may be placed here")
    if wanted.restore_power:
        return Advance(HostState.DRAINING, "switched off by somebody; the pod's policy restores it")
    lost = Notice(
        "power-lost",
        "the host was ready and is switched off",
        f"find out who switched it off and switch it on; or podyard host want {host.name} "
        "enrolled, then ready, brings it up anew",
        next_step="looks for its power",
    )
    return Wait("its power to come back", watch_s(wanted), notice=lost)


def out_of_sight(host: Host, agent: AgentSeen | None, now: datetime) -> bool:
    """A ready host whose BMC does not answer and whose agent is silent as well, for long enough.

    Nobody knows anything of it, so nothing new is placed on it; whoever holds it keeps it.
    """
    problem = host.problem
    if host.state is not HostState.READY or not host.certificate_id or problem is None:
        return False
    if agent is None or (now - problem.since).total_seconds() < OUT_OF_OFFER_S:
        return False
    return (now - agent.seen_at).total_seconds() > OUT_OF_OFFER_S


def _quiet_s(seen: Seen) -> float:
    """How long nobody has heard of the host's agent; 0 where no agent ever spoke."""
    return seen.age_s(seen.agent.seen_at) if seen.agent is not None else 0.0


def _silent(host: Host, seen: Seen, quiet_s: float, wanted: Wanted) -> Decision:
    """Power is on and its agent says nothing. Unknown is not dead: nobody is evicted for it."""
    known = host.problem if host.problem and host.problem.kind == "agent-silent" else None
    told_s = seen.age_s(known.since) if known is not None else 0.0
    # Told for a while as well: after an outage of our own every agent seems silent at first.
    if quiet_s > OUT_OF_OFFER_S and told_s > OUT_OF_OFFER_S - SILENT_S:
        return Do(WithdrawUnit(), f"its agent is silent since {quiet_s:.0f} s: nothing new here")
    notice = Notice(
        "agent-silent",
        f"its power is {seen.power} and its agent was not heard of for {quiet_s:.0f} s",
        f"look at the host's console and network; after {OUT_OF_OFFER_S:.0f} s it leaves the "
        "offer, and is accepted again when no claim holds it",
        next_step="listens for its agent",
    )
    return Wait("its agent to speak", min(LOOK_AGAIN_S * 2, watch_s(wanted)), notice=notice)
