"""The only door to NVML: how many GPUs this host has, and what it cannot say about them.

A host without a driver, a GPU that fell off the bus and a field that this model does not report are
ordinary states of ordinary hosts, so they are values here and never exceptions. Importing `pynvml`
is itself part of the question: a host may lack it.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pods.facts import AcceleratorFact

BYTES_PER_GIB = 1024**3


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
