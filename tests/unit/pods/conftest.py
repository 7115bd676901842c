"""Builders with only what matters: the lab spec, and facts of a host built exactly to it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from pods import catalogue
from pods.facts import (
    AcceleratorFact,
    DriveFact,
    HardwareFacts,
    MemoryModuleFact,
    NicFact,
    ProcessorFact,
)
from pods.spec import PodSpec

# A shared machine may stall for seconds: that is no property of the code under test.
settings.register_profile(
    "shared-machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("shared-machine")

LAB = catalogue.load("lab-4")


@pytest.fixture(scope="session")
def lab() -> PodSpec:
    return LAB


@pytest.fixture
def lab_value() -> dict[str, Any]:
    """The lab spec as a plain value that a test may change."""
    return copy.deepcopy(LAB.model_dump(mode="json"))


@pytest.fixture(scope="session")
def make_facts() -> Callable[..., HardwareFacts]:
    """Facts of a host built to `lab-cpu`; a keyword replaces one field."""

    def make(**changes: Any) -> HardwareFacts:
        fields: dict[str, Any] = {
            "observed_at": datetime(2026, 1, 1, tzinfo=UTC),
            "source": "recorded",
            "manufacturer": "Podyard",
            "model": "Lab Host 1",
            "serial": "LAB0001",
            "uuid": "00000000-0000-0000-0000-000000000001",
            "bmc_firmware": "1.8.0",
            "bios_version": "2.4.1",
            "processors": (ProcessorFact(slot="CPU.1", model="Lab CPU 8", cores=8, threads=16),),
            "accelerators": (
                AcceleratorFact(slot="GPU.1", model="Lab Accelerator", memory_gib=16),
            ),
            "memory": tuple(
                MemoryModuleFact(slot=f"DIMM.{n}", capacity_gib=16) for n in range(1, 5)
            ),
            "drives": (DriveFact(slot="Bay.1", model="Lab Drive", capacity_gib=480),),
            "nics": tuple(
                NicFact(slot=f"NIC.{n}", mac=f"02:00:00:00:00:0{n}", speed_gbps=25, link_up=True)
                for n in (1, 2)
            ),
            "firmware": {"BIOS": "2.4.1", "BMC": "1.8.0"},
            "bios": {
                "BootMode": "Uefi",
                "HyperThreading": "Disabled",
                "PowerProfile": "MaxPerformance",
            },
        }
        return HardwareFacts(**(fields | changes))

    return make
