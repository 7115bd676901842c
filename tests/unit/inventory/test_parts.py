"""A slot's history: who sat in it, from when to when, and what of that is told."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from inventory.model import Host
from inventory.parts import ABSENT_AT_LEAST, SEEN_REFRESH, Part, parts_change
from inventory.store.protocol import Change
from pods.facts import AcceleratorFact, HardwareFacts
from tests.unit.inventory.records import NOW, make_facts, make_host

LATER = NOW + timedelta(minutes=30)
HOST = make_host()


def gpu(slot: str, serial: str, **fields: Any) -> AcceleratorFact:
    return AcceleratorFact(slot=slot, model="B200", memory_gib=180, serial=serial, **fields)


def facts(*gpus: AcceleratorFact, **fields: Any) -> HardwareFacts:
    none: dict[str, Any] = {"memory": (), "drives": (), "processors": (), "nics": ()}
    return make_facts(accelerators=gpus, **{**none, **fields})


def looked(
    current: Sequence[Part], seen: HardwareFacts, now: datetime = LATER, **more: Any
) -> Change:
    return parts_change(HOST, current, seen, now, **more)


def parts(change: Change) -> list[Part]:
    return [record for record in change.insert if isinstance(record, Part)]


def replaced(change: Change) -> list[Part]:
    return [record for record in change.replace if isinstance(record, Part)]


def told(change: Change) -> list[tuple[str, str, str, str]]:
    return [(e.kind, e.old, e.new, e.why) for e in change.events]


def at_first(*gpus: AcceleratorFact) -> list[Part]:
    return parts(looked((), facts(*gpus), NOW))


def test_the_first_look_writes_every_part_and_tells_nothing() -> None:
    change = looked((), make_facts(), wanted={"accelerator": "Lab Accelerator"})
    slots = [part.slot for part in parts(change)]
    assert slots == ["gpu/GPU0", "drive/0", *(f"memory/DIMM{i}" for i in range(4)), "cpu/CPU0"]
    assert parts(change)[0].wanted == "Lab Accelerator"
    assert change.events == change.replace == ()


def test_an_equal_look_writes_nothing_until_the_last_one_is_old() -> None:
    current = at_first(gpu("0", "A"), gpu("1", "B"))
    assert looked(current, facts(gpu("0", "A"), gpu("1", "B"))) == Change()
    late = looked(current, facts(gpu("0", "A"), gpu("1", "B")), NOW + SEEN_REFRESH)
    assert [part.seen_at for part in replaced(late)] == [NOW + SEEN_REFRESH] * 2
    assert late.events == ()


def test_another_serial_ends_one_stay_and_begins_another() -> None:
    change = looked(at_first(gpu("3", "A")), facts(gpu("3", "B")))
    [ended], [begun] = replaced(change), parts(change)
    assert (ended.serial, ended.removed_at, ended.why) == ("A", LATER, "replaced by B")
    assert (begun.serial, begun.installed_at, begun.slot) == ("B", LATER, "gpu/3")
    assert begun.present
    assert told(change) == [("part.changed", "A", "B", "gpu/3 B200")]


def test_parts_that_swap_their_slots_have_both_slots_changed() -> None:
    change = looked(at_first(gpu("0", "A"), gpu("1", "B")), facts(gpu("0", "B"), gpu("1", "A")))
    assert [(p.slot, p.serial) for p in parts(change)] == [("gpu/0", "B"), ("gpu/1", "A")]
    assert [e.kind for e in change.events] == ["part.changed", "part.changed"]


def test_firmware_updates_the_same_stay_and_is_no_event() -> None:
    change = looked(at_first(gpu("0", "A", firmware="1")), facts(gpu("0", "A", firmware="2")))
    [part] = replaced(change)
    assert (part.firmware, part.installed_at, part.present) == ("2", NOW, True)
    assert change.insert == change.events == ()


def test_a_serial_that_one_look_leaves_out_is_not_another_part() -> None:
    assert looked(at_first(gpu("0", "A")), facts(gpu("0", ""))).insert == ()
    learned = looked(at_first(gpu("0", "")), facts(gpu("0", "A")))
    assert [p.serial for p in replaced(learned)] == ["A"]
    assert learned.events == ()


def test_one_look_without_a_part_ends_nothing_and_the_second_does() -> None:
    first = looked(at_first(gpu("0", "A")), facts())
    [missed] = replaced(first)
    assert missed.present
    assert missed.absent_since == LATER
    assert first.events == ()
    soon = looked([missed], facts(), LATER + ABSENT_AT_LEAST / 2)
    assert soon == Change()
    second = looked([missed], facts(), LATER + ABSENT_AT_LEAST)
    assert [p.present for p in replaced(second)] == [False]
    assert [(e.kind, e.old) for e in second.events] == [("part.removed", "A")]


def test_a_part_that_comes_back_is_the_same_stay() -> None:
    [missed] = replaced(looked(at_first(gpu("0", "A")), facts()))
    back = looked([missed], facts(gpu("0", "A")))
    assert [(p.absent_since, p.present) for p in replaced(back)] == [(None, True)]
    assert back.events == ()


def test_a_slot_that_is_said_to_be_empty_is_empty_at_once() -> None:
    change = looked(at_first(gpu("0", "A")), facts(), empty={"gpu/0"})
    assert [p.removed_at for p in replaced(change)] == [LATER]
    assert [e.kind for e in change.events] == ["part.removed"]


def test_a_part_in_a_slot_that_was_empty_is_told() -> None:
    change = looked(at_first(gpu("0", "A")), facts(gpu("0", "A"), gpu("1", "B")))
    assert told(change) == [("part.installed", "", "B", "gpu/1 B200")]


def test_another_source_is_not_asked_about_what_the_first_one_described() -> None:
    agents = facts(gpu("PCI0", "A"), source="agent")
    assert looked(at_first(gpu("0", "A")), agents) == Change()


def test_the_same_look_twice_is_the_same_stay() -> None:
    assert at_first(gpu("0", "A")) == at_first(gpu("0", "A"))


def test_events_name_the_host() -> None:
    other: Host = make_host(2, name="r9-h9")
    change = parts_change(other, at_first(gpu("3", "A")), facts(gpu("3", "B")), LATER)
    assert [e.subject for e in change.events] == ["host:r9-h9"]
