"""Who is woken for a free place, and who is not."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

from inventory.model import Host
from provisioning.brakes import Limits, domains
from provisioning.places import OFFERED, Places
from tests.make import NOW, make_host

LIMITS = Limits(rack=2, feed=9, site=3, scale_up=9)


def host(number: int, *, rack: str = "r1") -> Host:
    return make_host(id=f"{rack}-{number}", name=f"{rack}-{number}", rack=rack)


def waiting(*hosts: Host) -> Places:
    places = Places()
    for one in hosts:
        places.wait(one)
    return places


def taken(*hosts: Host) -> Counter[str]:
    return Counter(domain for one in hosts for domain in domains(one))


def test_as_many_are_woken_as_there_are_places_in_the_order_of_their_coming() -> None:
    places = waiting(*(host(number, rack=f"r{number}") for number in range(5)))
    busy = taken(host(9, rack="r9"))
    assert places.offer(busy, LIMITS, now=NOW) == ["r0-0", "r1-1"]
    assert [places.waits(f"r{number}-{number}") for number in range(5)] == [False] * 2 + [True] * 3


def test_who_stands_behind_hosts_of_a_full_rack_does_not_wait_for_it() -> None:
    full = (host(8), host(9))
    places = waiting(host(1), host(2), host(3, rack="r2"))
    assert places.offer(taken(*full), LIMITS, now=NOW) == ["r2-3"]
    assert places.waits("r1-1")


def test_a_place_is_not_offered_twice_until_nobody_came_for_it() -> None:
    places = waiting(*(host(number, rack=f"r{number}") for number in range(5)))
    busy = taken(host(8, rack="r8"), host(9, rack="r9"))
    assert places.offer(busy, LIMITS, now=NOW) == ["r0-0"]
    assert places.offer(busy, LIMITS, now=NOW + OFFERED - timedelta(seconds=1)) == []
    assert places.offer(busy, LIMITS, now=NOW + OFFERED) == ["r1-1"]


def test_a_place_that_was_taken_is_counted_once() -> None:
    places = waiting(*(host(number, rack=f"r{number}") for number in range(3)))
    (first, *_) = places.offer(Counter(), LIMITS, now=NOW)
    for one in range(3):
        places.leave(f"r{one}-{one}")
    places.wait(host(7, rack="r7"))
    assert first == "r0-0"
    assert places.offer(taken(host(0), host(1, rack="r3")), LIMITS, now=NOW) == ["r7-7"]


def test_who_asked_in_vain_waits_again_without_an_offer() -> None:
    places = waiting(host(1))
    assert places.offer(Counter(), LIMITS, now=NOW) == ["r1-1"]
    places.wait(host(1))
    assert places.waits("r1-1")
    assert places.offer(Counter(), LIMITS, now=NOW) == ["r1-1"]
