"""Tools that measure what lies between accelerators and hosts: collectives, and RDMA writes."""

from __future__ import annotations

import re

from pods.acceptance import Measurement
from runtime.ladder.reading import NUMBER, ToolSaidNothingError, one, told

_AVERAGE = re.compile(rf"#\s*Avg bus bandwidth\s*:\s*({NUMBER})")
_BOUNDS = re.compile(r"#\s*Out of bounds values\s*:\s*(\d+)\s*(OK|FAILED)")
_RESULT = re.compile(rf"^\s*(\d+)\s+(\d+)\s+({NUMBER})\s+({NUMBER})\s+({NUMBER})\s*$", re.MULTILINE)
_LATENCY = re.compile(rf"^\s*(\d+)\s+(\d+)((?:\s+{NUMBER}){{5,7}})\s*$", re.MULTILINE)


def collective(test: str, text: str) -> tuple[Measurement, ...]:
    """`all_reduce_perf` of nccl-tests or rccl-tests: the average bus bandwidth.

    Both print the same table. A run whose data was wrong has no bandwidth worth naming.
    """
    bounds = _BOUNDS.search(text)
    if bounds is not None and (int(bounds[1]) or bounds[2] != "OK"):
        raise ToolSaidNothingError(f"{test}: {bounds[1]} values out of bounds: data was damaged")
    found = _AVERAGE.search(text)
    if found is None:
        raise ToolSaidNothingError(f"{test}: no average bus bandwidth: {told(text)}")
    return one(test, "GB/s busbw", float(found[1]))


def all_reduce_one_host(text: str) -> tuple[Measurement, ...]:
    """Between the accelerators of this host."""
    return collective("all_reduce_one_host", text)


def write_bandwidth(text: str) -> tuple[Measurement, ...]:
    """`ib_write_bw --report_gbits`: the last line's average, in Gb/s a port."""
    if "Gb/sec" not in text and "Gb/s" not in text:
        raise ToolSaidNothingError(f"ib_write_bw: not in Gb/s: give --report_gbits: {told(text)}")
    rows = _RESULT.findall(text)
    if not rows:
        raise ToolSaidNothingError(f"ib_write_bw: no result: {told(text)}")
    return one("write_bandwidth", "Gb/s a port", float(rows[-1][3]))


def write_latency(text: str) -> tuple[Measurement, ...]:
    """`ib_write_lat`: the typical latency of the last line, in microseconds."""
    rows = _LATENCY.findall(text)
    if not rows:
        raise ToolSaidNothingError(f"ib_write_lat: no result: {told(text)}")
    # bytes, iterations, then min, max and typical.
    return one("write_latency", "us", float(rows[-1][2].split()[2]))
