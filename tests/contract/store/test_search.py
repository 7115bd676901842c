"""What a query finds, on both databases: lookups, order, pages, words, tags."""

from __future__ import annotations

import pytest

from inventory.model import Host, Problem
from inventory.store.protocol import Change
from inventory.store.query import Condition, Query
from inventory.store.sql import SqlStore
from pods.facts import AcceleratorFact
from tests.unit.inventory.records import NOW, make_facts, make_host

PROBLEM = Problem(kind="bmc-busy", message="m", since=NOW)
B200 = make_facts(
    accelerators=tuple(
        AcceleratorFact(slot=f"GPU{i}", model="NVIDIA B200", memory_gib=180) for i in range(8)
    )
)
HOSTS = (
    make_host(1, tags=("canary", "blue"), custom={"owner": "Ada", "paid": True}),
    make_host(2, tags=("blue",), rack="r2", facts=B200, custom={"owner": "grace"}),
    make_host(3, name="x.y", asset_tag="A_%1", problem=PROBLEM, simulated=False),
    make_host(4, name="x-y-10", pod="other", position=3.5),
)


@pytest.fixture
def filled(store: SqlStore) -> SqlStore:
    store.apply(Change(insert=HOSTS), now=NOW)
    return store


def asked(store: SqlStore, *conditions: tuple[object, ...]) -> set[int]:
    """The numbers of the hosts that conditions find."""
    given = tuple(Condition(c[0], c[1], tuple(c[2:])) for c in conditions)  # type: ignore[arg-type]
    found = store.search(Host, Query(conditions=given))
    assert found.total == len(found.records)
    return {int(host.id[-1]) for host in found.records}


@pytest.mark.parametrize(
    ("conditions", "wanted"),
    [
        ([("name", "exact", "r1-h1")], {1}),
        ([("name", "exact", "r1-h1", "x.y")], {1, 3}),
        ([("name", "in", "r1-h1", "x.y")], {1, 3}),
        ([("name", "n", "r1-h1", "x.y")], {2, 4}),
        ([("name", "ic", "H1")], {1}),
        ([("asset_tag", "ic", "_")], {3}),
        ([("asset_tag", "ic", "%")], {3}),
        ([("name", "nic", "h")], {3, 4}),
        ([("name", "isw", "X")], {3, 4}),
        ([("name", "nisw", "x")], {1, 2}),
        ([("name", "iew", "-10")], {4}),
        ([("name", "niew", "1", "2")], {3, 4}),
        ([("name", "ie", "X.Y")], {3}),
        ([("name", "nie", "X.Y")], {1, 2, 4}),
        ([("problem", "empty", False)], {3}),
        ([("problem", "empty", True)], {1, 2, 4}),
        ([("problem", "exact", "bmc-busy")], {3}),
        ([("gpu_model", "exact", "NVIDIA B200"), ("gpu_count", "gte", 8)], {2}),
        ([("gpu_count", "gte", "8")], {2}),
        ([("memory_gib", "gt", 0)], {2}),
        ([("memory_gib", "lte", 64), ("memory_gib", "n", 0)], {2}),
        ([("simulated", "exact", "false")], {3}),
        ([("tag", "exact", "blue")], {1, 2}),
        ([("tag", "exact", "blue"), ("tag", "exact", "canary")], {1}),
        ([("tag", "n", "blue")], {3, 4}),
        ([("tag", "empty", False)], {1, 2}),
        ([("cf_owner", "ie", "GRACE")], {2}),
        ([("cf_owner", "ic", "a")], {1, 2}),
        ([("cf_paid", "exact", True)], {1}),
        ([("cf_nobody", "exact", "x")], set()),
        ([("pod", "exact", "lab"), ("rack", "exact", "r1")], {1, 3}),
    ],
)
def test_lookups_find_what_they_say(
    filled: SqlStore, conditions: list[tuple[object, ...]], wanted: set[int]
) -> None:
    assert asked(filled, *conditions) == wanted


@pytest.mark.parametrize(
    "query",
    [
        Query(conditions=(Condition("colour", "exact", ("red",)),)),
        Query(conditions=(Condition("document", "ic", ("red",)),)),
        Query(conditions=(Condition("gpu_count", "exact", ("many",)),)),
        Query(conditions=(Condition("gpu_count", "ic", ("8",)),)),
        Query(conditions=(Condition("gpu_count", "gt", (2**70,)),)),
        Query(conditions=(Condition("simulated", "exact", ("perhaps",)),)),
        Query(conditions=(Condition("wake_at", "gt", ("soon",)),)),
        Query(conditions=(Condition("name", "exact", ("a\x00b",)),)),
        Query(conditions=(Condition("name", "exact", ()),)),
        Query(search="a\x00b"),
        Query(ordering=(("colour", False),)),
        Query(ordering=(("tag", False),)),
        Query(after="nonsense"),
        Query(after="W10"),
    ],
)
def test_a_question_that_makes_no_sense_is_an_error_never_everything(
    filled: SqlStore, query: Query
) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        filled.search(Host, query)


def test_an_unknown_column_lists_those_there_are(filled: SqlStore) -> None:
    with pytest.raises(
        ValueError, match=r"hosts has no column colour; it has key, .*gpu_model.*tag"
    ):
        asked(filled, ("colour", "exact", "red"))


def test_words_must_each_be_found_somewhere(filled: SqlStore) -> None:
    def names(search: str) -> set[str]:
        return {h.name for h in filled.search(Host, Query(search=search)).records}

    assert names("lab R2") == {"r1-h2"}
    assert names("lab000000004") == {"x-y-10"}
    assert names("r1 nowhere") == set()


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("column", ["name", "rack", "memory_gib", "key", "simulated"])
def test_pages_follow_each_other_whatever_is_inserted_between(
    filled: SqlStore, column: str, *, descending: bool
) -> None:
    ordering = ((column, descending),)
    whole = [h.name for h in filled.search(Host, Query(ordering=ordering)).records]
    seen: list[str] = []
    cursor, number = "", 0
    while cursor or not seen:
        page = filled.search(Host, Query(ordering=ordering, limit=1, after=cursor, counted=False))
        assert page.total is None
        seen += [h.name for h in page.records]
        cursor, number = page.next_cursor, number + 1
        if number < len(whole):
            around = (
                make_host(10 * number + n, name=f"{end}{number}") for n, end in enumerate("az", 10)
            )
            filled.apply(Change(insert=tuple(around)), now=NOW)
    assert [name for name in seen if name in whole] == whole


def test_order_of_several_columns_and_directions(filled: SqlStore) -> None:
    ordering = (("pod", True), ("rack", False), ("name", True))
    names = [h.name for h in filled.search(Host, Query(ordering=ordering)).records]
    assert names == ["x-y-10", "x.y", "r1-h1", "r1-h2"]
    first = filled.search(Host, Query(ordering=ordering, limit=2))
    rest = filled.search(Host, Query(ordering=ordering, after=first.next_cursor))
    assert [h.name for h in (*first.records, *rest.records)] == names
    with pytest.raises(ValueError, match="another ordering"):
        filled.search(Host, Query(after=first.next_cursor))


def test_offset_and_total(filled: SqlStore) -> None:
    page = filled.search(Host, Query(offset=3, limit=2))
    assert [h.id for h in page.records] == [HOSTS[3].id]
    assert page.total == 4


def test_labels_follow_the_record(filled: SqlStore) -> None:
    changed = HOSTS[0].model_copy(update={"tags": ("red",), "custom": {}})
    filled.apply(Change(replace=(changed,)), now=NOW)
    assert asked(filled, ("tag", "exact", "blue")) == {2}
    assert asked(filled, ("tag", "exact", "red")) == {1}
    assert asked(filled, ("cf_owner", "empty", False)) == {2}
    filled.apply(Change(remove=(HOSTS[1],)), now=NOW)
    filled.apply(Change(insert=(HOSTS[1].model_copy(update={"tags": ()}),)), now=NOW)
    assert asked(filled, ("tag", "exact", "blue")) == set()


def test_many_are_got_at_once(filled: SqlStore) -> None:
    found = filled.get_many(Host, [HOSTS[2].id, "nobody", HOSTS[0].id, HOSTS[0].id])
    assert found == {HOSTS[0].id: HOSTS[0], HOSTS[2].id: HOSTS[2]}
    assert filled.get_many(Host, []) == {}
