"""Whose turn it is: evenly, the same after a restart, and never held up by who does not answer."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

from provisioning.telemetry.schedule import Schedule

HOSTS = [f"h{n}" for n in range(600)]
EVERY_S = 60.0


def schedule(hosts: list[str] = HOSTS) -> Schedule:
    made = Schedule(every_s=EVERY_S, longest_s=900.0, seed=7)
    made.follow(hosts, now=0.0)
    return made


def turns(made: Schedule, now: float) -> list[str]:
    return made.take(now=now, room=10**6, suspects_room=10**6)


def test_every_host_is_read_once_a_period() -> None:
    made, read = schedule(), Counter[str]()
    for second in range(1, 301):
        for host in turns(made, float(second)):
            read[host] += 1
            made.done(host, now=second + 0.4, answered=True)

    assert set(read.values()) == {5}


def test_no_second_asks_more_than_a_small_share_of_all() -> None:
    made = schedule()

    most = max(len(turns(made, float(second))) for second in range(1, 61))

    assert most < 30  # 600 hosts in 60 s: ten on average


def test_a_restart_asks_in_the_same_order() -> None:
    assert turns(schedule(), 61.0) == turns(schedule(list(reversed(HOSTS))), 61.0)


def test_a_host_at_work_has_no_second_turn() -> None:
    made = schedule(["h1"])

    assert turns(made, 60.0) == ["h1"]
    assert turns(made, 600.0) == []


def test_who_does_not_answer_is_asked_less_and_less_often() -> None:
    made, asked = schedule(["h1"]), []
    for second in range(3 * 3600):
        for host in turns(made, float(second)):
            asked.append(second)
            made.done(host, now=float(second), answered=False)

    pauses = [b - a for a, b in pairwise(asked)]
    assert 100 < pauses[0] < 140
    assert pauses == sorted(pauses)
    assert 800 < pauses[-1] < 1000


def test_those_that_do_not_answer_leave_the_others_their_room() -> None:
    made = schedule()
    for number, host in enumerate(turns(made, 60.0)):
        made.done(host, now=60.0, answered=number >= 500)

    found = made.take(now=400.0, room=1000, suspects_room=3)

    assert sum(made.is_suspect(host) for host in found) == 3
    assert sum(not made.is_suspect(host) for host in found) == 100


def test_one_answer_makes_a_host_like_the_others_again() -> None:
    made = schedule(["h1"])
    made.done(turns(made, 60.0)[0], now=60.0, answered=False)
    assert made.is_suspect("h1")
    made.done(turns(made, 300.0)[0], now=300.0, answered=True)

    assert not made.is_suspect("h1")
    assert turns(made, 360.0) == ["h1"]


def test_what_happened_there_brings_a_turn_forward_but_not_of_who_does_not_answer() -> None:
    made = schedule(["h1", "h2"])
    for host in turns(made, 60.0):
        made.done(host, now=60.0, answered=host == "h1")

    made.hurry("h1", now=60.5)
    made.hurry("h2", now=60.5)
    made.hurry("nobody", now=60.5)

    assert turns(made, 60.5) == ["h1"]


def test_a_host_that_is_no_more_has_no_turn() -> None:
    made = schedule(["h1", "h2"])

    assert made.follow(["h2"], now=1.0) == ["h1"]
    assert turns(made, 100.0) == ["h2"]


def test_a_backlog_is_told_in_time() -> None:
    made = schedule()

    assert made.late_s(now=0.0) == 0.0
    assert 55 < made.late_s(now=60.0) <= 60
