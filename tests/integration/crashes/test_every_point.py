"""kill -9 at every point of every step of a sixteen-host bring-up; the hall's journal judges.

The service dies at the first point of a step at which it has not died before, is born again, and so
on until it comes through: no step was left out and no point of one, and nobody has to list them.
What is listed is what a bring-up must have come through, so that a step that went missing is seen.
"""

from __future__ import annotations

import random
import time
from collections import defaultdict
from itertools import pairwise
from pathlib import Path

import httpx
import pytest

from tests.integration.crashes.yard import Service, Yard, yard
from tests.seeds import seeds

pytestmark = [pytest.mark.integration, pytest.mark.timeout(1500)]

AROUND_A_STEP = {"before-act", "before-record", "after-record"}
IN_A_CALL = {"before-act", "mid-request", "after-effect"}
IN_A_FLASH = {*IN_A_CALL, "before-intent", "after-intent", "after-act"}
LOOKING = {"before-observe", "after-observe"}
MOVING = {"before-record", "after-record"}
WAY = (
    "enrolled",
    "registering",
    "inspecting",
    "matching",
    "preparing",
    "booting",
    "configuring",
    "accepting",
    "ready",
)
WANTED = {
    **dict.fromkeys(WAY, LOOKING),
    **{f"{old}>{new}": MOVING for old, new in pairwise(WAY)},
    "registering/RecordIdentity": AROUND_A_STEP,
    "inspecting/RecordFacts": AROUND_A_STEP,
    "matching/RecordMismatches": AROUND_A_STEP,
    "preparing/UpdateFirmware": IN_A_FLASH | AROUND_A_STEP,
    "preparing/SetBios": IN_A_CALL | AROUND_A_STEP,
    "booting/MakeBootMedium": AROUND_A_STEP,
    "booting/InsertMedia": IN_A_CALL | AROUND_A_STEP,
    "booting/SetBootSource": IN_A_CALL | AROUND_A_STEP,
    "booting/ReservePower": AROUND_A_STEP,
    "booting/PowerOn": IN_A_CALL | AROUND_A_STEP,
    "configuring/Configure": AROUND_A_STEP,
    "accepting/OrderAcceptance": AROUND_A_STEP,
    "accepting/Certify": AROUND_A_STEP | {"before-certificate"},
}

WIDE = [
    f"r{rack}-h{host}-{copy}" for copy in (1, 2, 3, 4) for rack in (1, 2) for host in range(1, 9)
]
"""The hosts of lab-16 four times over."""


def points_of(file: Path) -> dict[str, set[str]]:
    """Step to the points at which the service died in it."""
    found = defaultdict(set)
    for line in file.read_text().splitlines():
        point, step, *_ = line.split(" ")
        found[step].add(point)
    return found


def test_killed_at_every_point_of_every_step_it_ends_as_if_never_killed() -> None:
    with yard() as one:
        old = ("r1-h2", "r1-h5", "r1-h7", "r2-h2", "r2-h5", "r2-h6")
        one.start_hall("lab-16", *(f"old-firmware@{host}" for host in old), "missing-dimm@r1-h3")
        service = one.start("c1")
        one.login()
        one.apply_pod("lab-16")
        died_at = one.directory / "died-at"
        service.tell(f"env PODYARD_KILL_AT=each:{died_at}")
        service.tell("kill")
        plan = one.bring_up(within_s=400)
        one.wait(900, one.settled, every_s=0.5)
        one.judge(plan, parked={"r1-h3": "spec-mismatch"})
        found = points_of(died_at)
        missed = {step: want - found[step] for step, want in WANTED.items() if want - found[step]}
        assert missed == {}
        assert len(service.deaths) == 1 + len(died_at.read_text().splitlines())
        assert set(service.deaths) == {-9}


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seed", seeds(1, 2))
def test_two_hundred_kills_at_any_moment_lose_none_of_64_hosts(seed: int) -> None:
    rng = random.Random(seed)
    with yard() as one:
        old = rng.sample(sorted(WIDE), 8)
        one.start_hall("lab-16", *(f"old-firmware@{host}" for host in old), hosts=64, seed=seed)
        service = one.start("c1")
        one.login()
        one.apply_pod(one.spec_document())
        killed = kill_at_random(one, service, 60, rng)
        plan = one.bring_up(within_s=900)
        killed += kill_at_random(one, service, 200 - killed, rng)
        one.wait(1800, one.settled, every_s=1.0)
        one.judge(plan)
        assert killed == 200
        assert service.deaths == [-9] * 200


def kill_at_random(one: Yard, service: Service, times: int, rng: random.Random) -> int:
    """So many kills, each at some moment of a life that has begun to work."""
    for _ in range(times):
        one.wait(120, lambda: answers_or_not(one))
        time.sleep(rng.uniform(0.0, 1.5))
        deaths = len(service.deaths) + 1
        service.tell("kill")
        one.wait(30, lambda wanted=deaths: len(service.deaths) >= wanted)
    return times


def answers_or_not(one: Yard) -> bool:
    """Whether this life has got as far as its doors."""
    try:
        return httpx.get(f"{one.api}/healthz", trust_env=False, timeout=20).is_success
    except httpx.TransportError:
        return False
