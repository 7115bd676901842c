"""The plug is pulled again and again in the middle of a bring-up; the hall's journal judges.

The service ends itself with SIGKILL at named points (`provisioning.faultpoints`), is started again
with the next point armed, and so on until the points are used up; the hall lives through it all.
The end must be that of a bring-up in which nothing happened.
"""

from __future__ import annotations

import random

import pytest

from provisioning.faultpoints import POINTS
from provisioning.simulator.journal import destructive_acts, feed_peaks, repeated_acts
from tests.bed import Bed, bed, is_parked

pytestmark = [pytest.mark.integration, pytest.mark.timeout(1500)]

KILLS = 10
OFTEN = ("-observe", "before-act", "-record")
"""Ends of the points that every step comes by. All points of all steps: `crashes`."""
SPEED = 4.0


def chosen_points(seed: int) -> list[str]:
    """Ten points and visits from a seed, around the two on either side of the flash.

    Visits are few, so that every point is reached before the bring-up is over.
    """
    rng = random.Random(seed)
    ordinary = sorted(point for point in POINTS if point.endswith(OFTEN))
    points = [f"{rng.choice(ordinary)}:{rng.randint(1, 6)}" for _ in range(KILLS)]
    points[2] = "after-intent:1"
    points[3] = "after-act:1"
    points[9] = "before-certificate:1"
    return points


def crash_through(one: Bed, points: list[str]) -> list[str]:
    """Arm one point after the other; returns the points at which the service really died."""
    died = []
    for point in points:
        process = one.start_service(kill_at=point, ready=False)
        one.wait(300, lambda p=process: p.poll() is not None or (one.answers() and one.settled()))
        if process.poll() is None:
            one.kill_service()
            continue
        died.append(point)
    one.start_service()
    return died


@pytest.mark.parametrize(
    "seed",
    [20260301, *(pytest.param(seed, marks=pytest.mark.long) for seed in (7, 11, 4242))],
)
def test_ten_kills_end_as_none_would(seed: int) -> None:
    """Hosts, units, certificates and destructive acts are those of an undisturbed bring-up."""
    with bed("old-firmware@h2", "missing-dimm@h3", speed=SPEED) as one:
        one.start_hall()
        one.start_service()
        one.login()
        one.apply_pod()
        plan = one.plan()
        one.approve(plan["digest"])
        one.kill_service()

        points = chosen_points(seed)
        died = crash_through(one, points)
        one.wait(120, one.settled)

        hosts = one.hosts()
        ready = sorted(n for n, h in hosts.items() if h["state"] == "ready")
        parked = sorted(n for n, h in hosts.items() if is_parked(h))
        problems = {n: h["problem"] for n, h in hosts.items() if h["problem"]}
        assert (len(ready), len(parked)) == (3, 1), problems
        assert one.get("/api/units")["count"] == 3
        assert one.get("/api/certificates")["count"] == 3
        journal = one.journal
        planned = [
            (act["host"], act["component"], act["from_version"], act["to_version"])
            for wave in plan["waves"]
            for act in wave["acts"]
            if act["destructive"]
        ]
        done = [(a.host, a.component, a.old, a.new) for a in destructive_acts(journal)]
        assert done == planned
        assert repeated_acts(journal) == []
        assert feed_peaks(journal)["a"] <= plan["budget_watts"]
        assert died == points
