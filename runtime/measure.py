"""Acceptance kernels: does this host do the work that its kind of host does?

A figure alone says little on a machine that also does other things. So every test runs in short
slices, one for the host and one for the reference in turn, and counts CPU seconds where the CPU is
what is measured: whatever slows the one slice slows its neighbour. What is reported is the
median of each side; their ratio holds on a busy machine, and a host at a third of its peers' speed
stands out everywhere.

Runs as a process of its own (`python -m runtime.measure`), because the thread count of the linear
algebra library is fixed when it is loaded, and because an agent must keep answering meanwhile. One
JSON object a line on stdout: `{"measurement": …}` or `{"failed": …, "reason": …}` per test.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from pods.acceptance import Measurement
from runtime.ladder.reading import ToolSaidNothingError
from runtime.ladder.tools import TOOLS, lacking, run

ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "BLIS_NUM_THREADS": "1",
}
"""The environment that this process must be started with."""

SLICE_S = 0.04  # long against a scheduler tick (4 ms), short enough for nine pairs in a second
MATRIX_SIDE = 384  # 3 matrices of 1.2 MB: in the second-level cache, where arithmetic decides
COPY_BYTES = 32 * 1024**2  # two of them are past the private caches of every server CPU
DISK_CHUNK_BYTES = 1024**2
DISK_CHUNKS_PER_CALL = 4
GIGA = 1e9
GIB = 1024**3
MIB = 1024**2

Clock = Callable[[], float]


class Kernel(Protocol):
    """One kind of work, in small equal calls."""

    unit: str
    per_call: float
    """How much of the unit's numerator one call does."""
    clock: Clock
    calls_max: int
    """Per slice, where more would wear something out."""

    def call(self, *, host: bool) -> None:
        """Do the work once, on the host's side or the reference's."""

    def close(self) -> None:
        """Give back what the kernel holds."""


class MatrixMultiply:
    """Double-precision matrix product on one thread."""

    unit = "GFLOP/CPU-s"
    per_call = 2 * MATRIX_SIDE**3 / GIGA
    clock = staticmethod(time.thread_time)
    calls_max = 1000

    def __init__(self, directory: Path) -> None:
        del directory
        import numpy as np  # noqa: PLC0415 - only this process loads it, with one thread

        source = np.random.default_rng(1)
        shape = (MATRIX_SIDE, MATRIX_SIDE)
        self._left, self._right = source.random(shape), source.random(shape)
        self._out = np.empty(shape)
        self._multiply = np.matmul

    def call(self, *, host: bool) -> None:
        """One product; both sides do the same."""
        del host
        self._multiply(self._left, self._right, out=self._out)

    def close(self) -> None:
        """Nothing is held."""


class MemoryBandwidth:
    """Copy between two buffers that no private cache holds; bytes read and written are counted."""

    unit = "GiB/CPU-s"
    per_call = 2 * COPY_BYTES / GIB
    clock = staticmethod(time.thread_time)
    calls_max = 1000

    def __init__(self, directory: Path) -> None:
        del directory
        import numpy as np  # noqa: PLC0415 - as above

        self._source = np.ones(COPY_BYTES // 8)
        self._target = np.zeros(COPY_BYTES // 8)
        self._copy = np.copyto

    def call(self, *, host: bool) -> None:
        """One copy; both sides do the same."""
        del host
        self._copy(self._target, self._source)

    def close(self) -> None:
        """Nothing is held."""


class DiskWrite:
    """Write and fsync in wall time: a disk's work is not the CPU's.

    Host and reference write beside each other on the host's own file system.
    """

    unit = "MiB/s"
    per_call = DISK_CHUNKS_PER_CALL * DISK_CHUNK_BYTES / MIB
    clock = staticmethod(time.perf_counter)
    calls_max = 2  # 8 MiB a slice: nine pairs write less than 200 MiB, however fast the disk

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._chunk = os.urandom(DISK_CHUNK_BYTES)  # incompressible
        self._files = {
            side: tempfile.TemporaryFile(dir=directory, buffering=0)  # noqa: SIM115 - see close
            for side in (True, False)
        }

    def call(self, *, host: bool) -> None:
        """Rewrite one side's file from its start and wait until the disk has it."""
        file = self._files[host]
        file.seek(0)
        for _ in range(DISK_CHUNKS_PER_CALL):
            file.write(self._chunk)
        os.fsync(file.fileno())

    def close(self) -> None:
        """The files vanish with their descriptors."""
        for file in self._files.values():
            file.close()


KERNELS: dict[str, Callable[[Path], Kernel]] = {
    "matrix_multiply": MatrixMultiply,
    "memory_bandwidth": MemoryBandwidth,
    "disk_write": DiskWrite,
}


@dataclass(frozen=True, slots=True)
class Slices:
    """How many calls make a slice on each side. Both sides are *credited* with the same work."""

    credited: int
    host_calls: int


def measure(
    test: str, *, rounds: int, directory: Path, clock_ratio: float = 1.0, slice_s: float = SLICE_S
) -> Measurement:
    """Run one test in interleaved pairs of slices.

    A simulated host with a clock ratio below 1 does as much more work per unit credited: it does
    not report a smaller figure, it is slower.
    """
    kernel = KERNELS[test](directory)
    try:
        slices = _calibrate(kernel, slice_s=slice_s, clock_ratio=clock_ratio)
        pairs = [_pair(kernel, slices, host_first=turn % 2 == 0) for turn in range(rounds)]
    finally:
        kernel.close()
    work = kernel.per_call * slices.credited
    return Measurement(
        test=test,
        value=work / statistics.median(host_s for host_s, _ in pairs),
        reference=work / statistics.median(reference_s for _, reference_s in pairs),
        unit=kernel.unit,
    )


def _calibrate(kernel: Kernel, *, slice_s: float, clock_ratio: float) -> Slices:
    """Warm up, then fit the slice to this machine."""
    for host in (True, False):
        kernel.call(host=host)
    one_call_s = min(_time(kernel, host=False, calls=1) for _ in range(3))
    credited = min(max(1, round(slice_s / max(one_call_s, 1e-6))), kernel.calls_max)
    if clock_ratio < 1.0:
        credited = max(credited, 2)  # so that rounding the host's calls keeps the ratio
    return Slices(credited, host_calls=max(1, round(credited / clock_ratio)))


def _pair(kernel: Kernel, slices: Slices, *, host_first: bool) -> tuple[float, float]:
    """One slice of each side; who goes first alternates, so that no drift favours a side."""
    if host_first:
        host_s = _time(kernel, host=True, calls=slices.host_calls)
        return host_s, _time(kernel, host=False, calls=slices.credited)
    reference_s = _time(kernel, host=False, calls=slices.credited)
    return _time(kernel, host=True, calls=slices.host_calls), reference_s


def _time(kernel: Kernel, *, host: bool, calls: int) -> float:
    start = kernel.clock()
    for _ in range(calls):
        kernel.call(host=host)
    return max(kernel.clock() - start, 1e-9)


def main(arguments: list[str] | None = None) -> int:
    """Run the tests named and print a line for each."""
    parser = argparse.ArgumentParser(prog="python -m runtime.measure", description=__doc__)
    parser.add_argument("tests", nargs="+")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--directory", type=Path, required=True)
    parser.add_argument("--clock-ratio", type=float, default=1.0)
    parser.add_argument("--accelerators", type=int, default=1)
    options = parser.parse_args(arguments)
    for test in options.tests:
        for line in _lines(test, options):
            _print(line)
    return 0


def _lines(test: str, options: argparse.Namespace) -> list[dict[str, object]]:
    """What came of one test: a figure, one for each part as well, or why there is none."""
    if test not in TOOLS:
        return [_line(test, options)]
    tool = TOOLS[test]
    if missing := lacking(tool):
        return [{"skipped": test, "reason": missing}]
    try:
        found = run(tool, scratch=options.directory, accelerators_count=options.accelerators)
    except (ToolSaidNothingError, OSError) as error:
        return [{"failed": test, "reason": str(error)}]
    return [{"measurement": one.model_dump(mode="json")} for one in found if one.test == test]


def _line(test: str, options: argparse.Namespace) -> dict[str, object]:
    if test not in KERNELS:
        known = ", ".join(sorted((*KERNELS, *TOOLS)))
        return {"failed": test, "reason": f"no such test; hint: this agent knows {known}"}
    try:
        result = measure(
            test,
            rounds=options.rounds,
            directory=options.directory,
            clock_ratio=options.clock_ratio,
        )
    except (OSError, MemoryError, ImportError) as error:
        return {"failed": test, "reason": f"{type(error).__name__}: {error}"}
    return {"measurement": result.model_dump(mode="json")}


def _print(line: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    raise SystemExit(main())
