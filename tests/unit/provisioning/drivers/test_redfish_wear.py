"""Counters of errors and wear, by the part that somebody can replace, in several makers' words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from provisioning.drivers.redfish.wear import counted

SYSTEM = "/redfish/v1/Systems/HGX_Baseboard_0"
MOCKUP = Path(__file__).parents[4].parent / "shared" / "redfish-mockups" / "public-telemetry"


def part(path: str, kind: str, **said: Any) -> dict[str, Any]:
    return {"@odata.id": f"{SYSTEM}/{path}", "@odata.type": f"#{kind}", **said}


def gpu(number: int) -> dict[str, Any]:
    label = {"PartLocation": {"ServiceLabel": f"GPU {number}"}}
    return part(f"Processors/GPU_{number}", "Processor.v1_20_0.Processor", Location=label)


def link(number: int, port: int, **said: Any) -> dict[str, Any]:
    where = f"Processors/GPU_{number}/Ports/NVLink_{port}/Metrics"
    return part(where, "PortMetrics.v1_3_0.PortMetrics", Oem={"Nvidia": said})


def test_the_links_of_an_accelerator_are_added_up() -> None:
    found = counted(
        [
            gpu(0),
            link(0, 0, LinkErrorRecoveryCount=2, LinkDownedCount=1),
            link(0, 1, LinkErrorRecoveryCount=3, LinkDownedCount=0),
            gpu(1),
            link(1, 0, LinkErrorRecoveryCount=0, LinkDownedCount=0),
        ]
    )
    assert found == {
        "link-errors.gpu-0": 5.0,
        "link-downs.gpu-0": 1.0,
        "link-errors.gpu-1": 0.0,
        "link-downs.gpu-1": 0.0,
    }


def test_memory_that_is_soldered_to_an_accelerator_has_a_series_of_its_own() -> None:
    remapping = {"CorrectableRowRemappingCount": 1, "UncorrectableRowRemappingCount": 2}
    found = counted(
        [
            part("Memory/GPU_0_DRAM_0", "Memory.v1_20_0.Memory", Id="GPU_0_DRAM_0"),
            part(
                "Memory/GPU_0_DRAM_0/MemoryMetrics",
                "MemoryMetrics.v1_7_0.MemoryMetrics",
                LifeTime={"CorrectableECCErrorCount": 7, "UncorrectableECCErrorCount": 0},
                Oem={"Nvidia": {"RowRemapping": remapping}},
            ),
        ]
    )
    assert found == {
        "ecc.gpu-0-dram-0": 7.0,
        "ecc-lost.gpu-0-dram-0": 0.0,
        "remapped.gpu-0-dram-0": 3.0,
    }


def test_modules_are_added_up_and_those_that_erred_are_named() -> None:
    modules = [
        part(
            f"Memory/DIMM{n}/MemoryMetrics",
            "MemoryMetrics.v1_7_0.MemoryMetrics",
            LifeTime={"CorrectableECCErrorCount": 4 if n == 3 else 0},
        )
        for n in range(32)
    ]
    assert counted(modules) == {"ecc.modules": 4.0, "ecc.dimm3": 4.0}


def test_pcie_errors_and_the_life_of_drives() -> None:
    errors = {"CorrectableErrorCount": 9, "NonFatalErrorCount": 1, "FatalErrorCount": 1}
    found = counted(
        [
            gpu(0),
            part("Processors/GPU_0/ProcessorMetrics", "ProcessorMetrics.v1_6_1.ProcessorMetrics",
                 PCIeErrors=errors),
            part("Storage/1/Drives/nvme0", "Drive.v1_17_0.Drive", Id="nvme0",
                 PredictedMediaLifeLeftPercent=97.5),
            part("Storage/1/Drives/nvme0/Metrics", "DriveMetrics.v1_2_0.DriveMetrics",
                 UncorrectableIOReadErrorCount=2, UncorrectableIOWriteErrorCount=1),
        ]
    )  # fmt: skip
    assert found == {
        "pcie.gpu-0": 9.0,
        "pcie-lost.gpu-0": 2.0,
        "life.nvme0": 97.5,
        "drive-errors.nvme0": 3.0,
    }


@pytest.mark.parametrize("said", [None, "many", -1, [], float("nan"), True])
def test_what_is_no_count_is_no_series_or_nothing(said: object) -> None:
    found = counted([gpu(0), link(0, 0, LinkDownedCount=said)])
    assert set(found.values()) <= {0.0}


def test_what_a_part_does_not_tell_has_no_series() -> None:
    assert counted([gpu(0), link(0, 0)]) == {}
    assert counted([]) == {}


def test_dmtfs_memory_that_counts_no_errors_is_given_none() -> None:
    if not MOCKUP.is_dir():
        pytest.skip("DMTF's mockups are not beside the project (../shared/redfish-mockups)")
    found = list(MOCKUP.glob("Systems/1/Memory/*/**/index.json"))
    assert len(found) >= 2
    assert counted([json.loads(one.read_text()) for one in found]) == {}
