"""The rows of the field name faults that exist, and proofs that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from provisioning.simulator.faults import REGISTRY, Fault
from provisioning.simulator.kinds.distribution import DISTRIBUTION
from tests.integration.faults.rows import Row, read_rows

ROOT = Path(__file__).parents[4]
ROWS = read_rows()
ELSEWHERE = "tests/integration/simulator/test_models_match.py"
"""Faults of parts: that each is found in the facts and judged against the spec."""


@pytest.mark.parametrize("row", ROWS, ids=[row.seen[:40] for row in ROWS])
def test_a_row_is_shown_or_says_what_is_missing(row: Row) -> None:
    assert row.seen.endswith(".")
    assert row.wanted.endswith(".")
    assert row.shows or row.returns or row.proven_by or row.not_yet
    assert set(row.names) <= REGISTRY.keys()
    for show in (*row.shows, *row.returns):
        for fault in show.faults:
            name, colon, parameters = fault.partition(":")
            Fault.parse(f"{name}@h1{colon}{parameters}")


@pytest.mark.parametrize("proof", sorted({proof for row in ROWS for proof in row.proven_by}))
def test_a_proof_is_there(proof: str) -> None:
    path, _, test = proof.partition("::")

    source = (ROOT / path).read_text()

    assert not test or re.search(rf"def {re.escape(test)}\(", source)


def test_every_fault_is_in_a_row_or_is_one_of_a_part() -> None:
    shown = {name for row in ROWS for name in row.names} | {"old-firmware"}
    left = {name for name, kind in REGISTRY.items() if name not in shown}

    assert {REGISTRY[name].subject for name in left} <= {"Parts and cables", DISTRIBUTION.name}
