"""A head and a worker on two hosts of the simulated hall's own network, and what breaks there."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from inventory.agents import RayOrder
from provisioning.simulator.doors import HostDoors
from provisioning.simulator.errors import LaunchRefused
from provisioning.simulator.launcher import HostPlace, NamespaceLauncher
from runtime.cluster import ClusterClient, ClusterError, Node

pytestmark = [
    pytest.mark.integration,
    pytest.mark.ray,
    pytest.mark.asyncio(loop_scope="module"),
]

TOKEN = "w" * 64


def make_order(name: str) -> RayOrder:
    number = {"head-1": 1, "worker-1": 2}[name]
    return RayOrder(
        cluster_id="c2",
        cluster="acme/two",
        role="head" if number == 1 else "worker",
        network="acme-two",
        address=f"10.77.2.{number}/24",
        head_address="10.77.2.1",
        token=TOKEN,
        num_cpus=1,
        num_gpus=0,
        labels={"podyard.io/unit": name},
    )


@dataclass
class Two:
    """Both hosts' controllers and the cluster's client."""

    controllers: dict[str, Any]
    places: dict[str, HostPlace]
    client: ClusterClient

    async def until_alive(self, wanted: set[str], *, limit_s: float) -> tuple[Node, ...]:
        """Wait for exactly these units to be alive."""
        seen: Any = None
        try:
            async with asyncio.timeout(limit_s):
                while True:
                    try:
                        nodes = await self.client.nodes()
                        seen = {one.labels.get("podyard.io/unit") for one in nodes if one.alive}
                    except ClusterError as error:
                        seen = error
                    if seen == wanted:
                        return nodes
                    await asyncio.sleep(0.3)
        except TimeoutError:
            raise AssertionError(f"wanted {wanted}, the last look gave {seen}") from None

    def kill(self, name: str, program: str) -> None:
        """SIGKILL to one of Ray's own processes on a host."""
        mark = f"HOME={self.places[name].root}/root".encode()
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and _runs(entry, program) and mark in _environment(entry):
                os.kill(int(entry.name), signal.SIGKILL)
                return
        raise AssertionError(f"no {program} runs on {name}")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def two(
    make_dir: Callable[[], Any], make_controller: Callable[..., Any], hardware: dict[str, Any]
) -> AsyncIterator[Two]:
    launcher = NamespaceLauncher(report=lambda _host, _message: None)
    try:
        await launcher.start()
    except LaunchRefused as error:
        pytest.skip(str(error))
    async with AsyncExitStack() as stack:
        stack.push_async_callback(launcher.stop)
        short_dir = stack.enter_context(make_dir())
        controllers, places = {}, {}
        for name in ("head-1", "worker-1"):
            place = HostPlace(name, short_dir / name / "root", short_dir / name / "run")
            place.prepare()
            _describe(place, hardware)
            doors = HostDoors(place, launcher)
            await doors.open()
            stack.push_async_callback(doors.close)
            controllers[name] = await stack.enter_async_context(
                make_controller(place, short_dir / name)
            )
            places[name] = place
            await launcher.boot(place)
            controllers[name].want(ray=make_order(name))
        for name, controller in controllers.items():
            seen = await controller.until(
                lambda seen: seen.ray is not None and seen.ray.phase == "running"
            )
            assert seen.ray.isolated, name
        socket = places["head-1"].run / "relay/dashboard.sock"
        client = await stack.enter_async_context(ClusterClient(socket, TOKEN))
        yield Two(controllers, places, client)


async def test_worker_joins_over_the_tenants_network(two: Two) -> None:
    nodes = await two.until_alive({"head-1", "worker-1"}, limit_s=60)
    assert {one.address for one in nodes if one.alive} == {"10.77.2.1", "10.77.2.2"}


async def test_worker_whose_raylet_dies_comes_back(two: Two) -> None:
    nodes = await two.until_alive({"head-1", "worker-1"}, limit_s=90)
    before = {one.node_id for one in nodes}
    await asyncio.to_thread(two.kill, "worker-1", "raylet")
    await two.controllers["worker-1"].until(lambda seen: seen.ray.phase == "failed")
    async with asyncio.timeout(90):
        while True:
            nodes = await two.until_alive({"head-1", "worker-1"}, limit_s=90)
            if {one.node_id for one in nodes if one.alive} - before:
                return
            await asyncio.sleep(0.3)


async def test_cluster_forms_again_when_the_head_dies(two: Two) -> None:
    await two.until_alive({"head-1", "worker-1"}, limit_s=90)
    await asyncio.to_thread(two.kill, "head-1", "gcs_server")
    await two.controllers["head-1"].until(lambda seen: seen.ray.phase == "failed")
    await two.until_alive({"head-1", "worker-1"}, limit_s=120)


def _runs(entry: Path, program: str) -> bool:
    try:
        return Path((entry / "cmdline").read_bytes().split(b"\0")[0].decode()).name == program
    except OSError:
        return False


def _environment(entry: Path) -> bytes:
    try:
        return (entry / "environ").read_bytes()
    except OSError:
        return b""


def _describe(place: HostPlace, hardware: dict[str, Any]) -> None:
    (place.run / "hardware.json").write_text(json.dumps(hardware))
