"""Thousands of expected hosts are checked and written in a few statements, on both databases."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from inventory.expected_hosts import ExpectedHost
from inventory.expecting.importing import plan_import
from inventory.expecting.lists import read_list
from inventory.expecting.rematching import rematch
from inventory.found_bmcs import FoundBmc
from inventory.secrets import SecretBox
from inventory.store.protocol import Change
from inventory.store.sql import SqlStore
from pods import catalogue
from provisioning.simulator.widening import widened
from tests.unit.inventory.records import NOW, make_pod

MANY = 2_000
FOUND = 500
STATEMENTS_MAX = 60
"""Some pages of a thousand each; one for each row would be thousands."""


def listed(slots: list[str]) -> bytes:
    rows = (
        f"h{n},lab,{slot},SN{n:06d},4c:d9:8f:00:{n >> 8:02x}:{n & 255:02x},"
        f"10.0.{n >> 8}.{n & 255},root,factory-{n}"
        for n, slot in enumerate(slots)
    )
    return "\n".join(["name,pod,slot,serial,mac,bmc,username,password", *rows, ""]).encode()


@pytest.fixture
def statements(store: SqlStore) -> list[str]:
    sent: list[str] = []

    @sa.event.listens_for(store._engine, "before_cursor_execute")
    def note(_c: object, _cursor: object, statement: str, *_rest: object) -> None:
        sent.append(statement)

    return sent


def test_two_thousand_rows_are_taken_in_and_matched_in_a_few_statements(
    store: SqlStore, tmp_path: Path, statements: list[str]
) -> None:
    spec = widened(catalogue.load("lab-4"), hosts=MANY)
    pod = make_pod(spec_document=spec.model_dump(mode="json"), simulated=False)
    store.apply(Change(insert=(pod,)), now=NOW)
    raw = listed([slot.slot for _, slot in spec.slots()][:MANY])
    box = SecretBox.open(tmp_path / "key")
    statements.clear()

    done = plan_import(store, box, read_list(raw), source="csv")
    assert (len(done.created), done.faults) == (MANY, [])
    store.apply(done.change(now=NOW, actor="t", source="csv"), now=NOW)
    assert len(statements) < STATEMENTS_MAX

    statements.clear()
    again = plan_import(store, box, read_list(raw), source="csv")
    assert (again.unchanged, again.created, again.updated) == (MANY, [], [])
    assert len(statements) < STATEMENTS_MAX
    store.apply(Change(insert=tuple(found(n) for n in range(FOUND))), now=NOW)
    statements.clear()
    rematch(store, now=NOW)
    assert len(statements) < STATEMENTS_MAX
    assert store.count(FoundBmc, state="matched") == FOUND
    assert store.count(ExpectedHost, found="") == MANY - FOUND


def found(number: int) -> FoundBmc:
    ip = f"10.0.{number >> 8}.{number & 255}"
    return FoundBmc(
        id=f"f{number}",
        address=f"redfish+https://{ip}",
        ip=ip,
        network="n",
        fingerprint=f"sha256:{number:064x}",
        first_seen_at=NOW,
        seen_at=NOW,
    )
