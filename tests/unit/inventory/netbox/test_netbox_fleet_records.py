"""The made-up fleet holds no two of what NetBox keeps apart: a refusal there is never its own."""

from __future__ import annotations

from collections.abc import Iterable

from inventory.model import Host
from inventory.netbox.mapping import FieldMapping
from inventory.netbox.projection import project
from inventory.netbox.records import Records
from inventory.places import Cable, Equipment, PowerFeed, Rack
from tests.beds.netbox_fleet import fleet_records

HOSTS = 500


def once(values: Iterable[object]) -> int:
    """How many, each of them one of its kind."""
    given = list(values)
    assert len(given) == len(set(given))
    return len(given)


def test_five_hundred_hosts_share_no_address_and_no_serial_number() -> None:
    made = list(fleet_records(racks=20, hosts_per_rack=25, accelerators=8, nics=2))
    hosts = [one for one in made if isinstance(one, Host)]
    facts = [host.facts for host in hosts if host.facts is not None]
    assert once(host.id for host in hosts) == HOSTS
    assert once(host.serial for host in hosts) == HOSTS
    assert once(host.bmc.address for host in hosts) == HOSTS
    assert once(nic.mac for one in facts for nic in one.nics) == 2 * HOSTS
    assert once(part.serial for one in facts for part in one.accelerators) == 8 * HOSTS
    places = [(host.rack, host.position) for host in hosts if host.position is not None]
    assert once(places) == 20 * 5


def test_no_two_objects_that_netbox_is_to_hold_carry_one_mark() -> None:
    made = list(fleet_records(racks=2, hosts_per_rack=5))
    records = Records(
        hosts=tuple(one for one in made if isinstance(one, Host)),
        racks=tuple(one for one in made if isinstance(one, Rack)),
        feeds=tuple(one for one in made if isinstance(one, PowerFeed)),
        equipment=tuple(one for one in made if isinstance(one, Equipment)),
        cables=tuple(one for one in made if isinstance(one, Cable)),
    )
    wanted = project(records, FieldMapping(), owner="podyard")
    parts_of_a_host = 8 + 3 + 1  # accelerators, ports, the address of its BMC
    marked = [(one.kind, one.own_id) for one in wanted if one.own_id]
    assert once(marked) > 10 * parts_of_a_host
