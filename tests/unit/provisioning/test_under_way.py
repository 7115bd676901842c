"""Open intents are counted as they come and go, and a host with two of them counts once."""

from __future__ import annotations

from inventory.model import Intent
from provisioning.brakes import UnderWay, busy
from tests.make import make_intent

RACK, FEED = "rack here/r1", "feed here/f1"


def intent(number: int, host: str, *, state: str = "open") -> Intent:
    """In one rack and on one feed."""
    return make_intent(
        id=f"i{number}", host_id=host, state=state, arguments={"domains": [RACK, FEED]}
    )


def test_what_is_counted_step_by_step_is_what_a_whole_count_finds() -> None:
    under_way = UnderWay()
    kept = under_way.busy
    opened = [intent(1, "a"), intent(2, "a"), intent(3, "b")]
    for one in opened:
        assert not under_way.note(one)
    assert {k: n for k, n in under_way.busy.items() if n} == busy(opened) == {RACK: 2, FEED: 2}

    assert under_way.note(intent(1, "a", state="done"))
    assert under_way.busy[RACK] == 2, "it has another one open"
    assert under_way.note(intent(2, "a", state="failed"))
    assert not under_way.note(intent(2, "a", state="failed")), "it has ended only once"
    assert under_way.busy[RACK] == 1
    assert under_way.busy is kept


def test_reading_all_of_them_forgets_what_is_not_among_them() -> None:
    under_way = UnderWay()
    under_way.note(intent(1, "a"))
    under_way.read([intent(2, "b")])
    assert under_way.busy[RACK] == 1
    assert not under_way.note(intent(1, "a", state="done"))
    assert under_way.busy[RACK] == 1
