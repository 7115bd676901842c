"""Hardware from a hall's description and from a kernel's files."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from runtime.hardware import HardwareError, read_hardware

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
DESCRIPTION: dict[str, Any] = {
    "manufacturer": "Lab",
    "model": "L4",
    "serial": "S1",
    "uuid": "u-1",
    "memory": [{"slot": "DIMM1", "capacity_gib": 8}],
    "simulated": True,
    "physical_host": "here",
    "clock_ratio": 0.33,
}


def describe(run: Path, **changes: Any) -> None:
    (run / "hardware.json").write_text(json.dumps({**DESCRIPTION, **changes}))


def test_described_host_is_what_its_hall_says(tmp_path: Path) -> None:
    describe(tmp_path)
    found = read_hardware(tmp_path, now=NOON)
    assert (found.simulated, found.physical_host, found.clock_ratio) == (True, "here", 0.33)
    assert found.facts.memory[0].capacity_gib == 8
    assert (found.facts.source, found.facts.observed_at) == ("agent", NOON)


@pytest.mark.parametrize("ratio", [0, -1, 1.5])
def test_impossible_clock_ratio_is_refused(tmp_path: Path, ratio: float) -> None:
    describe(tmp_path, clock_ratio=ratio)
    with pytest.raises(HardwareError, match="clock_ratio"):
        read_hardware(tmp_path, now=NOON)


def test_description_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "hardware.json").write_text("[]")
    with pytest.raises(HardwareError, match=r"hardware\.json"):
        read_hardware(tmp_path, now=NOON)


def test_real_host_is_read_from_its_kernel(tmp_path: Path) -> None:
    files = {
        "sys/class/dmi/id/sys_vendor": "Acme\n",
        "sys/class/dmi/id/product_name": "X1\n",
        "etc/machine-id": "m-1\n",
        "proc/cpuinfo": "processor: 0\nphysical id: 0\ncore id: 0\nmodel name: Fast CPU\n\n"
        "processor: 1\nphysical id: 0\ncore id: 0\nmodel name: Fast CPU\n",
        "proc/meminfo": "MemTotal:       16777216 kB\n",
        "sys/block/nvme0n1/size": "2097152\n",
        "sys/block/nvme0n1/device/model": "Disk\n",
        "sys/block/loop0/size": "100\n",
        "sys/class/net/eth0/address": "02:00:00:00:00:01\n",
        "sys/class/net/eth0/speed": "25000\n",
        "sys/class/net/eth0/carrier": "1\n",
        "sys/class/net/eth0/device/vendor": "0x1\n",
        "sys/class/net/lo/address": "00:00:00:00:00:00\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    found = read_hardware(tmp_path / "run", now=NOON, system=tmp_path)
    assert (found.simulated, found.physical_host) == (False, "m-1")
    assert [(one.cores, one.threads) for one in found.facts.processors] == [(1, 2)]
    assert found.facts.memory[0].capacity_gib == 16
    assert [(one.slot, one.capacity_gib, one.protocol) for one in found.facts.drives] == [
        ("nvme0n1", 1, "NVMe")
    ]
    assert [(one.slot, one.speed_gbps, one.link_up) for one in found.facts.nics] == [
        ("eth0", 25, True)
    ]
