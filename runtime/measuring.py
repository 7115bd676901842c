"""Runs an acceptance order once, beside the agent's own loop, and keeps its report.

The tests run in a process of their own (`runtime.measure`), so the agent goes on answering; an
order that was run is not run again, however often the desired state repeats it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence

from inventory.agents import AcceptanceOrder, AcceptanceReport
from pods.acceptance import Measurement
from runtime.ladder.tools import TOOLS
from runtime.measure import ONE_THREAD
from runtime.place import Place
from runtime.tether import tethered

COMPUTES = "matrix_multiply"
"""The test that is made on each accelerator too."""
LIMIT_S_PER_TEST = 120.0  # two seconds on an idle machine; sixty-fold load is a fault, not load


class Measuring:
    """The agent's side of at most one acceptance order."""

    def __init__(
        self,
        place: Place,
        *,
        clock_ratio: float,
        changed: Callable[[], None],
        accelerator_ratios: Mapping[str, float] | None = None,
        accelerators: int = 1,
    ) -> None:
        self._accelerators = accelerators
        self._accelerator_ratios = accelerator_ratios or {}
        self._place = place
        self._clock_ratio = clock_ratio
        self._changed = changed
        self._task: asyncio.Task[None] | None = None
        self.report: AcceptanceReport | None = None

    @property
    def order_id(self) -> str:
        """The order that was or is being run; empty when there is none."""
        return self.report.order_id if self.report else ""

    async def start(self, order: AcceptanceOrder) -> None:
        """Run this order in the background, abandoning another one."""
        await self.stop()
        self._note(AcceptanceReport(order_id=order.order_id, finished=False, progress="starting"))
        self._task = asyncio.create_task(self._run(order))

    async def stop(self) -> None:
        """Abandon what runs and forget its report."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        self.report = None

    async def _run(self, order: AcceptanceOrder) -> None:
        measured: list[Measurement] = []
        failed: dict[str, str] = {}
        skipped: dict[str, str] = {}
        limit_s = allowed_s(order.tests)
        try:
            async with asyncio.timeout(limit_s):
                await self._collect(order, measured, failed, skipped)
        except TimeoutError:
            reason = f"no result within {limit_s:.0f} s of all tests together"
        except (OSError, ValueError) as error:
            reason = f"{type(error).__name__}: {error}"
        else:
            reason = "the measuring process ended without a result"
        done = {one.test for one in measured} | failed.keys() | skipped.keys()
        failed |= {test: reason for test in order.tests if test not in done}
        self._note(
            AcceptanceReport(
                order_id=order.order_id,
                measurements=tuple(measured),
                failed=failed,
                skipped=skipped,
                finished=True,
                progress=f"{_tests(measured)} of {len(order.tests)} tests measured",
            )
        )

    async def _collect(
        self,
        order: AcceptanceOrder,
        measured: list[Measurement],
        failed: dict[str, str],
        skipped: dict[str, str],
    ) -> None:
        """Read one line a test, reporting progress after each."""
        process = await self._spawn(order)
        try:
            if process.stdout is None:
                return
            async for line in process.stdout:
                found = json.loads(line)
                if "measurement" in found:
                    one = Measurement.model_validate(found["measurement"])
                    measured += [one, *by_part(one, self._accelerator_ratios)]
                elif "skipped" in found:
                    skipped[str(found["skipped"])] = str(found["reason"])
                else:
                    failed[str(found["failed"])] = str(found["reason"])
                self._note(_partial(order, measured, failed, skipped))
            await process.wait()
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    async def _spawn(self, order: AcceptanceOrder) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "runtime.measure", f"--rounds={order.rounds}"),
            *(f"--directory={self._place.scratch}", f"--clock-ratio={self._clock_ratio}"),
            f"--accelerators={self._accelerators}",
            *("--", *order.tests),
            env={**os.environ, **ONE_THREAD},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            preexec_fn=tethered(),
        )

    def _note(self, report: AcceptanceReport) -> None:
        self.report = report
        self._changed()


def by_part(whole: Measurement, ratios: Mapping[str, float]) -> list[Measurement]:
    """What simulated accelerators would have computed, each at its share of the host's speed."""
    if whole.test != COMPUTES:
        return []
    return [
        Measurement(test=whole.test, value=whole.value * ratio, unit=whole.unit, part=slot)
        for slot, ratio in ratios.items()
    ]


def _tests(measured: list[Measurement]) -> int:
    return len({one.test for one in measured})


def allowed_s(tests: Sequence[str]) -> float:
    """Every test to its own limit, one after the other."""
    limits = (TOOLS[test].deadline_s if test in TOOLS else LIMIT_S_PER_TEST for test in tests)
    return max(sum(limits), LIMIT_S_PER_TEST)


def _partial(
    order: AcceptanceOrder,
    measured: list[Measurement],
    failed: dict[str, str],
    skipped: dict[str, str],
) -> AcceptanceReport:
    done = _tests(measured) + len(failed) + len(skipped)
    return AcceptanceReport(
        order_id=order.order_id,
        measurements=tuple(measured),
        failed=dict(failed),
        skipped=dict(skipped),
        finished=False,
        progress=f"{done} of {len(order.tests)} tests",
    )
