"""Half an hour of steady state with churn over HTTPS: nothing that the service has in hand grows.

`PODYARD_SOAK_MINUTES` and `PODYARD_SOAK_HOSTS` make it shorter and smaller.
"""

from __future__ import annotations

import os
import random
import time

import pytest

from tests.integration.crashes.yard import Yard, yard
from tests.integration.soak.watching import Samples, Watch, trend

pytestmark = [pytest.mark.integration]

MINUTES = float(os.environ.get("PODYARD_SOAK_MINUTES", "30"))
HOSTS = int(os.environ.get("PODYARD_SOAK_HOSTS", "300"))
LOOK_EVERY_S = 5.0
CHURN_EVERY_S = 20.0
CHURNED = 0.01
"""Of the hosts, each time: in half an hour nearly every host has gone down and up again."""


@pytest.mark.long
@pytest.mark.timeout(4 * 3600)
def test_nothing_grows_in_steady_state_with_churn() -> None:
    with yard() as one:
        one.environment = {}
        one.start_hall("lab-16", hosts=HOSTS, speed=2.0)
        one.start("c1")
        one.login()
        one.apply_pod(one.spec_document())
        one.bring_up(within_s=1200)
        one.wait(2400, one.settled, every_s=2.0)
        watch = watched(one)
        rng, churned = random.Random(1), time.monotonic()
        ends = time.monotonic() + MINUTES * 60
        try:
            while time.monotonic() < ends:
                time.sleep(LOOK_EVERY_S)
                watch.look()
                if time.monotonic() - churned > CHURN_EVERY_S:
                    churned = time.monotonic()
                    churn(one, rng)
        finally:
            print(f"\n{HOSTS} hosts, {MINUTES} minutes\n{watch.told()}")  # noqa: T201 - the measurement
        assert watch.growth() == {}
        assert one.services["c1"].deaths == []


def watched(one: Yard) -> Watch:
    """The service's process and the hall's."""
    born = [line for line in one.services["c1"].lines if line["what"] == "born"]
    assert one.hall_process is not None
    return Watch(
        service=born[-1]["pid"],
        state=one.services["c1"].state,
        hall=one.hall_process.pid,
        hall_state=one.directory / "hall",
        # The more hosts are at work, the more there are; a busier machine has more at work.
        only_told=frozenset({"bmc_sessions"}),
    )


def churn(one: Yard, rng: random.Random) -> None:
    """Some that are ready go down; all that are down come up again."""
    hosts = one.hosts()
    down = [name for name, host in hosts.items() if host["target"] == "enrolled"]
    up = sorted(name for name, host in hosts.items() if host["state"] == "ready")
    for name in down:
        one.call("POST", f"/api/hosts/{name}/target", {"target": "ready"})
    for name in rng.sample(up, max(1, round(len(hosts) * CHURNED))):
        one.call("POST", f"/api/hosts/{name}/target", {"target": "enrolled"})


def test_a_leak_is_told_from_noise() -> None:
    rng = random.Random(7)
    still = [(at * 5.0, 100.0 + rng.gauss(0.0, 2.0)) for at in range(300)]
    leak = [(at, value + at * 0.01) for at, value in still]
    watch = Samples({"still": still, "leak": leak, "churn": leak}, frozenset({"churn"}))
    assert watch.growth().keys() == {"leak"}
    assert trend(leak)[0] == pytest.approx(15.0, abs=1.0)
