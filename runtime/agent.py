"""Runs on every host, simulated, virtual, owned or adopted, and speaks only outward.

A host cannot be commanded: it may be off, cut off or new. So the agent proves which host it is,
and then repeats one exchange: what is so here, against what should be so. It converges to the
answer and goes on with it when the controller is away; a tenant's work never ends because the
control plane did. Nothing listens here for the controller, so nothing here can be attacked from it.

Three tasks share one state: exchanging (this module), converging (`runtime.converging` decides,
`RayHost` and `Measuring` act), and whatever those two supervise.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import hashlib
import importlib.metadata
import logging
import os
import random
import signal
import sys
import uuid
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from inventory.agents import BootDocument, DesiredState, ObservedState, XidSeen
from inventory.clock import Clock, SystemClock
from inventory.same_host import Marks
from runtime.converging import (
    ForgetAcceptance,
    Present,
    RunAcceptance,
    StartRay,
    StopRay,
    decide,
)
from runtime.diskwriting import DiskWriting
from runtime.drivereading import DriveReading
from runtime.hardware import Hardware, HardwareError, read_hardware
from runtime.health import KERNEL_LOG, XidLog
from runtime.measuring import Measuring
from runtime.place import Place
from runtime.rayhost import RayHost, Settings
from runtime.uplink import RefusedError, Uplink, UplinkError, read_boot_document

log = logging.getLogger("runtime.agent")

POLL_WAIT_S = 25.0  # under the 30 s that the wire allows; the door answers sooner while it matters
UNSETTLED_PAUSE_S = 1.0  # while converging, a long poll would be answered at once
WATCH_EVERY_S = 5.0  # a driver's error is told well within the minute in which it matters
BACKOFF_FIRST_S = 0.5
BACKOFF_LAST_S = 30.0  # a controller that returns is found within half a minute by every host
USAGE_EXIT = 64  # EX_USAGE: starting again with the same arguments cannot help

Answer = TypeVar("Answer")


class Agent:
    """The agent of one boot of one host."""

    def __init__(
        self,
        boot: BootDocument,
        place: Place,
        hardware: Hardware,
        clock: Clock,
        *,
        measuring: Callable[..., Measuring] = Measuring,
    ) -> None:
        self._boot = boot
        self._place = place
        self._hardware = hardware
        self._clock = clock
        self._changed = asyncio.Event()
        self._asked = asyncio.Event()
        self._desired: DesiredState | None = None
        self._generation = 0
        self._boot_id = read_boot_id(isolated=place.isolated)
        self._uplink = Uplink(boot, place)
        self._log = XidLog(place.kernel_log if hardware.simulated else KERNEL_LOG)
        self._xids: tuple[XidSeen, ...] = ()
        self._drives = DriveReading(
            place,
            boot,
            simulated=hardware.simulated,
            found=Marks(hardware.facts.serial, tuple(nic.mac for nic in hardware.facts.nics)),
            changed=self._changed.set,
        )
        self._ray = RayHost(
            Settings(place, hardware.simulated, clock=clock, changed=self._changed.set)
        )
        self._disk_writing = DiskWriting(place, boot.deploy, changed=self._changed.set)
        self._measuring = measuring(
            place,
            clock_ratio=hardware.clock_ratio,
            accelerator_ratios=hardware.accelerator_ratios,
            accelerators=len(hardware.facts.accelerators),
            changed=self._changed.set,
        )

    async def run(self) -> None:
        """Exchange and converge until cancelled; then leave nothing running.

        Whoever cancels wants it ended. A defect that ends it ends nobody's Ray.
        """
        try:
            await self._ray.take_over()
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._exchange())
                tasks.create_task(self._converge())
                tasks.create_task(self._watch())
        except asyncio.CancelledError:
            await self._ray.close()
            raise
        finally:
            self._log.close()
            await self._disk_writing.stop()
            await self._drives.stop()
            await self._measuring.stop()
            await self._ray.leave()
            await self._uplink.close()

    def observed(self) -> ObservedState:
        """What is so on this host."""
        return ObservedState(
            generation=self._generation,
            boot_id=self._boot_id,
            physical_host=self._hardware.physical_host,
            agent_version=importlib.metadata.version("podyard"),
            simulated=self._hardware.simulated,
            isolated=self._place.isolated,
            facts=self._hardware.facts,
            acceptance=self._measuring.report,
            ray=self._ray.observed,
            xids=self._xids,
            drives_read=self._drives.found,
            drives_progress=self._drives.progress,
            runs_from=self._place.runs_from,
            deploy=self._disk_writing.report,
        )

    async def _exchange(self) -> None:
        self._uplink.prepare()
        failures = 0
        reported: ObservedState | None = None
        while True:
            try:
                if not self._uplink.enrolled:
                    log.info("enrolled as host %s", await self._enrol())
                self._disk_writing.start()
                self._drives.start()
                reported = await self._exchange_once(reported)
                failures = 0
            except UplinkError as error:
                failures += 1
                reported = None
                await self._uplink.close()
                await self._back_off(error, failures)

    async def _enrol(self) -> str:
        found = self._hardware.facts
        return await self._uplink.enrol(serial=found.serial, macs=[nic.mac for nic in found.nics])

    async def _exchange_once(self, reported: ObservedState | None) -> ObservedState:
        """Report at once what is new; wait at the controller when nothing is."""
        self._changed.clear()
        observed = self.observed()
        if observed != reported:
            # Never cut short: a report that is always overtaken by the next would never arrive.
            self._accept(await self._uplink.sync(observed, wait_s=0.0))
            return observed
        if self._desired is not None and self._desired.generation != self._generation:
            await self._until_changed(self._clock.sleep(UNSETTLED_PAUSE_S))
            return observed
        desired = await self._until_changed(self._uplink.sync(observed, wait_s=POLL_WAIT_S))
        if desired is not None:
            self._accept(desired)
        return observed

    async def _until_changed(self, waiting: Coroutine[Any, Any, Answer]) -> Answer | None:
        """The answer, or None when something changed here before it came."""
        answer = asyncio.ensure_future(waiting)
        changed = asyncio.ensure_future(self._changed.wait())
        try:
            await asyncio.wait({answer, changed}, return_when=asyncio.FIRST_COMPLETED)
            return answer.result() if answer.done() else None
        finally:
            for task in (answer, changed):
                task.cancel()
            await asyncio.gather(answer, changed, return_exceptions=True)

    def _accept(self, desired: DesiredState) -> None:
        if desired != self._desired:
            self._desired = desired
            self._asked.set()

    async def _converge(self) -> None:
        while True:
            await self._asked.wait()
            self._asked.clear()
            desired = self._desired
            if desired is None:
                continue
            await self._act(desired)
            self._generation = desired.generation
            self._changed.set()

    async def _watch(self) -> None:
        """Look for new errors of the driver; a report that says something new leaves at once."""
        while True:
            found = self._log.read(now=self._clock.now())
            if found != self._xids:
                self._xids = found
                self._changed.set()
            await self._clock.sleep(WATCH_EVERY_S)

    async def _act(self, desired: DesiredState) -> None:
        present = Present(self._measuring.order_id, self._ray.order)
        for action in decide(present, desired):
            log.info("acting: %s", type(action).__name__)
            match action:
                case StartRay(order):
                    await self._ray.start(order)
                case StopRay():
                    await self._ray.stop()
                case RunAcceptance(acceptance):
                    await self._measuring.start(acceptance)
                case ForgetAcceptance():
                    await self._measuring.stop()

    async def _back_off(self, error: UplinkError, failures: int) -> None:
        """Longer each time, and never in step with the other hosts."""
        base_s = BACKOFF_LAST_S if isinstance(error, RefusedError) else BACKOFF_FIRST_S
        limit_s = min(BACKOFF_LAST_S, base_s * 2.0 ** min(failures - 1, 10))
        delay_s = limit_s * random.uniform(0.5, 1.0)  # noqa: S311 - spreads load, guards nothing
        if failures <= 1 or failures % 10 == 0:
            log.warning("no exchange (%d in a row), next in %.1f s: %s", failures, delay_s, error)
        await self._clock.sleep(delay_s)


def read_boot_id(*, isolated: bool, proc: Path = Path("/proc")) -> str:
    """New at every start of the host: when its pid 1 started, in this life of the kernel.

    A host without a pid namespace has no pid 1 of its own; there, each start of the agent counts.
    """
    if not isolated:
        return str(uuid.uuid4())
    kernel = (proc / "sys/kernel/random/boot_id").read_text().strip()
    started = (proc / "1/stat").read_bytes().rpartition(b") ")[2].split()[19].decode()
    digest = hashlib.sha256(f"{kernel} {started} {(proc / 'self/ns/pid').readlink()}".encode())
    return str(uuid.UUID(bytes=digest.digest()[:16]))


async def serve(boot: BootDocument, place: Place, hardware: Hardware) -> None:
    """Run until SIGTERM or SIGINT."""
    agent = asyncio.create_task(Agent(boot, place, hardware, SystemClock()).run())
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, agent.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await agent


def main(arguments: list[str] | None = None) -> int:
    """`python -m runtime.agent --boot /run/boot.json`."""
    parser = argparse.ArgumentParser(
        prog="python -m runtime.agent",
        description="Runs on a host and speaks only outward.",
        epilog="example: python -m runtime.agent --boot /run/boot.json",
    )
    parser.add_argument("--boot", type=Path, required=True, help="the boot document, JSON")
    path = parser.parse_args(arguments).boot
    logging.basicConfig(
        level=logging.INFO,
        format="%(asctime)s %(levelname)s %(name)s %(message)s",
        stream=sys.stderr,
    )
    logging.getLogger("httpx").setLevel(logging.WARNING)
    place = Place.from_environment(os.environ)
    try:
        boot = read_boot_document(path)
        hardware = read_hardware(place.run, now=datetime.now(UTC))
    except ValidationError as error:
        # Pydantic repeats the input, and the token is part of it.
        fields = ", ".join(".".join(map(str, one["loc"])) or "document" for one in error.errors())
        log.critical("%s is no boot document (%s); hint: boot from a fresh medium", path, fields)
        return USAGE_EXIT
    except (OSError, HardwareError) as error:
        log.critical("cannot start: %s: %s", error, error.__cause__ or "")
        return USAGE_EXIT
    asyncio.run(serve(boot, place, hardware))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
