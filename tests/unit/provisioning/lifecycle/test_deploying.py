"""A host that runs from its disk: written once by a boot of its own, then started from there."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from inventory.agents import DeployReport
from inventory.model import AgentSeen, Host
from inventory.states import HostState, PowerState
from provisioning.drivers.protocol import Media
from provisioning.lifecycle.actions import (
    EjectMedia,
    GiveLeave,
    MakeBootMedium,
    PowerOff,
    PowerOn,
    RecordWritten,
    ReservePower,
    SetBootSource,
)
from provisioning.lifecycle.decision import Advance, Decision, Do, Hold, Wait
from provisioning.lifecycle.deploying import FROM_DISK, decide_booting
from tests.make import (
    MEDIA_URL,
    NOW,
    make_agent,
    make_bios,
    make_boot,
    make_host,
    make_seen,
    make_wanted,
)

IMAGE = "sha256:" + "ab" * 32
ON, OFF = PowerState.ON, PowerState.OFF
A_MOMENT_AGO = NOW - timedelta(seconds=5)
WANTED = make_wanted(boot_policy="disk")
UNDER_WAY = DeployReport(image=IMAGE, disk="/dev/vda", progress="writing: 34 % of 110 MiB")
DONE = UNDER_WAY.model_copy(update={"finished": True, "progress": "written, and read back"})
EMPTY = Media(image="", inserted=False)


def host_with(boot: Any, **fields: Any) -> Host:
    return make_host(**{"state": HostState.BOOTING, "simulated": False, "boot": boot, **fields})


def writing(**fields: Any) -> Any:
    return make_boot(**{"purpose": "deploy", "image": IMAGE, "powered_at": A_MOMENT_AGO, **fields})


def agent(
    *, deploy: DeployReport | None = None, runs_from: str = "memory", **seen: Any
) -> AgentSeen:
    made = make_agent(**seen)
    assert made.observed is not None
    said = made.observed.model_copy(update={"deploy": deploy, "runs_from": runs_from})
    return made.model_copy(update={"observed": said})


def action_of(decision: Decision) -> Any:
    assert isinstance(decision, Do), decision
    return decision.action


def test_its_first_boot_is_for_writing_the_disk_that_the_spec_means() -> None:
    done = action_of(decide_booting(host_with(None), make_seen(power=OFF), WANTED))

    assert (done.purpose, done.tries) == ("deploy", 1)
    assert done.disk_gib == WANTED.host_type.drives.capacity_gib


def test_a_medium_that_was_made_for_memory_is_not_started_for_the_disk() -> None:
    done = action_of(decide_booting(host_with(make_boot()), make_seen(power=OFF), WANTED))

    assert isinstance(done, MakeBootMedium)
    assert done.purpose == "deploy"


def test_a_simulated_host_runs_in_memory() -> None:
    host = host_with(None, simulated=True)

    assert action_of(decide_booting(host, make_seen(power=OFF), WANTED)) == MakeBootMedium(1)


def test_how_far_the_write_is_can_be_read() -> None:
    seen = make_seen(power=ON, agent=agent(deploy=UNDER_WAY))

    answer = decide_booting(host_with(writing()), seen, WANTED)

    assert isinstance(answer, Wait)
    assert answer.reason == "image sha256:abababababab to /dev/vda: writing: 34 % of 110 MiB"
    assert answer.others  # the image server's queue does not use up this host's time


def test_an_image_on_the_disk_is_written_down_once() -> None:
    seen = make_seen(power=ON, agent=agent(deploy=DONE))

    assert action_of(decide_booting(host_with(writing()), seen, WANTED)) == RecordWritten(1)


@pytest.mark.parametrize(
    ("again", "tries", "expected"),
    [(True, 1, MakeBootMedium), (True, 3, Hold), (False, 1, Hold)],
)
def test_what_heals_by_itself_is_tried_again_and_the_rest_waits_for_a_person(
    *, again: bool, tries: int, expected: type
) -> None:
    failed = UNDER_WAY.model_copy(
        update={"finished": True, "problem": "the disk is full", "remedy": "do", "again": again}
    )
    seen = make_seen(power=ON, agent=agent(deploy=failed))

    answer = decide_booting(host_with(writing(tries=tries)), seen, WANTED)

    if isinstance(answer, Hold):
        assert expected is Hold
        assert (answer.problem, answer.message) == ("deploy-failed", "the disk is full")
        assert answer.remedy == "do; then podyard host retry r1-h1"
    else:
        assert isinstance(action_of(answer), expected)
        assert action_of(answer).silence == "the disk is full"


def test_an_agent_that_writes_no_disks_is_told_to_a_person() -> None:
    answer = decide_booting(host_with(writing()), make_seen(power=ON, agent=agent()), WANTED)

    assert isinstance(answer, Hold)
    assert "writes no disks" in answer.message


def test_a_host_that_was_held_before_its_leave_has_its_whole_time_after_it() -> None:
    """A fleet was on hold for hours. Now it may write, and is not switched off in the middle."""
    hours_ago = NOW - timedelta(hours=3)
    held = writing(powered_at=hours_ago, leave_asked_at=A_MOMENT_AGO)
    asks = make_seen(power=ON, agent=None)
    assert action_of(decide_booting(host_with(held), asks, WANTED)) == GiveLeave()

    let_in = held.model_copy(update={"leave_given_at": NOW})
    assert isinstance(decide_booting(host_with(let_in), asks, WANTED), Wait)

    long_ago = NOW - timedelta(seconds=WANTED.host_type.boot_allowed_s + 1)
    silent = held.model_copy(update={"leave_asked_at": long_ago, "leave_given_at": long_ago})
    assert action_of(decide_booting(host_with(silent), asks, WANTED)) == PowerOff()


def test_a_writer_that_fell_silent_is_switched_off_and_started_again() -> None:
    long_ago = NOW - timedelta(seconds=WANTED.host_type.boot_allowed_s + 1)
    silent = agent(deploy=UNDER_WAY, seen_at=long_ago)
    host = host_with(writing(powered_at=long_ago - timedelta(seconds=60)))

    first = decide_booting(host, make_seen(power=ON, agent=silent), WANTED)
    assert isinstance(action_of(first), PowerOff)
    then = action_of(decide_booting(host, make_seen(power=OFF, agent=silent), WANTED))
    assert (then.purpose, then.tries) == ("deploy", 2)


def on_disk(**fields: Any) -> Any:
    return make_boot(**{"purpose": "disk", "image": IMAGE, "powered_at": None, **fields})


def test_from_the_disk_it_is_started_cold_and_without_the_medium() -> None:
    host, starting = host_with(on_disk(), reserved_watts=0), 1200
    first = make_seen(power=ON, agent=agent(deploy=DONE))
    assert isinstance(action_of(decide_booting(host, first, WANTED)), PowerOff)

    inserted = make_seen(power=OFF, media=Media(image=MEDIA_URL, inserted=True))
    assert isinstance(action_of(decide_booting(host, inserted, WANTED)), EjectMedia)

    out = make_seen(power=OFF, media=EMPTY)
    assert action_of(decide_booting(host, out, WANTED)) == SetBootSource(FROM_DISK)

    follows = make_seen(power=OFF, media=EMPTY, boot_source=FROM_DISK)
    assert action_of(decide_booting(host, follows, WANTED)) == ReservePower(starting)

    held = host.model_copy(update={"reserved_watts": starting})
    assert isinstance(action_of(decide_booting(held, follows, WANTED)), PowerOn)


def test_what_the_writer_said_is_no_report_from_the_disk() -> None:
    host = host_with(on_disk(powered_at=A_MOMENT_AGO), reserved_watts=700)
    stale = agent(deploy=DONE, seen_at=NOW)
    of_an_earlier_start = agent(runs_from="disk", seen_at=A_MOMENT_AGO - timedelta(seconds=60))

    for said in (stale, of_an_earlier_start):
        seen = make_seen(power=ON, agent=said, bios=make_bios())
        assert isinstance(decide_booting(host, seen, WANTED), Wait)


def test_a_report_from_the_disk_is_the_end_of_booting() -> None:
    host = host_with(on_disk(powered_at=A_MOMENT_AGO), reserved_watts=700)
    seen = make_seen(power=ON, agent=agent(runs_from="disk"), bios=make_bios())

    answer = decide_booting(host, seen, WANTED)

    assert isinstance(answer, Advance)
    assert answer.to is HostState.CONFIGURING
    assert "its disk" in answer.reason


@pytest.mark.parametrize(("tries", "ends"), [(1, False), (3, True)])
def test_a_disk_that_starts_nothing_is_written_again_three_times_at_most(
    *, tries: int, ends: bool
) -> None:
    long_ago = NOW - timedelta(seconds=WANTED.host_type.boot_allowed_s + 1)
    host = host_with(on_disk(powered_at=long_ago, tries=tries))

    if ends:
        answer = decide_booting(host, make_seen(power=ON), WANTED)
        assert isinstance(answer, Hold)
        assert answer.problem == "boot-failed"
        return
    assert isinstance(action_of(decide_booting(host, make_seen(power=ON), WANTED)), PowerOff)
    then = action_of(decide_booting(host, make_seen(power=OFF), WANTED))
    assert (then.purpose, then.tries) == ("deploy", 2)


def test_a_host_that_went_off_after_its_disk_had_started_it_is_not_written_again() -> None:
    host = host_with(on_disk(powered_at=A_MOMENT_AGO))
    seen = make_seen(power=OFF, agent=agent(runs_from="disk", seen_at=NOW))

    assert action_of(decide_booting(host, seen, WANTED)) == RecordWritten(2)
