"""The simulator as a process: what it says, what it refuses, and what is left when it is killed."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from provisioning.simulator.journal import destructive_acts, feed_peaks

pytestmark = pytest.mark.integration

SYSTEM = "/redfish/v1/Systems/1"


def children(pid: int) -> list[int]:
    """Every process below this one."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            parents.setdefault(int(fields[1]), []).append(int(entry.name))
    found = list(parents.get(pid, []))
    for child in found:
        found.extend(parents.get(child, []))
    return found


def gone(pids: list[int]) -> bool:
    """Whether all of them have ended (a zombie has)."""
    for pid in pids:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        if state != "Z":
            return False
    return True


async def test_the_hall_is_told_in_a_private_file(run_hall: Callable[..., Any]) -> None:
    hall = run_hall("lab-4", "--fault", "missing-dimm@h3")
    assert [host["name"] for host in hall.told()] == ["r1-h1", "r1-h2", "r1-h3", "r1-h4"]
    path = hall.directory / "hall.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    told = json.loads(path.read_text())
    assert (told["hall"], told["simulated"], told["pod_spec"]) == (1, True, "lab-4@1")
    assert told["pid"] == hall.process.pid
    assert hall.end(signal.SIGTERM) == 0
    said = hall.output()
    assert "missing-dimm" in said
    for host in told["hosts"]:
        assert host["bmc"] in said
        assert host["password"] not in said


async def test_what_every_host_has_is_said_once(run_hall: Callable[..., Any]) -> None:
    hall = run_hall("lab-16", "--faults", "field", "--seed", "7")
    hall.told()
    assert hall.end(signal.SIGTERM) == 0
    said = hall.output()
    assert said.count("hang-read") == 1
    assert "on every host: hang-read" in said
    assert said.count("stale-power") > 1
    assert "…" not in said


async def test_sigint_ends_everything_it_started(run_hall: Callable[..., Any]) -> None:
    hall = run_hall()
    ports = [int(host["bmc"].rpartition(":")[2]) for host in hall.told()]
    started = children(hall.process.pid)
    assert hall.end(signal.SIGINT) == 0
    assert gone(started)
    assert not (hall.directory / "hall.json").exists()
    for port in ports:
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", port)) != 0
    assert [hall.entries()[0]["what"], hall.entries()[-1]["what"]] == ["hall.start", "hall.stop"]


async def test_killing_the_simulator_leaves_no_process(
    run_hall: Callable[..., Any], client: Callable[..., Any], media: Any, wait_until: Any
) -> None:
    hall = run_hall()
    await client(hall.told()[0]).boot_from(media.boot_document())
    await wait_until(lambda: hall.entries("host.agent.start"))
    started = children(hall.process.pid)
    assert started
    hall.end(signal.SIGKILL)
    await wait_until(lambda: gone(started))


async def test_a_killed_simulator_goes_on_where_it_was(
    run_hall: Callable[..., Any], client: Callable[..., Any], media: Any, wait_until: Any
) -> None:
    hall = run_hall()
    before = hall.told()
    bmc = client(before[0])
    await bmc.boot_from(media.boot_document())
    await wait_until(lambda: hall.entries("boot"))
    monitor = await bmc.update(media.firmware())
    await wait_until(lambda: hall.entries("firmware.update.start"))
    hall.end(signal.SIGKILL)
    (hall.directory / "hall.json").unlink()

    again = run_hall()
    assert again.told() == before
    await wait_until(lambda: again.entries("firmware.update.done"))
    assert (await bmc.get(monitor))["TaskState"] == "Completed"
    assert (await bmc.get(SYSTEM))["PowerState"] == "On"
    assert len(again.entries("firmware.update.start")) == 1
    await wait_until(lambda: len(again.entries("boot")) == 2)
    assert again.entries("boot")[1]["glitch"] is True
    assert [entry["seq"] for entry in again.entries()] == list(range(1, len(again.entries()) + 1))


@pytest.mark.parametrize("after_s", [0.2, 0.6, 0.9, 1.2])
async def test_a_signal_at_any_moment_of_the_start_leaves_nothing(
    run_hall: Callable[..., Any], wait_until: Any, after_s: float
) -> None:
    hall = run_hall()
    await asyncio.sleep(after_s)
    started = children(hall.process.pid)
    hall.end(signal.SIGINT)
    await wait_until(lambda: gone(started))
    again = run_hall()
    assert len(again.told()) == 4


async def test_kill_after_kill_flashes_once_and_numbers_without_gaps(
    run_hall: Callable[..., Any], client: Callable[..., Any], media: Any, wait_until: Any
) -> None:
    hall = run_hall()
    bmc = client(hall.told()[0])
    await bmc.update(media.firmware())
    for pause_s in (0.0, 0.05, 0.15):
        await asyncio.sleep(pause_s)
        hall.end(signal.SIGKILL)
        (hall.directory / "hall.json").unlink()
        hall = run_hall()
        hall.told()
    await wait_until(lambda: hall.entries("firmware.update.done"))
    entries = hall.entries()
    assert len(destructive_acts(entries)) == 1
    assert [entry["seq"] for entry in entries] == list(range(1, len(entries) + 1))
    assert feed_peaks(entries) == {"a": 80.0}


async def test_a_second_simulator_on_the_same_state_is_refused(
    run_hall: Callable[..., Any],
) -> None:
    first = run_hall()
    first.told()
    second = run_hall()
    assert second.process.wait(timeout=30) == 2
    said = second.output()
    assert str(first.directory) in said
    assert "--state" in said
    assert first.process.poll() is None


async def test_a_port_in_use_is_named_with_the_option(run_hall: Callable[..., Any]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        hall = run_hall("--port-base", str(port))
        assert hall.process.wait(timeout=30) == 2
    said = hall.output()
    assert str(port) in said
    assert "--port-base" in said


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--fault", "melted@h1"), ("melted", "missing-dimm")),
        (("--fault", "missing-dimm@h9"), ("h9", "r1-h1")),
        (("lab-400",), ("lab-400", "lab-4")),
    ],
)
async def test_what_cannot_be_built_is_refused_with_a_hint(
    run_hall: Callable[..., Any], arguments: tuple[str, ...], words: tuple[str, ...]
) -> None:
    hall = run_hall(*arguments)
    assert hall.process.wait(timeout=30) != 0
    said = hall.output()
    assert "hint:" in said
    assert "Traceback" not in said
    for word in words:
        assert word in said


async def test_a_state_path_too_long_for_sockets_is_refused_early(
    run_hall: Callable[..., Any], tmp_path: Path
) -> None:
    hall = run_hall(directory=tmp_path / ("long-" * 20))
    assert hall.process.wait(timeout=30) == 2
    assert "shorter --state" in hall.output()
    assert not hall.directory.exists()


async def test_a_state_that_is_not_one_is_named(run_hall: Callable[..., Any]) -> None:
    first = run_hall()
    first.told()
    first.end(signal.SIGTERM)
    state = first.directory / "hosts" / "r1-h2" / "state.json"
    state.write_text("{")
    second = run_hall()
    assert second.process.wait(timeout=30) == 2
    assert "r1-h2/state.json" in second.output().replace("\n", "")


async def test_another_seed_does_not_take_over_a_hall(run_hall: Callable[..., Any]) -> None:
    first = run_hall()
    first.told()
    first.end(signal.SIGTERM)
    second = run_hall("--seed", "5")
    assert second.process.wait(timeout=30) == 2
    assert "seed" in second.output()
