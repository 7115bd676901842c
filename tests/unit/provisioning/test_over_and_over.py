"""Every step twice, a crash at every point, a wish at every boundary: the same end each time.

One host is brought up again and again (`one_host`), each time with one thing happening at another
moment. What its hardware says in the end, and its journal of what was really done, must not differ.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from inventory import holding
from inventory.model import AgentSeen, Host
from inventory.states import HostState, PowerState
from inventory.store.protocol import Change
from inventory.verbs import NotNow, Verb, Wish, fields_of
from provisioning.lifecycle.actions import Action, StepClass, UpdateFirmware
from tests.unit.provisioning.iron import as_left
from tests.unit.provisioning.one_host import Drawer, drawer, ended
from tests.unit.provisioning.twice import doubled_in, every_action, run_twice

UP = ["flash BIOS of S1", "power on"]
"""All that a bring-up does to a host that is off and behind in its BIOS."""
BOUNDARIES = 40
"""More steps than a bring-up takes: the last few boundaries lie in ready."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Keys, made once."""
    return tmp_path_factory.mktemp("one-host")


@pytest.fixture
def one(folder: Path) -> Iterator[Drawer]:
    """A host that is off, behind, and wanted ready."""
    with drawer(folder) as there:
        yield there


def judged(there: Drawer, *, flashes: int = 1) -> None:
    """The hardware's own journal: nothing twice, nothing cut off, nobody else touched."""
    done = there.iron.journal
    assert done.count("flash BIOS of S1") == flashes, done
    assert not [line for line in done if line.startswith("CUT") or " of S2" in line], done
    assert all(intent.state != "open" for intent in there.intents())


def certified_last(there: Drawer) -> None:
    """Ready means that everything was verified after the last change."""
    changes = {"intent.open", "intent.done", "host.bios.staged", "host.power.on", "host.configured"}
    kinds = [event.kind for event in there.store.events(limit=1000)]
    assert _last(kinds, "host.certified") > max(n for n, k in enumerate(kinds) if k in changes)


def _last(kinds: list[str], kind: str) -> int:
    return max(n for n, one in enumerate(kinds) if one == kind)


@pytest.fixture(scope="module")
def undisturbed(folder: Path) -> tuple[dict[str, Any], int]:
    """How the hardware is left when nothing happens, and how many fault points were passed."""
    with drawer(folder) as there:
        host = there.run(ended)
        assert host.state is HostState.READY
        assert there.iron.journal == UP
        return as_left(there.iron), there.points.visited


# R1, R11: crashes and repetitions


def test_a_crash_at_every_fault_point_costs_nothing_and_doubles_nothing(
    folder: Path, undisturbed: tuple[dict[str, Any], int]
) -> None:
    left, points = undisturbed
    assert points > 100
    for die_at in range(1, points + 1):
        with drawer(folder) as there:
            there.start(die_at=die_at)
            host = there.run(ended)
            assert there.crashes == 1, die_at
            assert host.state is HostState.READY, (die_at, host.problem)
            judged(there)
            certified_last(there)
            assert as_left(there.iron) == left, die_at


def test_two_crashes_in_a_row_cost_nothing(
    folder: Path, undisturbed: tuple[dict[str, Any], int]
) -> None:
    for die_at in range(1, undisturbed[1] + 1, 3):
        with drawer(folder) as there:
            there.start(die_at=die_at)
            while there.crashes == 0 and not ended(there.host()):
                there.step()
            there.start(die_at=5)
            assert there.run(ended).state is HostState.READY
            judged(there)


def test_no_host_is_sold_on_a_certificate_of_an_earlier_boot(
    folder: Path, undisturbed: tuple[dict[str, Any], int]
) -> None:
    """It loses its power while nobody watches: also right after its certificate was written."""
    points, offered = undisturbed[1], 0
    for die_at in range(points - 40, points + 1):
        with drawer(folder) as there:
            there.start(die_at=die_at)
            while there.crashes == 0:
                there.step()
            offered += bool(there.host().certificate_id)
            there.iron.power = PowerState.OFF
            there.run(lambda host: host.power is PowerState.OFF or not host.certificate_id)
            there.run(lambda host: not host.certificate_id)
            there.wish(target="enrolled")
            there.run(at_rest)
            there.wish(target="ready")
            there.run(lambda host: bool(host.certificate_id) and ended(host))
            certified_last(there)
            judged(there)
    assert offered > 1


ELSEWHERE = {
    "AskRotation": "test_adopting_twice",
    "AskRenewal": "test_adopting_twice",
    "CloseIpmi": "test_adopting_twice",
    "CloseWeakCiphers": "test_adopting_twice",
    "RecordFindings": "test_adopting_twice",
    **dict.fromkeys(
        (
            "NoteLeak",
            "RecordConfigured",
            "RecordDoubt",
            "RecordInspection",
            "RecordMismatches",
            "SettleByHand",
            "ShutDown",
            "StopLoad",
            "Suspend",
            "TryRemedy",
        ),
        "test_troubled_twice",
    ),
    "CertifyErasure": "test_erasing_twice",
    "EraseDrive": "test_erasing_twice",
    "GiveLeave": "test_erasing_by_the_host",
    "RecordDrivesRead": "test_erasing_twice",
    "RecordUnerased": "test_erasing_twice",
    "SettleInBand": "test_erasing_by_the_host",
}
"""What this host never comes to, and which file has one that does: it is run twice there."""
ON_THE_WAY = [kind for kind in every_action() if kind.__name__ not in ELSEWHERE]


def test_what_is_not_run_twice_here_is_run_twice_by_the_file_that_is_named_for_it() -> None:
    """So every action is in one list: a new one is in this file's, until it is given a host."""
    named = {file: {a for a, f in ELSEWHERE.items() if f == file} for file in ELSEWHERE.values()}
    for file, expected in named.items():
        assert {kind.__name__ for kind in doubled_in(file)} == expected, file
    assert set(ELSEWHERE) <= {kind.__name__ for kind in every_action()}


@pytest.mark.parametrize("kind", ON_THE_WAY, ids=lambda kind: kind.__name__)
def test_every_action_run_twice_in_a_row_ends_the_same(
    one: Drawer, undisturbed: tuple[dict[str, Any], int], kind: type[Action]
) -> None:
    """On the way up and down again. The second run sees what the first one saw: a lost record."""
    doubled = run_twice(one, kind)
    assert one.run(ended).state is HostState.READY
    assert as_left(one.iron) == undisturbed[0]
    judged(one)
    certified_last(one)
    one.wish(target="enrolled")
    host = one.run(at_rest)
    assert clean(one, host)
    judged(one)
    assert doubled or kind.__name__ in NOT_HERE, "it was never run: this proves nothing"


NOT_HERE = {
    "RecordWritten",  # it runs from memory: test_acting.py records twice that a disk is written
    "PutBootNicFirst",  # it starts from a medium: test_bmc_boot_nics.py puts a NIC first twice
    "StartAgent",  # it has a BMC: test_adopted_to_ready.py hands a document over twice
}


def test_a_flash_run_twice_is_only_asked_for_once_when_its_intent_is_there(one: Drawer) -> None:
    """The second run of a guarded act finds the intent of the first, as after a crash."""
    assert UpdateFirmware.step_class is StepClass.DESTRUCTIVE_OBSERVABLE
    one.run(lambda _host: bool(one.intents()))
    one.start()  # nothing is remembered but the records
    assert one.run(ended).state is HostState.READY
    judged(one)


# R10: a wish at every boundary


def at_rest(host: Host) -> bool:
    parked = host.problem is not None and host.problem.parked
    return (host.state is HostState.ENROLLED and host.target == "enrolled") or parked


def clean(there: Drawer, host: Host) -> bool:
    """Nothing of the bring-up is left: off, no medium, no boot, no watts but standby."""
    iron = there.iron
    return (
        iron.power is PowerState.OFF
        and not iron.image
        and host.boot is None
        and not host.configured_boot_id
        and not host.certificate_id
        and host.reserved_watts == 20
    )


def ask(there: Drawer, verb: Verb, **more: Any) -> NotNow | None:
    """What a person says, as the API writes it."""
    host = there.host()
    steps = {intent.step for intent in there.intents() if intent.state == "open"}
    wish = Wish(verb, by="ann", at=there.clock.at, why="because", open_steps=steps, **more)
    found = fields_of(wish, host)
    if isinstance(found, NotNow):
        return found
    there.wish(**found)
    return None


def steps_of(there: Drawer, count: int) -> None:
    for _ in range(count):
        there.step()


@pytest.mark.parametrize("boundary", range(BOUNDARIES))
def test_an_abort_at_every_boundary_ends_clean_and_off(one: Drawer, boundary: int) -> None:
    steps_of(one, boundary)
    refused = ask(one, Verb.ABORT)
    if refused is not None:
        assert one.host().state is HostState.READY
        one.wish(target="enrolled")
    host = one.run(at_rest)
    assert host.state is HostState.ENROLLED, host.problem
    assert clean(one, host)
    judged(one, flashes=one.iron.journal.count("flash BIOS of S1"))
    assert one.iron.journal.count("flash BIOS of S1") <= 1


@pytest.mark.parametrize("boundary", range(0, BOUNDARIES, 3))
def test_an_abort_and_a_crash_at_once_end_clean_too(one: Drawer, boundary: int) -> None:
    steps_of(one, boundary)
    ask(one, Verb.ABORT)
    one.start(die_at=1 + boundary % 7)
    if one.host().state is HostState.READY:
        one.wish(target="enrolled")
    host = one.run(at_rest)
    assert host.state is HostState.ENROLLED
    assert clean(one, host)


def hold_fleet(there: Drawer) -> None:
    holding.hold(there.store, None, reason="because", by="ann", now=there.clock.at)


def release_fleet(there: Drawer) -> None:
    holding.release(there.store, None, by="ann", clock=there.clock)


BACK: dict[str, tuple[Callable[[Drawer], Any], Callable[[Drawer], Any]]] = {
    "pause": (lambda one: ask(one, Verb.PAUSE), lambda one: ask(one, Verb.RESUME)),
    "quarantine": (lambda one: ask(one, Verb.QUARANTINE), lambda one: ask(one, Verb.RETRY)),
    "hold": (hold_fleet, release_fleet),
}


@pytest.mark.parametrize("boundary", range(0, BOUNDARIES, 2))
@pytest.mark.parametrize("how", BACK)
def test_held_back_at_every_boundary_nothing_is_done_and_then_it_goes_on(
    one: Drawer, how: str, boundary: int
) -> None:
    back, onward = BACK[how]
    steps_of(one, boundary)
    back(one)
    before = list(one.iron.journal)
    one.start()  # a controller that comes new holds back as well
    steps_of(one, 25)

    assert one.iron.journal == before
    assert all(intent.state != "open" for intent in one.intents())  # driven to a known end
    host = one.host()
    assert host.problem is None or host.problem.kind != "overstayed"
    if how == "quarantine":
        assert not host.certificate_id

    onward(one)
    host = one.run(lambda host: ended(host) and bool(host.certificate_id))
    assert host.state is HostState.READY, host.problem
    judged(one)


def test_a_hold_by_file_alone_holds_with_the_database_away(one: Drawer, tmp_path: Path) -> None:
    file = tmp_path / "hold"
    file.touch()
    one.hold_file = file
    one.start()
    for _ in range(60):
        one.step()
    assert one.iron.journal == []
    assert "is on hold" in one.host().waiting
    assert one.host().state is HostState.MATCHING

    file.unlink()
    one.wish()
    assert one.run(ended).state is HostState.READY


# What is late


def late_with_a_stuck_bmc(there: Drawer) -> None:
    """In preparing for an hour, with settings staged again and again that never show."""
    there.iron.stuck = True
    there.run(lambda host: host.waiting == "BIOS profile not staged")
    there.wish(state_since=there.clock.at - timedelta(seconds=3599))


def test_settings_that_a_stuck_bmc_never_takes_are_mended_by_restarting_it_once(
    one: Drawer,
) -> None:
    """Seen in the field: polled for 17 h; staging again and restarting was the cure."""
    late_with_a_stuck_bmc(one)
    host = one.run(lambda host: bool(host.tried))
    assert host.problem is not None
    assert host.problem.kind == "overstayed"
    assert host.problem.next_step == "restart the BMC"
    assert one.run(ended).state is HostState.READY
    judged(one)
    assert one.iron.journal.count("restart BMC") == 1
    told = one.kinds()
    assert (told["host.remedy"], told["host.bmc.restart"], told["host.bios.staged"]) == (2, 1, 2)


def test_a_crash_around_a_restart_of_the_bmc_does_not_restart_it_twice(folder: Path) -> None:
    for die_at in range(1, 14):
        with drawer(folder) as there:
            late_with_a_stuck_bmc(there)
            there.run(lambda host: bool(host.tried))
            there.clock.at += timedelta(seconds=61)
            there.start(die_at=die_at)
            host = there.run(ended)
            assert there.crashes == 1
            restarts = there.iron.journal.count("restart BMC")
            assert restarts <= 1
            assert host.state is HostState.READY if restarts else host.problem is not None


def test_an_agent_that_never_speaks_gets_one_new_boot_then_a_person(one: Drawer) -> None:
    one.run(lambda host: host.state is HostState.CONFIGURING)
    one.mute = True
    one.store.apply(Change(remove=one.store.find(AgentSeen)), now=one.clock.at)
    host = one.run(ended, steps=20_000)
    assert host.state is HostState.BOOTING
    assert host.problem is not None
    assert host.problem.kind == "boot-failed"
    assert [tried.remedy for tried in host.tried] == ["power off, see it off, boot again"]
    journal = one.iron.journal
    assert "power off" in journal
    assert not [line for line in journal if line.startswith("CUT")]


def test_a_bmc_that_is_gone_for_good_ends_with_a_person_and_says_all_that_was_tried(
    one: Drawer,
) -> None:
    one.iron.deaf = 1_000_000
    host = one.run(ended, steps=2000)
    assert host.problem is not None
    assert host.problem.kind == "overstayed"
    assert "restart the BMC (not possible: no answer)" in host.problem.message
    assert one.iron.journal == []
    assert one.kinds()["host.parked"] == 1


def test_a_host_that_goes_down_under_load_each_time_ends_with_a_person(one: Drawer) -> None:
    """It would boot, configure and begin to measure for ever, and be late in no state."""
    for _ in range(10):
        one.run(lambda host: host.state is HostState.ACCEPTING or ended(host))
        if ended(one.host()):
            break
        one.iron.power = PowerState.OFF
        one.run(lambda host: host.state is HostState.BOOTING)
    host = one.host()
    assert host.problem is not None
    assert host.problem.kind == "goes-down"
    assert host.setbacks == 4
    ask(one, Verb.RETRY)
    assert one.run(ended).state is HostState.READY
    assert one.host().setbacks == 0


def test_a_host_is_late_for_months_and_nothing_is_tried_while_it_flashes(one: Drawer) -> None:
    one.run(lambda _host: bool(one.intents()))
    since = one.clock.at
    for flash in one.iron.flashes:
        flash.done_at = since.replace(year=since.year + 10)  # it never ends
    while (one.clock.at - since).days < 300:
        one.step()
        one.clock.at += (one.clock.at - since) / 20
    assert one.iron.journal == ["flash BIOS of S1"]
    assert {tried.remedy for tried in one.host().tried} <= {"a fresh session"}
