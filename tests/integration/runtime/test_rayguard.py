"""A guard outlives the agent that started it, and the next agent takes it over; no Ray needed."""

from __future__ import annotations

import asyncio
import os
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from inventory.agents import RayOrder
from inventory.clock import SystemClock
from runtime.guard import descendants, parents, started_ticks
from runtime.place import Place
from runtime.rayguard import Word, left_behind
from runtime.rayhost import RayHost, Settings

pytestmark = pytest.mark.integration

ORDER = RayOrder(
    cluster_id="c1",
    cluster="acme/main",
    role="worker",
    network="t-1",
    address="10.77.1.10/24",
    head_address="10.77.1.9",
    token="t" * 64,
    num_cpus=1,
    num_gpus=0,
    labels={"podyard.io/unit": "u1"},
)
STARTS = """
import sys, time
from pathlib import Path
from runtime.place import Place
from runtime.rayguard import Word, start_guard
run, isolated, word = sys.argv[1:]
place = Place(run=Path(run), root=Path(run), isolated=isolated == "1")
for directory in (place.home, place.ray_log.parent):
    directory.mkdir(parents=True, exist_ok=True)
command = ["sh", "-c", "sleep 1000 & setsid sleep 1000 & echo began; wait"]
start_guard(command, {"PATH": "/usr/bin:/bin"}, place, Word.model_validate_json(word))
print("started", flush=True)
time.sleep(1000)
"""


def begun(place: Place) -> subprocess.Popen[bytes]:
    """An agent that has started a guard."""
    word = Word(order=ORDER, restarts=2).model_dump_json()
    isolated = str(int(place.isolated))
    agent = subprocess.Popen(
        [sys.executable, "-c", STARTS, str(place.run), isolated, word], stdout=subprocess.PIPE
    )
    assert agent.stdout is not None
    with agent.stdout:
        assert agent.stdout.readline() == b"started\n"
    until(lambda: place.ray_log.read_bytes() == b"began\n")
    return agent


def until(true_of: object) -> None:
    ends = time.monotonic() + 20
    while not true_of():  # type: ignore[operator]
        assert time.monotonic() < ends
        time.sleep(0.05)


@pytest.fixture(params=[True, False], ids=["own", "shared"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    found = Place(run=tmp_path, root=tmp_path, isolated=request.param)
    yield found
    left = left_behind(found)
    if left is not None:
        left.guard.ask()


async def test_it_outlives_its_agent_where_the_host_has_its_own_processes(place: Place) -> None:
    agent = begun(place)
    held = descendants(agent.pid, parents())
    assert len(held) == 4
    agent.kill()
    agent.wait()
    if not place.isolated:
        until(lambda: not held & parents().keys())
        assert left_behind(place) is None
        return
    left = left_behind(place)
    assert left is not None
    assert left.word is not None
    assert (left.word.order, left.word.restarts, left.guard.ended) == (ORDER, 2, False)
    assert stat.S_IMODE(place.guard_word.stat().st_mode) == 0o600
    waits = asyncio.create_task(left.guard.wait())
    await asyncio.sleep(0.5)
    assert not waits.done()
    assert held <= parents().keys()
    left.guard.ask()
    assert await asyncio.wait_for(waits, 20) == "ended"
    assert left.guard.ended
    assert not held & parents().keys()
    left.guard.let_go()
    assert left_behind(place) is None


def test_a_number_that_was_given_to_another_process_is_not_taken_over(tmp_path: Path) -> None:
    place = Place(run=tmp_path, root=tmp_path, isolated=True)
    place.guard_word.write_text(Word(order=ORDER, restarts=0).model_dump_json())
    for said in (f"{os.getpid()} 1", f"{os.getpid()} {started_ticks(os.getpid())}", "", "1 x"):
        place.guard_pid.write_text(said)
        assert left_behind(place) is None


@pytest.mark.parametrize("said", ["", '{"order": {}}', None])
async def test_a_ray_of_which_nothing_can_be_read_is_ended_and_not_run_beside(
    tmp_path: Path, said: str | None
) -> None:
    place = Place(run=tmp_path, root=tmp_path, isolated=True)
    agent = begun(place)
    held = descendants(agent.pid, parents())
    agent.kill()
    agent.wait()
    if said is None:
        place.guard_word.unlink()
    else:
        place.guard_word.write_text(said)
    left = left_behind(place)
    assert left is not None
    assert left.word is None
    host = RayHost(Settings(place=place, simulated=True, clock=SystemClock(), changed=lambda: None))
    await host.take_over()
    assert host.order is None
    assert left.guard.ended
    assert not held & parents().keys()
    left.guard.let_go()
    assert left_behind(place) is None
