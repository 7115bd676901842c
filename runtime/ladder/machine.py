"""Tools that load the rest of the machine: fio on its disks, stress-ng on cores and memory."""

from __future__ import annotations

import json
import re

from pods.acceptance import Measurement
from runtime.ladder.reading import NUMBER, ToolSaidNothingError, one, told

MIB = 1024**2
_METRIC = re.compile(
    rf"metrc:\s*\[\d+\]\s+([a-z][\w-]*)\s+({NUMBER})\s+({NUMBER})\s+({NUMBER})\s+({NUMBER})\s+({NUMBER})"
    rf"|info:\s*\[\d+\]\s+([a-z][\w-]*)\s+({NUMBER})\s+({NUMBER})\s+({NUMBER})\s+({NUMBER})\s+({NUMBER})"
)
_FAILED = re.compile(r"(?:fail|error):\s*\[\d+\]\s*(.+)")


def disk(text: str) -> tuple[Measurement, ...]:
    """`fio --output-format=json`: what was read and written a second, all jobs together.

    Lines before the JSON are fio's warnings.
    """
    start = text.find("{")
    try:
        body = json.loads(text[start:])
        jobs = body["jobs"]
        errors = [str(job.get("jobname", "?")) for job in jobs if job.get("error")]
        read = sum(float(job["read"]["bw_bytes"]) for job in jobs)
        written = sum(float(job["write"]["bw_bytes"]) for job in jobs)
    except (ValueError, KeyError, TypeError) as error:
        raise ToolSaidNothingError(f"fio: no result: {told(text)}") from error
    if errors:
        raise ToolSaidNothingError(f"fio: {', '.join(errors)} ended with an error")
    if read <= 0 and written <= 0:
        raise ToolSaidNothingError("fio: nothing was read or written")
    found: list[Measurement] = []
    if read > 0:
        found += one("disk_read_fio", "MiB/s", read / MIB)
    if written > 0:
        found += one("disk_write_fio", "MiB/s", written / MIB)
    return tuple(found)


def stress(text: str) -> tuple[Measurement, ...]:
    """`stress-ng --metrics-brief`: 1 when every stressor ended well; what failed is named."""
    failed = _FAILED.findall(text)
    if failed:
        raise ToolSaidNothingError(f"stress-ng: {told('; '.join(failed))}")
    if "successful run completed" not in text:
        raise ToolSaidNothingError(f"stress-ng: did not end well: {told(text)}")
    if not _METRIC.search(text):
        raise ToolSaidNothingError(f"stress-ng: no stressor ran: {told(text)}")
    return one("cpu_memory_stress", "", 1.0)
