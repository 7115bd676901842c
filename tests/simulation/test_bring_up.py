"""Bring-ups in virtual time, by the real controller: limits hold, and a seed names a run."""

from __future__ import annotations

import logging
import sys
from dataclasses import replace
from typing import Any

import pytest

from provisioning.bench import parts
from provisioning.bench.bring_up import Wish
from provisioning.bench.parts import bring_up


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    """Hundreds of hosts with faults have much to warn of."""
    caplog.set_level(logging.CRITICAL, logger="podyard")


def judged(said: dict[str, Any]) -> dict[str, Any]:
    """What must be zero."""
    zero = (
        "lost",
        "double_destructive",
        "false_ready",
        "over_budget",
        "over_limits",
        "sessions_left",
        "bugs",
    )
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


def test_two_controllers_share_the_fleet_by_pods_and_a_seed_names_their_run_too() -> None:
    wish = Wish(hosts=24, pod_hosts=8, controllers=2)
    first, again = bring_up(wish), bring_up(wish)
    assert judged(first) == {}
    assert (first["controllers"], first["pods"], first["hosts"]) == (2, 3, 24)
    assert first["ready"] + first["parked"] == 24
    assert again["journal_digest"] == first["journal_digest"]
    alone = bring_up(replace(wish, controllers=1))
    assert alone["journal_digest"] != first["journal_digest"]
    assert alone["hosts"] == 24


def test_a_controller_that_ends_without_a_word_ends_the_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(parts, "_work", _ends_at_once)
    with pytest.raises(parts.PartLost, match=r"controller \d of 2 ended with 3"):
        bring_up(Wish(hosts=2, pod_hosts=1, controllers=2))


def _ends_at_once(*_anything: object) -> None:
    sys.exit(3)


def test_faults_of_each_exchange_by_itself_are_got_over_too() -> None:
    said = bring_up(Wish(hosts=12, faults="harsh"))
    assert judged(said) == {}
    assert said["ready"] >= 8


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_one_dead_bmc_in_a_hundred_holds_up_no_healthy_host() -> None:
    """The p99 of a thousand is ten hosts' luck, which moves it by some per cent from run to run."""
    without, with_them = bring_up(Wish(hosts=1000)), bring_up(Wish(hosts=1000, black_holed=0.01))
    assert judged(with_them) == {}
    assert with_them["black_holed"] == 10
    assert with_them["ready_p99_s"] <= 1.05 * without["ready_p99_s"]


@pytest.mark.long
@pytest.mark.timeout(5400)
def test_ten_thousand_hosts_get_ready_or_are_parked_with_a_reason() -> None:
    said = bring_up(Wish(hosts=10_000, controllers=2))
    assert judged(said) == {}
    assert said["feeds"] == 250
    assert said["ready"] + said["parked"] == 10_000
    assert said["ready"] >= 9_000
