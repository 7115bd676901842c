"""Whole fleets on a real NetBox: what is promised of two hosts holds of many.

Twenty hosts run with every push, five hundred in the long suite: at 41 ms of NetBox's CPU for each
of 11,586 objects, five hundred hosts of eight accelerators take ten minutes on an idle machine.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from inventory.netbox.rounds import Round
from inventory.store.sql import SqlStore
from tests.beds.netbox_fleet import fleet_store
from tests.beds.netbox_server import NetboxServer
from tests.contract.netbox.conftest import Fleet, NetboxBed

pytestmark = pytest.mark.integration
NOTHING = {"create": 0, "change": 0, "delete": 0}


@pytest.fixture
def made(real_server: NetboxServer, tmp_path: Path) -> Callable[..., tuple[Fleet, SqlStore]]:
    def build(**size: int) -> tuple[Fleet, SqlStore]:
        real_server.reset()
        store = fleet_store(tmp_path, **size)
        return Fleet(NetboxBed(real_server), store), store

    return build


@pytest.mark.timeout(2400)
def test_twenty_hosts_in_four_racks(made: Callable[..., tuple[Fleet, SqlStore]]) -> None:
    # More modules than one question may name, so that answers are put together.
    fleet, store = made(racks=4, hosts_per_rack=5, accelerators=3, nics=1)
    prove(fleet, hosts=20, accelerators=3)
    store.close()


@pytest.mark.long
@pytest.mark.timeout(4 * 3600)
def test_five_hundred_hosts_in_twenty_racks(
    made: Callable[..., tuple[Fleet, SqlStore]],
) -> None:
    fleet, store = made(racks=20, hosts_per_rack=25, accelerators=8, nics=2)
    prove(fleet, hosts=500, accelerators=8)
    store.close()


def prove(fleet: Fleet, *, hosts: int, accelerators: int) -> None:
    """First push, second push, people's edits, ours, and a drift report of exactly those."""
    first = fleet.go()
    assert first.applied is not None
    assert first.applied.failed == []
    rows = [row for row in fleet.bed.rows("device") if row.fields["cf.podyard_state"]]
    assert len(rows) == hosts
    assert len(fleet.bed.rows("module")) == hosts * accelerators
    assert len({row.fields["rack"] for row in rows}) == len({host.rack for host in fleet.hosts()})

    second = fleet.go()
    assert second.plan.counts == NOTHING
    assert second.requests_that_wrote == 0

    touched = sorted(rows, key=lambda row: row.id)[:: max(1, hosts // 5)][:5]
    for row in touched:
        fleet.bed.edit("dcim/devices", row.id, comments="mine", status="offline")
    moved = touched[0]
    fleet.bed.edit("dcim/devices", moved.id, name="by-hand")
    drift = fleet.plan()
    assert {(step.netbox_id, *step.new.items()) for step in drift.plan.steps} == {
        (row.id, ("status", "active")) for row in touched
    }
    assert told(drift) == [["name", moved.fields["name"], "by-hand"]]
    fleet.go()
    for row in touched:
        seen = fleet.bed.seen("dcim/devices", row.id)
        assert (seen["comments"], seen["status"]["value"]) == ("mine", "active")
    assert fleet.bed.seen("dcim/devices", moved.id)["name"] == "by-hand"
    assert fleet.go().requests_that_wrote == 0


def told(looked: Round) -> list[list[object]]:
    """The fields in which people want something else than we hold."""
    found = [[one.field, one.ours, one.theirs] for one in looked.plan.intents]
    return sorted(found, key=json.dumps)
