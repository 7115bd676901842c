"""Six virtual hours of a thousand hosts with churn: nothing that the service has in hand grows.

`PODYARD_STEADY_HOURS` and `PODYARD_STEADY_HOSTS` make it shorter and smaller, `PODYARD_TEST_SEED`
another one. It takes some ten minutes of one core.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest

from tests.integration.soak.steady import Steady, steady
from tests.seeds import seeds

HOURS = float(os.environ.get("PODYARD_STEADY_HOURS", "6"))
HOSTS = int(os.environ.get("PODYARD_STEADY_HOSTS", "1000"))
(SEED,) = seeds(1)[:1]


def lived(folder: Path, *, hosts: int, hours: float, seed: int) -> Steady:
    """As long as it takes, without the warnings that churn is full of."""
    logging.getLogger("podyard").setLevel(logging.CRITICAL)
    try:
        return steady(hosts=hosts, hours=hours, folder=folder, seed=seed)
    finally:
        logging.getLogger("podyard").setLevel(logging.NOTSET)


@pytest.mark.long
@pytest.mark.timeout(4 * 3600)
def test_nothing_grows_in_six_virtual_hours(tmp_path: Path) -> None:
    one = lived(tmp_path, hosts=HOSTS, hours=HOURS, seed=SEED)

    print(  # noqa: T201 - the measurement
        f"\n{HOSTS} hosts, {HOURS:g} virtual hours, seed {SEED}: {one.downs} went down and up, "
        f"{one.rounds} rounds of telemetry\n{one.samples.told()}"
    )
    assert one.samples.growth() == {}
    assert one.downs >= HOSTS * HOURS * 12 * 0.009
    assert one.rounds > HOSTS * HOURS * 10
    judge = one.judge
    assert (judge.double_destructive, judge.false_ready, judge.bugs) == (0, 0, 0), judge.findings
    assert sum(bmc.sessions for bmc in one.bmcs.values()) == 0
    assert len(one.store.events(limit=1000)) > 0


def test_a_small_fleet_lives_on_and_is_looked_at(tmp_path: Path) -> None:
    """So that the long one can be believed to run."""
    one = lived(tmp_path, hosts=8, hours=0.75, seed=3)

    assert one.downs >= 4
    assert min(len(points) for points in one.samples.samples.values()) >= 4
    assert set(one.samples.samples) == {"memory_mib", "blocks", "files", "tasks", "bmc_sessions"}
    assert one.rounds > 60
    assert sum(bmc.sessions for bmc in one.bmcs.values()) == 0
