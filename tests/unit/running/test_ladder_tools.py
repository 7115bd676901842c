"""Parsers of the acceptance tools, on output in the tools' own formats.

Where each sample comes from: nccl-tests prints its table and `Avg bus bandwidth` from `common.cu`
(figures as published for eight H100); nvbandwidth v0.10's own text output; `dcgmi diag -j` of DCGM
3 as its own tests hold it, with the nulls it leaves in lists, and of DCGM 4 with `entity_id`; fio's
`--output-format=json`; stress-ng 0.15's metrics of Debian 12; perftest's table of `ib_write_bw`.
None was taken on a machine of ours.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pods.acceptance import Measurement
from runtime.ladder import accelerators, fabric, machine
from runtime.ladder.reading import ToolSaidNothingError
from runtime.ladder.tools import TOOLS, Tool, lacking, run
from runtime.measuring import allowed_s

ALL_REDUCE = """# nccl-tests version 2.13.10 nccl-headers=22005 nccl-library=22005
#  Rank  7 Group  0 Pid   1001 on      r1-h1 device  7 [0xdf] NVIDIA H100 80GB HBM3
#
#                                                              out-of-place              in-place
#       size         count      type   redop    root     time   algbw   busbw #wrong     time
#        (B)    (elements)                               (us)  (GB/s)  (GB/s)            (us)
  1073741824     268435456     float     sum      -1   4027.3  266.61  466.57      0   4029.1
  2147483648     536870912     float     sum      -1   7983.5  268.99  470.73      0   7985.2
# Out of bounds values : 0 OK
# Avg bus bandwidth    : 448.212
#
"""
HOST_TO_DEVICE = """nvbandwidth Version: v0.10.0
Built from Git version: v0.10

CUDA Runtime Version: 13.3 (13030)
Driver Version: 610.57.04

Running host_to_device_memcpy_ce.
memcpy CE CPU(row) -> GPU(column) bandwidth (GB/s)
           0         1         2         3
 0     55.59     55.60     21.07     55.59

SUM host_to_device_memcpy_ce 187.85
COEFFICIENT_OF_VARIATION host_to_device_memcpy_ce 0.00
"""
DEVICE_TO_DEVICE = """Running device_to_device_memcpy_read_ce.
memcpy CE GPU(row) -> GPU(column) bandwidth (GB/s)
           0         1
 0       N/A    276.07
 1    274.19       N/A

SUM device_to_device_memcpy_read_ce 550.26
"""
DIAGNOSTIC_3 = """Successfully ran diagnostic for group.
{"DCGM GPU Diagnostic": {"test_categories": [
  {"category": "Deployment", "tests": [
    {"name": "Denylist", "results": [{"gpu_ids": "0,1,2,3,4,5,6,7", "status": "PASS"}]}, null,
    {"name": "NVML Library", "results": [{"gpu_ids": "0,1", "status": "PASS"}]}]},
  {"category": "Hardware", "tests": [
    {"name": "GPU Memory", "results": [{"gpu_ids": "0", "status": "PASS"},
      {"gpu_ids": "3", "status": "STATUS", "warnings": "ecc_dbe_volatile_total 2"}]}]}]}}
"""
DIAGNOSTIC_4 = {
    "DCGM Diagnostic": {
        "test_categories": [
            {
                "category": "Integration",
                "tests": [
                    {
                        "name": "pcie",
                        "results": [
                            {"entity_group": "GPU", "entity_id": 0, "status": "Pass"},
                            {"entity_group": "GPU", "entity_id": 1, "status": "Skip"},
                        ],
                    }
                ],
            }
        ]
    }
}
FIO = {
    "fio version": "fio-3.33",
    "jobs": [
        {
            "jobname": "podyard",
            "error": 0,
            "read": {"bw_bytes": 0, "iops": 0.0},
            "write": {"bw_bytes": 2097152000, "iops": 2000.0},
        }
    ],
}
STRESS = """stress-ng: info:  [811] setting to a 120 second (2 mins, 0.00 secs) run per stressor
stress-ng: info:  [811] dispatching hogs: 16 cpu, 2 vm
stress-ng: metrc: [811] stressor     bogo ops real time usr time sys time bogo ops/s
stress-ng: metrc: [811] cpu              188232    120.00   1913.83      0.51      1568.57
stress-ng: info:  [811] successful run completed in 120.06s (2 mins, 0.06 secs)
"""
WRITE_BANDWIDTH = """-------------------------------------------------------------------------------
                    RDMA_Write BW Test
 #bytes     #iterations    BW peak[Gb/sec]    BW average[Gb/sec]   MsgRate[Mpps]
 65536      5000             391.21             389.86             0.743599
---------------------------------------------------------------------------------
"""
WRITE_LATENCY = """ #bytes #iterations    t_min[usec]    t_max[usec]  t_typical[usec]    t_avg[usec]
 2       1000          1.62           4.05         1.66           1.67        0.05    1.72
"""


def whole(found: tuple[Measurement, ...]) -> tuple[float, str]:
    (one,) = [m for m in found if not m.part]
    return one.value, one.unit


def test_all_reduce_is_the_average_bus_bandwidth() -> None:
    assert whole(fabric.all_reduce_one_host(ALL_REDUCE)) == (448.212, "GB/s busbw")


def test_all_reduce_with_wrong_data_has_no_bandwidth() -> None:
    damaged = ALL_REDUCE.replace("values : 0 OK", "values : 3 FAILED")
    with pytest.raises(ToolSaidNothingError, match="data was damaged"):
        fabric.all_reduce_one_host(damaged)


def test_slowest_accelerator_is_the_host_s_figure_and_each_is_named() -> None:
    found = accelerators.host_to_device(HOST_TO_DEVICE)
    assert whole(found) == (21.07, "GB/s")
    assert {m.part: m.value for m in found if m.part}["GPU2"] == 21.07
    assert len(found) == 5


def test_pairs_that_were_not_measured_do_not_count() -> None:
    assert whole(accelerators.device_to_device(DEVICE_TO_DEVICE)) == (274.19, "GB/s")


def test_matrix_without_a_row_is_none() -> None:
    torn = DEVICE_TO_DEVICE.replace(" 1    274.19       N/A\n", "")
    with pytest.raises(ToolSaidNothingError, match="1 of 2 rows"):
        accelerators.device_to_device(torn)


def test_diagnostic_passes_where_nothing_failed() -> None:
    assert whole(accelerators.diagnostic(DIAGNOSTIC_3)) == (1.0, "")
    assert whole(accelerators.diagnostic(json.dumps(DIAGNOSTIC_4))) == (1.0, "")


def test_diagnostic_that_failed_names_test_accelerator_and_reason() -> None:
    failed = DIAGNOSTIC_3.replace('"status": "STATUS"', '"status": "FAIL"')
    with pytest.raises(ToolSaidNothingError, match="GPU Memory on 3: ecc_dbe_volatile_total 2"):
        accelerators.diagnostic(failed)


def test_diagnostic_in_which_all_was_skipped_proves_nothing() -> None:
    skipped = json.dumps(DIAGNOSTIC_4).replace("Pass", "Skip")
    with pytest.raises(ToolSaidNothingError, match="no test ran"):
        accelerators.diagnostic(skipped)


def test_fio_counts_bytes_of_all_jobs() -> None:
    assert whole(machine.disk(f"fio: a warning\n{json.dumps(FIO)}")) == (2000.0, "MiB/s")


def test_fio_job_with_an_error_has_measured_nothing() -> None:
    jobs = [{**FIO["jobs"][0], "error": 28}]  # type: ignore[index,dict-item]
    with pytest.raises(ToolSaidNothingError, match="podyard ended with an error"):
        machine.disk(json.dumps({**FIO, "jobs": jobs}))


def test_stress_that_found_a_fault_names_it() -> None:
    assert whole(machine.stress(STRESS)) == (1.0, "")
    wrong = STRESS + "stress-ng: fail:  [813] vm: detected 3 bit errors\n"
    with pytest.raises(ToolSaidNothingError, match="detected 3 bit errors"):
        machine.stress(wrong)


def test_rdma_writes_are_read_in_their_units() -> None:
    assert whole(fabric.write_bandwidth(WRITE_BANDWIDTH)) == (389.86, "Gb/s a port")
    assert whole(fabric.write_latency(WRITE_LATENCY)) == (1.66, "us")
    with pytest.raises(ToolSaidNothingError, match="--report_gbits"):
        fabric.write_bandwidth(WRITE_BANDWIDTH.replace("Gb/sec", "MB/sec"))


@pytest.mark.parametrize("test", sorted(TOOLS))
@pytest.mark.parametrize("said", ["", "Segmentation fault", "{}", "{{7*7}}\x1b[2J", "nan inf -1"])
def test_output_that_says_nothing_is_no_measurement(test: str, said: str) -> None:
    with pytest.raises(ToolSaidNothingError) as caught:
        TOOLS[test].parse(said)
    assert "\x1b" not in str(caught.value)


def test_tool_that_is_not_there_is_named() -> None:
    assert lacking(Tool(("no-such-tool",), machine.disk, 1.0)) == "no-such-tool is not installed"
    wants = Tool(("sh",), machine.disk, 1.0, device="/no/such/device")
    assert "/no/such/device" in lacking(wants)


def test_tool_that_does_not_end_is_ended_with_what_it_began(tmp_path: Path) -> None:
    hangs = Tool(("sh", "-c", "sleep 600 & sleep 600"), machine.disk, 0.2)
    with pytest.raises(ToolSaidNothingError, match="no end within"):
        run(hangs, scratch=tmp_path)


def test_each_test_has_its_own_time() -> None:
    assert allowed_s(("matrix_multiply", "diagnostic")) == 120.0 + TOOLS["diagnostic"].deadline_s
