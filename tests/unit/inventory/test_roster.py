"""Whom the only controller takes first."""

from __future__ import annotations

from datetime import timedelta

from inventory.model import Host
from inventory.roster import Alone
from inventory.states import HostState
from inventory.store.memory import MemoryStore
from inventory.store.protocol import Change
from tests.make import NOW, make_host


def due(number: int, state: HostState, **changes: object) -> Host:
    name = f"h{number}"
    told = {"id": name, "name": name, "serial": name, "state": state, **changes}
    return make_host(**told, wake_at=NOW + timedelta(seconds=number))


def test_who_holds_a_place_or_watts_goes_before_who_waits_for_them() -> None:
    store = MemoryStore()
    line = [due(n, HostState.PREPARING) for n in range(6)]
    powered = [due(6, HostState.BOOTING), due(7, HostState.ACCEPTING)]
    store.apply(Change(insert=(*line, *powered, due(8, HostState.PREPARING))), now=NOW)
    now = NOW + timedelta(hours=1)
    found = Alone(store).due(now, room=5, busy=(), rested=(), holding={"h8"})
    assert {host.id for host in found} == {"h6", "h7", "h8", "h0", "h1"}


def test_a_long_list_is_made_anew_more_seldom() -> None:
    store = MemoryStore()
    store.apply(Change(insert=tuple(due(n, HostState.MATCHING) for n in range(2000))), now=NOW)
    now = NOW + timedelta(hours=1)
    alone = Alone(store)
    assert alone.due(now, room=1, busy=(), rested=())
    first = due(2000, HostState.BOOTING)
    store.apply(Change(insert=(first,)), now=NOW)
    soon = alone.due(now + timedelta(seconds=0.5), room=1, busy=(), rested=())
    later = alone.due(now + timedelta(seconds=1), room=1, busy=(), rested=())
    assert [host.id for host in (*soon, *later)] == ["h1", "h2000"]
