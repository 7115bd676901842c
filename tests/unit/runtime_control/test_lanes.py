"""Addresses and ports never collide, and stay where they are."""

from __future__ import annotations

from itertools import pairwise

from runtime.lanes import LANES, RESOLVER_LANE, Seat, lane_of, seat


def fill(*, isolated: bool) -> list[Seat]:
    taken: set[int] = set()
    seats = []
    while (found := seat(7, None, taken=taken, isolated=isolated)) is not None:
        taken.add(found.number)
        seats.append(found)
    return seats


def test_a_tenant_network_seats_its_hosts_at_addresses_of_their_own() -> None:
    seats = fill(isolated=True)
    assert [s.address for s in seats] == [f"10.77.7.{n}" for n in range(10, 255)]
    assert {s.gcs_port for s in seats} == {6379}


def test_lanes_share_no_port_and_no_address() -> None:
    seats = fill(isolated=False)
    assert len(seats) == LANES - 1
    ranges = sorted((s.port_block[0], s.serve_port) for s in seats)
    assert all(last < first for (_, last), (first, _) in pairwise(ranges))
    for one in seats:
        ports = {one.gcs_port, one.dashboard_port, one.serve_port}
        assert len(ports) == 3
        assert one.port_block[1] < min(ports)
    assert max(last for _, last in ranges) < 32768, "Linux gives those to everybody"
    assert len({s.address for s in seats}) == len(seats)
    assert "127.0.0.53" not in {s.address for s in seats}
    assert RESOLVER_LANE not in {s.number for s in seats}


def test_a_seat_is_found_again_from_its_address() -> None:
    for isolated in (True, False):
        for found in fill(isolated=isolated):
            number = lane_of(found.cidr)
            assert seat(7, number, taken=set(), isolated=isolated) == found
