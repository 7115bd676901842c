"""What a person asks of two plans: who moved, what else will be done, what power becomes.

`plan.diff` tells every path that differs, for programs. One host inserted at the front changes
hundreds of them; said by host and by feed it is a line.
"""

from __future__ import annotations

from collections import Counter

from pods.differences import Change
from pods.plan import Act, Plan


def told_differences(before: Plan, after: Plan) -> tuple[Change, ...]:
    """The differences by host and feed, in the order of their importance; none means the same."""
    return (
        *_destructive(before, after),
        *_hosts(before, after),
        *_acts(before, after),
        *_feeds(before, after),
        *_whole(before, after),
    )


NOTHING = "nothing"


def _destructive(before: Plan, after: Plan) -> list[Change]:
    """What would be flashed in one and not in the other: the first thing to read."""
    was = Counter(map(str, before.destructive_acts()))
    will = Counter(map(str, after.destructive_acts()))
    gone = [Change(path="destructive", before=act, after=NOTHING) for act in (was - will)]
    came = [Change(path="destructive", before=NOTHING, after=act) for act in (will - was)]
    return [*gone, *came]


def _places(plan: Plan) -> dict[str, str]:
    places = {h: f"wave {wave.number} ({wave.stage})" for wave in plan.waves for h in wave.hosts}
    return places | {host.host: f"parked: {host.reason}" for host in plan.parked}


def _hosts(before: Plan, after: Plan) -> list[Change]:
    return _changed("host", _places(before), _places(after))


def _acts(before: Plan, after: Plan) -> list[Change]:
    """Hosts of both plans whose other acts differ."""
    was, will = _by_host(before), _by_host(after)
    return _changed(
        "acts",
        {host: acts for host, acts in was.items() if host in will},
        {host: acts for host, acts in will.items() if host in was},
    )


def _by_host(plan: Plan) -> dict[str, str]:
    acts: dict[str, list[Act]] = {}
    for act in plan.acts():
        if not act.destructive:
            acts.setdefault(act.host, []).append(act)
    return {
        host: ", ".join(str(act).removeprefix(f"{host}: ") for act in of_host)
        for host, of_host in acts.items()
    }


def _feeds(before: Plan, after: Plan) -> list[Change]:
    def said(plan: Plan) -> dict[str, str]:
        return {
            feed.feed: f"peak {max(feed.peak_watts, feed.peak_lost_watts or 0.0):.0f} W "
            f"of {feed.budget_watts:.0f} W"
            for feed in plan.feeds
        }

    return _changed("feed", said(before), said(after))


def _whole(before: Plan, after: Plan) -> list[Change]:
    def said(plan: Plan) -> dict[str, str]:
        return {
            "spec": f"{plan.spec} {plan.spec_digest}",
            "pod": plan.pod,
            "gates": ", ".join(plan.gates),
            "waves": str(len(plan.waves)),
            "expected": f"{plan.expected_s:.0f} s",
            "not inspected": ", ".join(plan.unknown_hosts) or "none",
        }

    return _changed("plan", said(before), said(after))


def _changed(kind: str, was: dict[str, str], will: dict[str, str]) -> list[Change]:
    return [
        Change(path=f"{kind} {name}", before=was.get(name, NOTHING), after=will.get(name, NOTHING))
        for name in dict.fromkeys([*was, *will])
        if was.get(name) != will.get(name)
    ]
