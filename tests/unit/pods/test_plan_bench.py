"""The benchmark of plans runs without seeds: then it only times."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "plan_bench.py"


def test_no_seeds_print_no_lengths(capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_path(str(SCRIPT))["lengths"](0, "own watts")
    assert capsys.readouterr().out == ""
