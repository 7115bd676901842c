"""Where a test may end the controller, and how it is known that it did."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from provisioning.faultpoints import FaultPoints


class Killed(BaseException):
    """In place of the end of this process."""


@pytest.fixture(autouse=True)
def spared(monkeypatch: pytest.MonkeyPatch) -> None:
    def kill(pid: int, number: int) -> None:
        assert (pid, number) == (os.getpid(), signal.SIGKILL)
        raise Killed

    monkeypatch.setattr(os, "kill", kill)


def test_each_point_of_each_step_kills_once(tmp_path: Path) -> None:
    file = tmp_path / "died-at"
    lived: list[str] = []
    for _ in range(20):
        points = FaultPoints(f"each:{file}")
        try:
            for step in ("booting", "ready"):
                points.enter(step)
                points.reach("before-act")
                points.reach("mid-request", "power_on")
        except Killed:
            continue
        lived = file.read_text().splitlines()
        break
    assert lived == [
        "before-act booting",
        "mid-request booting power_on",
        "before-act ready",
        "mid-request ready power_on",
    ]


def test_a_chosen_visit_kills(tmp_path: Path) -> None:
    points = FaultPoints("after-intent:2")
    points.reach("after-intent")
    points.reach("before-act")
    with pytest.raises(Killed):
        points.reach("after-intent")


def test_an_unknown_point_is_refused() -> None:
    with pytest.raises(ValueError, match="no-such-point"):
        FaultPoints("no-such-point:1")
    with pytest.raises(ValueError, match="nowhere"):
        FaultPoints("after-act").reach("nowhere")
    FaultPoints().reach("nowhere")  # free when nothing was chosen
