"""What one record names and another removes at the same moment: one of the two is refused."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from inventory.errors import Conflict
from inventory.places import Rack, Site
from inventory.store import rows
from inventory.store.protocol import Change, Needed, Unnamed
from inventory.store.sql import SqlStore
from tests.unit.inventory.records import NOW

HERE = Site(name="here")
RACK = Rack(id="rack-1", site="here", name="r1")
MAKING = Change(insert=(RACK,), needs=(Needed(Site, "here"),))
REMOVING = Change(replace=(HERE,), remove=(HERE,), unnamed=(Unnamed(Rack, {"site": "here"}),))
OTHER_HAS_S = 1.0
"""What the other one has to come in between; it may use less, and without a check it does."""


def refused(call: Callable[[], None]) -> str:
    """Why a change was refused; empty when it was written."""
    try:
        call()
    except Conflict as error:
        return str(error)
    return ""


def both(
    monkeypatch: pytest.MonkeyPatch, first: Callable[[], None], second: Callable[[], None]
) -> list[str]:
    """The first one waits between its check and its end, and the second comes meanwhile."""
    told = ["", ""]
    begun, over = threading.Event(), threading.Event()
    remove = rows.remove
    waiting = threading.local()

    def slow(*given: Any) -> None:
        remove(*given)
        if getattr(waiting, "first", False):
            begun.set()
            over.wait(OTHER_HAS_S)

    monkeypatch.setattr(rows, "remove", slow)

    def ahead() -> None:
        waiting.first = True
        told[0] = refused(first)

    def between() -> None:
        begun.wait(30)
        told[1] = refused(second)
        over.set()

    threads = [threading.Thread(target=ahead), threading.Thread(target=between)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return told


@pytest.mark.parametrize("rack_first", [True, False])
def test_a_site_and_a_new_rack_in_it_never_pass_each_other(
    store: SqlStore, second: SqlStore, monkeypatch: pytest.MonkeyPatch, *, rack_first: bool
) -> None:
    store.apply(Change(insert=(HERE,)), now=NOW)
    make = lambda: store.apply(MAKING, now=NOW)  # noqa: E731 - two words for two sides
    drop = lambda: second.apply(REMOVING, now=NOW)  # noqa: E731
    told = both(monkeypatch, *((make, drop) if rack_first else (drop, make)))
    site, rack = store.get(Site, "here"), store.get(Rack, "rack-1")
    assert not (rack is not None and site is None), "an orphan"
    assert [bool(one) for one in told] == [False, True], "who comes second is told"
    expected = "racks: rack-1 names what would be removed" if rack_first else "sites: here is not"
    assert expected in told[1]


def test_what_is_named_may_be_changed_meanwhile(
    store: SqlStore, second: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.apply(Change(insert=(HERE,)), now=NOW)
    renamed = Change(replace=(HERE.model_copy(update={"title": "Here"}),))
    told = both(
        monkeypatch,
        lambda: store.apply(MAKING, now=NOW),
        lambda: second.apply(renamed, now=NOW),
    )
    assert told == ["", ""]


def test_a_change_that_names_nothing_there_writes_nothing(store: SqlStore) -> None:
    with pytest.raises(Conflict, match="sites: here is not there any more"):
        store.apply(MAKING, now=NOW)
    assert store.count(Rack) == 0


def test_what_a_change_itself_brings_is_removed_with_all_that_names_it(store: SqlStore) -> None:
    store.apply(Change(insert=(HERE, RACK)), now=NOW)
    with pytest.raises(Conflict):
        store.apply(REMOVING, now=NOW)
    assert store.get(Site, "here") == HERE
    whole = Change(remove=(HERE, RACK), unnamed=REMOVING.unnamed)
    store.apply(whole, now=NOW)
    assert store.count(Site) == store.count(Rack) == 0
