"""NVML: absent, present and partial are answers."""

from __future__ import annotations

import ctypes.util
from types import SimpleNamespace
from typing import Any

import pytest

from runtime.health import NvmlState, read_gpus


class NvmlError(Exception):
    """As pynvml's."""


def make_nvml(**changes: Any) -> Any:
    """One GPU that answers everything."""
    calls: dict[str, Any] = {
        "NVMLError": NvmlError,
        "nvmlInit": lambda: None,
        "nvmlShutdown": lambda: None,
        "nvmlSystemGetDriverVersion": lambda: "580.1",
        "nvmlDeviceGetCount": lambda: 1,
        "nvmlDeviceGetHandleByIndex": lambda index: index,
        "nvmlDeviceGetName": lambda _: b"NVIDIA H200",
        "nvmlDeviceGetMemoryInfo": lambda _: SimpleNamespace(total=141 * 1024**3),
        "nvmlDeviceGetSerial": lambda _: "165",
        "nvmlDeviceGetUUID": lambda _: "GPU-1",
        "nvmlDeviceGetVbiosVersion": lambda _: "96.00",
    }
    return SimpleNamespace(**{**calls, **changes})


def refuse(*_: object) -> None:
    raise NvmlError("Not Supported")


@pytest.mark.skipif(ctypes.util.find_library("nvidia-ml") is not None, reason="has a driver")
def test_host_without_a_driver_is_absent_not_an_error() -> None:
    reading = read_gpus()
    assert reading.state is NvmlState.ABSENT
    assert reading.accelerators == ()
    assert "NVML Shared Library Not Found" in reading.missing[0]


def test_gpu_that_answers_everything_is_present() -> None:
    reading = read_gpus(make_nvml())
    assert reading.state is NvmlState.PRESENT
    [gpu] = reading.accelerators
    assert (gpu.model, gpu.memory_gib, gpu.uuid) == ("NVIDIA H200", 141, "GPU-1")


def test_field_that_a_model_lacks_is_partial_and_named() -> None:
    reading = read_gpus(make_nvml(nvmlDeviceGetSerial=refuse))
    assert reading.state is NvmlState.PARTIAL
    assert reading.accelerators[0].serial == ""
    assert reading.missing == ("gpu 0 serial: Not Supported",)


def test_lost_gpu_is_partial_and_the_others_are_kept() -> None:
    def handle(index: int) -> int:
        if index == 0:
            raise NvmlError("GPU is lost")
        return index

    nvml = make_nvml(nvmlDeviceGetCount=lambda: 2, nvmlDeviceGetHandleByIndex=handle)
    reading = read_gpus(nvml)
    assert reading.state is NvmlState.PARTIAL
    assert [one.slot for one in reading.accelerators] == ["GPU1"]
