"""Bring-ups in virtual time, by the real controller: limits hold, and a seed names a run."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from provisioning.bench.bring_up import Wish, bring_up


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    """Hundreds of hosts with faults have much to warn of."""
    caplog.set_level(logging.CRITICAL, logger="podyard")


def judged(said: dict[str, Any]) -> dict[str, Any]:
    """What must be zero."""
    zero = ("lost", "double_destructive", "false_ready", "over_budget", "sessions_left", "bugs")
    return {name: said[name] for name in zero if said[name]} | (
        {"findings": said["findings"]} if said["findings"] else {}
    )


def test_hosts_with_faults_end_ready_or_parked_and_a_seed_names_the_run() -> None:
    first, again = (bring_up(Wish(hosts=20, seed=1)) for _ in range(2))
    assert judged(first) == {}
    assert first["ready"] + first["parked"] == first["hosts"] == 20
    assert first["ready"] >= 15
    assert first["flashes"] > 0
    assert again["journal_digest"] == first["journal_digest"]
    assert bring_up(Wish(hosts=20, seed=2))["journal_digest"] != first["journal_digest"]


def test_without_faults_every_host_gets_ready() -> None:
    said = bring_up(Wish(hosts=20, faults="none"))
    assert judged(said) == {}
    assert said["ready"] == 20
