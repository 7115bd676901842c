"""Tools that measure accelerators: DCGM, nvbandwidth, CUDA's peer copies, matrix multiplication."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from pods.acceptance import Measurement
from runtime.ladder.reading import NUMBER, ToolSaidNothingError, each, one, told

DIAGNOSTIC = ("DCGM GPU Diagnostic", "DCGM Diagnostic")
"""What DCGM 3 and DCGM 4 call it."""
FAILED = {"FAIL", "FAILED"}
RAN = {"PASS", "PASSED", "WARN"}
_ROW = re.compile(rf"^\s*\d+\s+((?:(?:{NUMBER}|N/A)\s*)+)$")
_BEST = re.compile(rf"(?:best|max(?:imum)?)\b[^\n]*?({NUMBER})\s*TFLOPS", re.IGNORECASE)


def diagnostic(text: str) -> tuple[Measurement, ...]:
    """`dcgmi diag -r 3 -j`: 1 when nothing failed and something ran; what failed is named."""
    start, end = text.find("{"), text.rfind("}")
    try:
        body = json.loads(text[start : end + 1])
    except ValueError as error:
        raise ToolSaidNothingError(f"dcgmi: no result: {told(text)}") from error
    found = next((body[name] for name in DIAGNOSTIC if name in body), None)
    if not isinstance(found, dict):
        raise ToolSaidNothingError(f"dcgmi: no diagnostic in its answer: {told(text)}")
    results = list(_results(found))
    bad = [
        said for name, status, said in results if status in FAILED for said in (f"{name}{said}",)
    ]
    if bad:
        raise ToolSaidNothingError(f"dcgmi: failed: {'; '.join(bad)}"[:600])
    if not any(status in RAN for _, status, _ in results):
        raise ToolSaidNothingError("dcgmi: no test ran")
    return one("diagnostic", "", 1.0)


def _results(found: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """(test, status, where and why) of each, through lists in which DCGM 3 leaves nulls."""
    for category in found.get("test_categories") or ():
        for test in (category or {}).get("tests") or ():
            for result in (test or {}).get("results") or ():
                if result is None:
                    continue
                status = str(result.get("status", "")).upper()
                where = result.get("gpu_ids", result.get("entity_id", ""))
                yield str(test.get("name", "?")), status, f" on {where}{_why(result)}"


def _why(result: dict[str, Any]) -> str:
    warnings = result.get("warnings") or result.get("warning") or ""
    if isinstance(warnings, list):
        said = [w.get("warning", "") if isinstance(w, dict) else w for w in warnings]
        warnings = " ".join(map(str, said))
    return f": {told(str(warnings))}" if warnings else ""


def host_to_device(text: str) -> tuple[Measurement, ...]:
    """`nvbandwidth -t host_to_device_memcpy_ce`: a column for each accelerator."""
    rows = _matrix(text, "host_to_device_memcpy_ce")
    return each("host_to_device", "GB/s", {f"GPU{i}": v for i, v in enumerate(rows[0]) if v})


def device_to_device(text: str) -> tuple[Measurement, ...]:
    """`nvbandwidth -t device_to_device_memcpy_read_ce`: each accelerator's slowest neighbour."""
    rows = _matrix(text, "device_to_device_memcpy_read_ce")
    slowest = {
        f"GPU{index}": min(value for value in row if value is not None)
        for index, row in enumerate(rows)
        if any(value is not None for value in row)
    }
    return each("device_to_device", "GB/s", slowest)


def _matrix(text: str, test: str) -> list[list[float | None]]:
    """The rows after `Running TEST.`; None where the tool says N/A. A missing row is no matrix."""
    block = text.partition(f"Running {test}.")[2].partition("\nSUM ")[0]
    lines = [line for line in block.splitlines() if line.strip()]
    # The first line of whole numbers alone counts the columns; below it are the rows.
    top = next((n for n, line in enumerate(lines) if re.fullmatch(r"[\s\d]+", line)), len(lines))
    width = len(lines[top].split()) if top < len(lines) else 0
    rows = [
        [None if cell == "N/A" else float(cell) for cell in match[1].split()]
        for line in lines[top + 1 :]
        if (match := _ROW.match(line))
    ]
    if not rows or not width or any(len(row) != width for row in rows):
        raise ToolSaidNothingError(f"nvbandwidth: no matrix of {test}: {told(text)}")
    if test.startswith("device_to_device") and len(rows) != width:
        raise ToolSaidNothingError(f"nvbandwidth: {len(rows)} of {width} rows of {test}")
    return rows


def matrix_multiply(test: str) -> Any:
    """`mamf-finder`: the best of the shapes tried, in TFLOPS."""

    def parse(text: str) -> tuple[Measurement, ...]:
        found = [float(value) for value in _BEST.findall(text)]
        if not found:
            raise ToolSaidNothingError(f"mamf-finder: names no best figure: {told(text)}")
        return one(test, "TFLOPS", max(found))

    return parse
