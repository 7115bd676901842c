"""How long after a restart 5,000 operations in flight are all moving again.

    python tests/benchmarks/restart_bench.py [--hosts 5000] [-o json]

The database is SQLite as shipped; every host is in the middle of its boot, each BMC answers in this
process after five milliseconds, as a fast one does over HTTPS. A host moves again when its first
step after the restart is written down. Opening the database and joining are counted; starting
Python is not.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import resource
import sys
import tempfile
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

from pydantic import SecretStr

from inventory.clock import SteadyClock
from inventory.model import BootRecord, Host
from inventory.secrets import SecretBox
from inventory.states import HostState, PowerState
from inventory.store.protocol import Change, Fence
from inventory.store.sql import SqlStore
from pods.keys import SigningKey
from provisioning.bench.design import Fleet, design, host_record, pod_record
from provisioning.bmcs import BmcPool
from provisioning.boot.media import BootDoor
from provisioning.controller import Controller
from provisioning.drivers.protocol import (
    BiosState,
    Bmc,
    BmcIdentity,
    BootEnabled,
    BootSource,
    BootTarget,
    Media,
)
from provisioning.faultpoints import FaultPoints
from provisioning.pacing import Pacing
from provisioning.settings import ProvisioningSettings
from provisioning.world import PlayResult, World

ANSWERS_WITHIN_S = 0.005
LIMIT_S = 600.0
ONCE = BootSource(target=BootTarget.CD, enabled=BootEnabled.ONCE)


class Booting:
    """A BMC whose host is booting: on, from its medium, and nothing to tell."""

    async def power(self) -> PowerState:
        await asyncio.sleep(ANSWERS_WITHIN_S)
        return PowerState.ON

    async def boot_source(self) -> BootSource:
        await asyncio.sleep(ANSWERS_WITHIN_S)
        return ONCE

    async def media(self) -> Media:
        await asyncio.sleep(ANSWERS_WITHIN_S)
        return Media(image="", inserted=True)

    async def bios(self) -> BiosState:
        await asyncio.sleep(ANSWERS_WITHIN_S)
        return BiosState(current={}, pending={})

    async def set_bios(self, attributes: dict[str, str | int | bool]) -> None:
        raise AssertionError(attributes)

    async def insert_media(self, image: str) -> None:
        raise AssertionError(image)

    async def eject_media(self) -> None:
        raise AssertionError

    async def identity(self) -> BmcIdentity:
        raise AssertionError

    async def facts(self) -> Any:
        raise AssertionError

    async def power_on(self) -> None:
        raise AssertionError

    async def power_off(self) -> None:
        raise AssertionError

    async def set_boot_source(self, source: BootSource) -> None:
        raise AssertionError(source)

    async def close(self) -> None: ...


class Nobody:
    """Plays nothing."""

    async def configure(self, host: Host, variables: dict[str, str]) -> PlayResult:
        raise AssertionError(host.name, variables)


class Watched(SqlStore):
    """Says when the last host has moved."""

    waited_for: set[str]
    over: asyncio.Event
    loop: asyncio.AbstractEventLoop

    def apply(self, change: Change, *, now: datetime, fence: Fence | None = None) -> None:
        super().apply(change, now=now, fence=fence)
        if fence is not None:
            self.waited_for -= {one.id for one in change.replace if isinstance(one, Host)}
            if not self.waited_for:
                self.loop.call_soon_threadsafe(self.over.set)


def fill(url: str, fleet: Fleet, now: datetime) -> set[str]:
    """A fleet in the middle of its boots, as a killed controller left it."""
    store, ids = SqlStore.open(url), set()
    for pod in fleet.pods:
        running = pod_record(pod, now=now).model_copy(update={"bring_up": "running"})
        hosts = []
        for plan in pod.hall.hosts:
            host = host_record(pod, plan, now=now)
            boot = BootRecord(
                media_id=f"m-{host.name}",
                media_url=f"https://127.0.0.1/boot/v1/media/m-{host.name}.iso",
                token_hash="",
                expires_at=now + timedelta(hours=1),
                powered_at=now + timedelta(minutes=10),  # or a slow machine's would be late
            )
            hosts.append(
                host.model_copy(
                    update={
                        "state": HostState.BOOTING,
                        "uuid": plan.uuid,
                        "boot": boot,
                        "power": PowerState.ON,
                    }
                )
            )
            ids.add(host.id)
        store.apply(Change(insert=(running, *hosts)), now=now)
    store.close()
    return ids


async def moving(directory: Path, url: str, ids: set[str]) -> dict[str, Any]:
    """Restart, and wait for the last host."""
    began, cpu = time.monotonic(), time.process_time()
    clock = SteadyClock()
    store = Watched.open(url)
    assert isinstance(store, Watched)
    store.waited_for, store.over = set(ids), asyncio.Event()
    store.loop = asyncio.get_running_loop()
    fence = store.join(
        "provisioning", "bench", now=clock.now(), valid=timedelta(hours=1), alone=True
    )
    assert fence is not None
    key = SigningKey.generate(directory / "key", purpose="simulated")

    async def opened(_host: Host, _password: SecretStr) -> Bmc:
        return Booting()

    async def no_password(_host: Host) -> SecretStr:
        return SecretStr("")

    settings = ProvisioningSettings()
    world = World(
        store=store,
        secrets=SecretBox(b"0" * 32),
        clock=clock,
        bmcs=BmcPool(opened, no_password),
        door=BootDoor("https://bench.invalid", "bench.invalid:443", ca_pem=""),
        player=Nobody(),
        signing_key=key,
        simulated_key=key,
        settings=settings,
        pacing=Pacing(most=settings.hosts_at_once, first=settings.hosts_at_first),
        faults=FaultPoints(),
        in_thread=asyncio.to_thread,
    )
    running = asyncio.create_task(Controller(world, fence).run())
    over = asyncio.create_task(store.over.wait())
    await asyncio.wait({running, over}, timeout=LIMIT_S, return_when=asyncio.FIRST_COMPLETED)
    took, used = time.monotonic() - began, time.process_time() - cpu
    for task in (running, over):
        task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running
    left = len(store.waited_for)
    store.close()
    return {
        "hosts": len(ids),
        "moving": len(ids) - left,
        "seconds": round(took, 2),
        "cpu_seconds": round(used, 2),
        "cpu_ms_per_host": round(used * 1000 / len(ids), 2),
        "memory_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def restart(hosts: int) -> dict[str, Any]:
    """The whole measurement."""
    with tempfile.TemporaryDirectory(prefix="pyd-restart-") as folder:
        url = f"sqlite:///{folder}/podyard.db"
        ids = fill(url, design(hosts, seed=1, faults=False), SteadyClock().now())
        return asyncio.run(moving(Path(folder), url, ids))


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hosts", type=int, default=5000)
    parser.add_argument("-o", "--output", choices=("text", "json"), default="text")
    options = parser.parse_args()
    said = restart(options.hosts)
    if options.output == "json":
        print(json.dumps(said))  # noqa: T201 - what the program is for
        return
    for name, value in said.items():
        print(f"{name:<16} {value}")  # noqa: T201 - the same


if __name__ == "__main__":
    main()
