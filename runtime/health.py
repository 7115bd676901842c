"""The only door to NVML, and what the driver wrote into the kernel's log about its GPUs.

A host without a driver, a GPU that fell off the bus and a field that this model does not report are
ordinary states of ordinary hosts, so they are values here and never exceptions. Importing `pynvml`
is itself part of the question: a host may lack it.
"""

from __future__ import annotations

import importlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from inventory.agents import XidSeen
from pods.facts import AcceleratorFact

BYTES_PER_GIB = 1024**3

KERNEL_LOG = Path("/dev/kmsg")
RECORD_BYTES_MAX = 8192
"""The kernel hands out one record a read, and none is longer."""
RECORDS_MAX = 100_000
"""More than a kernel's buffer holds: one reading ends although lines come in meanwhile."""
XIDS_KEPT = 256
"""Kinds of error on one host; the wire carries no more, and nobody reads so many."""

_XID = re.compile(r"NVRM: Xid \(([^)]{1,64})\): (\d{1,4})\b")


class NvmlState(StrEnum):
    """How far NVML could be asked."""

    ABSENT = "absent"
    """No driver, or no library: not a fault by itself."""
    PRESENT = "present"
    PARTIAL = "partial"
    """Some GPU or field did not answer; `missing` says which."""


@dataclass(frozen=True, slots=True)
class GpuReading:
    """What NVML says about the host's accelerators."""

    state: NvmlState
    accelerators: tuple[AcceleratorFact, ...] = ()
    driver_version: str = ""
    missing: tuple[str, ...] = ()
    """`<what>: <why>`, for people."""


def read_gpus(nvml: Any = None) -> GpuReading:
    """Ask NVML once. `nvml` stands in for the module in tests and replays."""
    try:
        module = nvml if nvml is not None else importlib.import_module("pynvml")
    except ImportError as error:
        return GpuReading(NvmlState.ABSENT, missing=(f"pynvml: {error}",))
    try:
        module.nvmlInit()
    except module.NVMLError as error:
        return GpuReading(NvmlState.ABSENT, missing=(f"driver: {error}",))
    try:
        return _read(module)
    finally:
        module.nvmlShutdown()


def _read(nvml: Any) -> GpuReading:
    missing: list[str] = []
    found: list[AcceleratorFact] = []
    driver = _ask(nvml, "driver version", missing, nvml.nvmlSystemGetDriverVersion)
    count = _ask(nvml, "device count", missing, nvml.nvmlDeviceGetCount)
    for index in range(count or 0):
        fact = _read_one(nvml, index, missing)
        if fact is not None:
            found.append(fact)
    state = NvmlState.PARTIAL if missing else NvmlState.PRESENT
    return GpuReading(state, tuple(found), driver or "", tuple(missing))


def _read_one(nvml: Any, index: int, missing: list[str]) -> AcceleratorFact | None:
    name = f"gpu {index}"
    handle = _ask(nvml, name, missing, nvml.nvmlDeviceGetHandleByIndex, index)
    if handle is None:
        return None
    model = _ask(nvml, f"{name} name", missing, nvml.nvmlDeviceGetName, handle)
    memory = _ask(nvml, f"{name} memory", missing, nvml.nvmlDeviceGetMemoryInfo, handle)
    serial = _ask(nvml, f"{name} serial", missing, nvml.nvmlDeviceGetSerial, handle)
    uuid = _ask(nvml, f"{name} uuid", missing, nvml.nvmlDeviceGetUUID, handle)
    firmware = _ask(nvml, f"{name} firmware", missing, nvml.nvmlDeviceGetVbiosVersion, handle)
    return AcceleratorFact(
        slot=f"GPU{index}",
        model=model or "unknown",
        memory_gib=memory.total // BYTES_PER_GIB if memory else 0,
        serial=serial or "",
        uuid=uuid or "",
        firmware=firmware or "",
    )


def _ask(nvml: Any, what: str, missing: list[str], call: Any, *arguments: Any) -> Any:
    """One NVML call; a refusal is noted and answered with None."""
    try:
        answer = call(*arguments)
    except nvml.NVMLError as error:
        missing.append(f"{what}: {error}")
        return None
    return answer.decode() if isinstance(answer, bytes) else answer


@dataclass(slots=True)
class XidLog:
    """The errors of an NVIDIA driver since this log was opened, and those that it still held then.

    What was in the log before is dated by its first reading: a certificate that is issued later
    is not about it. A log that cannot be read says nothing, as on a host without the rights to it.
    """

    path: Path = KERNEL_LOG
    _seen: dict[tuple[int, str], XidSeen] = field(default_factory=dict)
    _descriptor: int | None = None

    def read(self, *, now: datetime) -> tuple[XidSeen, ...]:
        """Take in what is new; everything that was seen so far, in order."""
        for where, code in self._new():
            key = (code, where)
            before = self._seen.get(key)
            if before is None and len(self._seen) >= XIDS_KEPT:
                continue
            count = before.count + 1 if before else 1
            self._seen[key] = XidSeen(code=code, where=where, count=count, last_at=now)
        return tuple(self._seen[key] for key in sorted(self._seen))

    def close(self) -> None:
        """Let go of the log. Safe to call twice."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _new(self) -> Iterator[tuple[str, int]]:
        if self._descriptor is None:
            try:
                self._descriptor = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            except OSError:  # not there yet, or only for root
                return
        rest = ""
        for _ in range(RECORDS_MAX):
            try:
                raw = os.read(self._descriptor, RECORD_BYTES_MAX)
            except BlockingIOError:  # nothing new
                return
            except BrokenPipeError:  # the kernel wrote over what was not read yet: go on behind it
                continue
            except OSError:
                self.close()
                return
            if not raw:
                return
            text = rest + raw.decode(errors="replace")
            whole, newline, rest = text.rpartition("\n")
            yield from ((found[1], int(found[2])) for found in _XID.finditer(whole + newline))
