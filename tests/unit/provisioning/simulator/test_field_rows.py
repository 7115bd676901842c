"""The rows of the field name faults that exist, and proofs that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from provisioning.simulator.faults import REGISTRY, Fault
from tests.integration.faults.rows import Row, read_elsewhere, read_rows

ROOT = Path(__file__).parents[4]
ROWS = read_rows()
ELSEWHERE = read_elsewhere()


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


def test_every_fault_is_in_a_row_or_in_the_list_of_the_others() -> None:
    shown = {name for row in ROWS for name in row.names} | {"old-firmware"}

    assert REGISTRY.keys() - shown == ELSEWHERE.keys() - shown
    assert not ELSEWHERE.keys() & shown


@pytest.mark.parametrize(("fault", "proof"), sorted(ELSEWHERE.items()))
def test_a_fault_of_no_row_has_a_test_that_plants_it(fault: str, proof: str) -> None:
    assert re.search(rf"\b{re.escape(fault)}\b", (ROOT / proof).read_text())


@pytest.mark.parametrize("row", ROWS, ids=[row.seen[:40] for row in ROWS])
def test_a_fault_that_a_row_only_names_is_planted_by_one_of_its_proofs(row: Row) -> None:
    """Naming a fault is no proof: a host shows it, or a test of the row plants it."""
    planted = {name for one in ROWS for name in one.shown}
    proofs = "".join((ROOT / one.partition("::")[0]).read_text() for one in row.proven_by)
    left = [name for name in row.faults if name not in planted and name not in proofs]

    assert left == [] or row.not_yet
