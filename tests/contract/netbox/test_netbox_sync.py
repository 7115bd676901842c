"""Our sync on either NetBox: what it makes, what it leaves alone, and what it never removes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import pytest

from inventory.errors import Conflict
from inventory.model import Host
from inventory.netbox.client import NetBoxClient
from inventory.netbox.errors import FilterIgnored, Unreachable, Unsupported
from inventory.netbox.mapping import FieldMapping
from inventory.netbox.rounds import Order
from inventory.netbox.rows import Row
from inventory.netbox_links import NetBoxLink
from inventory.places import Cable
from inventory.states import ClaimState, HostState
from inventory.store.protocol import Change
from inventory.store.reading import every
from tests.beds.netbox_fleet import NOW, power_of
from tests.contract.netbox.conftest import PUSH, Fleet, NetboxBed
from tests.unit.inventory.records import make_claim, make_unit

pytestmark = pytest.mark.timeout(2400)
NOTHING = {"create": 0, "change": 0, "delete": 0}


def forget(fleet: Fleet, host: Host) -> None:
    """A host that leaves our records, with its cable."""
    cables = [one for one in every(fleet.store, Cable) if one.a.id == host.id]
    now = fleet.store.get(Host, host.id)
    assert now is not None
    fleet.store.apply(Change(remove=(now, *cables)), now=NOW)


def test_a_first_push_shows_the_fleet_and_a_second_writes_nothing(fleet: Fleet) -> None:
    first = fleet.go()
    assert first.applied is not None
    assert first.applied.failed == []
    host = fleet.hosts()[0]
    device = fleet.device(host)
    seen = fleet.bed.seen("dcim/devices", device.id)
    assert seen["status"]["value"] == "active"
    assert seen["serial"] == host.serial
    assert seen["rack"]["name"] == "r1"
    assert seen["position"] == host.position
    assert seen["device_type"]["model"] == "SYS-821GE-TNHR"
    assert seen["oob_ip"]["address"].startswith("10.20.")
    assert seen["custom_fields"]["podyard_state"]["value"] == "ready"
    assert seen["custom_fields"]["podyard_spec"] == "h200-8@1"
    assert host.facts is not None
    serials = {row.fields["serial"] for row in fleet.bed.rows("module")
               if row.fields["device"] == device.id}  # fmt: skip
    assert serials == {part.serial for part in host.facts.accelerators}
    types = fleet.bed.rows("module-type")
    assert [row.fields["attributes"] for row in types] == [
        {"form_factor": "SXM5", "memory_gb": 141, "tdp_w": 700}
    ]
    ports = {row.fields["name"]: row for row in fleet.bed.rows("interface")
             if row.fields["device"] == device.id}  # fmt: skip
    assert ports["bmc"].fields["mgmt_only"] is True
    assert ports["bmc"].fields["cable"]
    assert ports["eth0"].fields["mac_address"] == host.facts.nics[0].mac.upper()

    second = fleet.go()
    assert second.plan.counts == NOTHING
    assert second.plan.intents == ()
    assert second.requests_that_wrote == 0
    assert set(fleet.bed.sent) <= {"GET", "OPTIONS"}


def test_what_people_write_stays_and_what_we_write_comes_back(pushed: Fleet) -> None:
    host = pushed.hosts()[0]
    device = pushed.device(host)
    module = next(r for r in pushed.bed.rows("module") if r.fields["device"] == device.id)
    pushed.bed.edit(
        "dcim/devices", device.id,
        status="failed", serial="FORGED", comments="ask Ada", description="left door",
        custom_fields={"podyard_state": "enrolled"},
    )  # fmt: skip
    pushed.bed.edit("dcim/modules", module.id, serial="WRONG", description="humming")

    drift = pushed.plan()
    found = {(step.kind, step.netbox_id): dict(step.new) for step in drift.plan.steps}
    assert found == {
        ("device", device.id): {
            "status": "active", "serial": host.serial, "cf.podyard_state": "ready",
        },
        ("module", module.id): {"serial": module.fields["serial"]},
    }  # fmt: skip

    done = pushed.go()
    assert done.applied is not None
    assert (done.applied.changed, done.applied.journaled) == (2, 0), "no news of the hardware"
    seen = pushed.bed.seen("dcim/devices", device.id)
    assert seen["status"]["value"] == "active"
    assert seen["serial"] == host.serial
    assert (seen["comments"], seen["description"]) == ("ask Ada", "left door")
    assert pushed.bed.seen("dcim/modules", module.id)["description"] == "humming"
    assert pushed.go().requests_that_wrote == 0


def test_what_netbox_owns_is_taken_over_and_never_written(pushed: Fleet) -> None:
    host = pushed.hosts()[0]
    device = pushed.device(host)
    pushed.bed.edit("dcim/devices", device.id, name="renamed", position=30, asset_tag="A-1")

    looked = pushed.plan()
    assert looked.plan.counts == NOTHING
    told = {(one.field, one.ours, one.theirs) for one in looked.plan.intents}
    assert told == {
        ("name", host.name, "renamed"),
        ("position", host.position, 30.0),
        ("asset_tag", None, "A-1"),
    }
    done = pushed.go()
    assert done.requests_that_wrote == 0
    now = pushed.store.get(Host, host.id)
    assert now is not None
    assert (now.position, now.asset_tag, now.name) == (30.0, "A-1", host.name)
    link = pushed.store.get(NetBoxLink, f"host/{host.id}")
    assert link is not None
    assert link.intent["name"] == "renamed"
    left = pushed.go()
    assert [one.field for one in left.plan.intents] == ["name"], "a rename is for people to settle"


def test_a_device_given_to_another_tenant_than_its_claim_is_told_and_never_written(
    pushed: Fleet,
) -> None:
    host, other = pushed.hosts()
    acme = pushed.bed.make("tenancy/tenants", name="Acme", slug="acme")
    globex = pushed.bed.make("tenancy/tenants", name="Globex", slug="globex")
    for one, tenant in ((host, acme), (other, globex)):
        pushed.bed.edit("dcim/devices", pushed.device(one).id, tenant=tenant["id"])
    assert pushed.plan().plan.intents == (), "free hosts are anybody's, whoever they are meant for"

    claim = make_claim(tenant="acme", count=2, unit_ids=("u1", "u2"), state=ClaimState.BOUND)
    units = [
        make_unit(id=name, name=name, host_ids=(one.id,), claim=claim.id)
        for name, one in (("u1", host), ("u2", other))
    ]
    pushed.store.apply(Change(insert=(claim, *units)), now=NOW)
    done = pushed.go()
    assert done.requests_that_wrote == 0
    told = [(one.label, one.field, one.ours, one.theirs) for one in done.plan.intents]
    assert told == [(other.name, "tenant", "acme", "globex")]
    link = pushed.store.get(NetBoxLink, f"host/{other.id}")
    assert link is not None
    assert link.intent["tenant"] == "globex"


def test_a_swapped_gpu_is_shown_once_with_one_journal_entry(pushed: Fleet) -> None:
    host = pushed.hosts()[0]
    assert host.facts is not None
    old, *rest = host.facts.accelerators
    swapped = old.model_copy(update={"serial": "NEW-GPU-1"})
    facts = host.facts.model_copy(update={"accelerators": (swapped, *rest)})
    pushed.change(host, facts=facts)
    done = pushed.go()
    assert done.applied is not None
    assert (done.applied.created, done.applied.changed, done.applied.journaled) == (0, 1, 1)
    device = pushed.device(host)
    (entry,) = pushed.journal(device)
    assert f"serial {old.serial} → NEW-GPU-1" in entry
    modules = [r for r in pushed.bed.rows("module") if r.fields["device"] == device.id]
    assert sorted(r.fields["serial"] for r in modules) == sorted(
        part.serial for part in facts.accelerators
    )
    assert pushed.go().requests_that_wrote == 0
    assert len(pushed.journal(device)) == 1


def test_a_journal_entry_that_a_crash_left_is_not_written_again(pushed: Fleet) -> None:
    host = pushed.change(pushed.hosts()[0], state=HostState.REPAIRING)

    def dies_before_the_change() -> NetBoxClient:
        client = pushed.bed.connect()

        def die(*_: Any, **__: Any) -> None:
            raise Unreachable("the cable was pulled")

        client.change = die  # type: ignore[assignment,method-assign]
        return client

    with pytest.raises(Unreachable):
        pushed.go(PUSH, dies_before_the_change)
    device = pushed.device(host)
    assert device.fields["cf.podyard_state"] == "ready"
    assert len(pushed.journal(device)) == 1
    pushed.go()
    (entry,) = pushed.journal(device)
    assert "state: ready → repairing" in entry
    assert pushed.bed.seen("dcim/devices", device.id)["status"]["value"] == "failed"


def test_nothing_is_removed_unless_that_is_asked_for(pushed: Fleet) -> None:
    gone, stays = pushed.hosts()
    device = pushed.device(gone)
    forget(pushed, gone)
    told = pushed.go()
    assert told.requests_that_wrote == 0
    assert {one.kind for one in told.plan.orphans} >= {"device", "module", "interface", "cable"}
    whose = {one.own_id.partition("/")[0] for one in told.plan.orphans}
    assert whose == {gone.id, f"{gone.name}-bmc", "r1-sw"}, "and the switch port it was in"

    done = pushed.go(Order(pull=True, push=True, delete=True))
    assert done.applied is not None
    assert done.applied.failed == []
    assert pushed.bed.ask("GET", f"dcim/devices/{device.id}/").status_code == 404
    assert pushed.device(stays)
    again = pushed.go(Order(pull=True, push=True, delete=True))
    assert (again.plan.orphans, again.requests_that_wrote) == ((), 0)


def test_a_power_cable_goes_from_an_outlet_to_the_host_it_feeds(pushed: Fleet) -> None:
    host = pushed.hosts()[0]
    pdu, cable = power_of(host)
    pushed.store.apply(Change(insert=(pdu, cable)), now=NOW)
    done = pushed.go()
    assert done.applied is not None
    assert done.applied.failed == []
    (port,), (outlet,) = pushed.bed.rows("power-port"), pushed.bed.rows("power-outlet")
    assert (port.fields["name"], port.fields["device"]) == ("PSU1", pushed.device(host).id)
    seen = pushed.bed.seen("dcim/cables", port.fields["cable"])
    assert (seen["type"], seen["status"]["value"]) == ("power", "connected")
    assert [end["object_id"] for end in seen["a_terminations"]] == [outlet.id]
    assert pushed.go().requests_that_wrote == 0

    kept = pushed.store.get(Cable, cable.id)
    assert kept is not None
    pushed.store.apply(Change(remove=(kept,)), now=NOW)
    told = pushed.plan()
    assert [one.kind for one in told.plan.orphans] == ["cable", "power-port", "power-outlet"]
    pushed.go(Order(pull=True, push=True, delete=True))
    assert [*pushed.bed.rows("power-port"), *pushed.bed.rows("power-outlet")] == []
    assert pushed.go().requests_that_wrote == 0


def test_a_copy_of_what_is_ours_is_not_ours(pushed: Fleet) -> None:
    device = pushed.device(pushed.hosts()[0])
    marks = {"podyard_id": f"{pushed.hosts()[0].id}/bmc", "podyard_owner": "podyard"}
    copy = pushed.bed.make(
        "dcim/interfaces", device=device.id, name="copy", type="other", custom_fields=marks
    )["id"]
    done = pushed.go(Order(pull=True, push=True, delete=True))
    assert done.plan.orphans == ()
    assert any("it was copied" in one.why for one in done.plan.refusals)
    assert pushed.bed.seen("dcim/interfaces", copy)["name"] == "copy"


def test_a_device_with_something_of_others_on_it_stays(pushed: Fleet) -> None:
    gone = pushed.hosts()[0]
    device = pushed.device(gone)
    pushed.bed.make("dcim/interfaces", device=device.id, name="console", type="1000base-t")
    forget(pushed, gone)
    done = pushed.go(Order(pull=True, push=True, delete=True))
    assert done.applied is not None
    assert [one.why for one in done.applied.failed] == ["interface console on it is not ours"]
    assert pushed.bed.seen("dcim/devices", device.id)["name"] == gone.name


def test_what_is_not_ours_stays_even_when_netbox_ignores_a_filter(pushed: Fleet) -> None:
    ours = pushed.device(pushed.hosts()[0])
    strangers, cable = two_strangers(pushed.bed, ours)
    far = pushed.bed.make("dcim/sites", name="Far", slug="far")["id"]
    strangers.append(stranger(pushed.bed, ours, "far", site=far))
    for host in pushed.hosts():
        forget(pushed, host)

    for name in ("site_id", "device_id", "id"):
        with pytest.raises(FilterIgnored):
            pushed.go(Order(push=True, delete=True), without_filter(pushed.bed, name))
        assert set(pushed.bed.sent) <= {"GET", "OPTIONS"}, name
    pushed.go(Order(pull=True, push=True, delete=True))
    left = {row.id for row in pushed.bed.rows("device")}
    assert left >= set(strangers)
    assert ours.id not in left
    assert [row.id for row in pushed.bed.rows("cable")] == [cable]


def two_strangers(bed: NetboxBed, like: Row) -> tuple[list[int], int]:
    """Somebody else's devices, and the cable between them."""
    devices = [stranger(bed, like, f"stranger-{number}") for number in range(2)]
    ports = [
        bed.make("dcim/interfaces", device=one, name="e0", type="1000base-t")["id"]
        for one in devices
    ]
    a, z = ([{"object_type": "dcim.interface", "object_id": port}] for port in ports)
    return devices, int(bed.make("dcim/cables", a_terminations=a, b_terminations=z)["id"])


def stranger(bed: NetboxBed, like: Row, name: str, **fields: int) -> int:
    """Somebody else's device."""
    common = {key: like.fields[key] for key in ("site", "role", "device_type")}
    return int(bed.make("dcim/devices", name=name, **{**common, **fields})["id"])


def without_filter(bed: NetboxBed, name: str) -> Callable[[], NetBoxClient]:
    """A client whose server ignores one filter: the filter is lost on the way there."""

    def connect() -> NetBoxClient:
        client = bed.connect()
        send = client._session.send

        def lossy(request: Any, **options: Any) -> Any:
            parts = urlsplit(request.url)
            kept = [(key, value) for key, value in parse_qsl(parts.query) if key != name]
            request.url = urlunsplit(parts._replace(query=urlencode(kept)))
            return send(request, **options)

        client._session.send = lossy  # type: ignore[method-assign]
        return client

    return connect


def test_a_planned_device_is_adopted_as_people_made_it(fleet: Fleet) -> None:
    host, other = fleet.hosts()
    bed = fleet.bed
    maker = bed.make("dcim/manufacturers", name="Hand", slug="hand")["id"]
    kind = bed.make("dcim/device-types", manufacturer=maker, model="Mine", slug="mine")["id"]
    site = bed.make("dcim/sites", name="Zurich One", slug="zrh1")["id"]
    role = bed.make("dcim/device-roles", name="Own role", slug="own", color="00aa00")["id"]
    common = {"site": site, "role": role, "device_type": kind, "status": "planned"}
    by_serial = bed.make("dcim/devices", name="planned-1", serial=host.serial.lower(), **common)
    by_name = bed.make("dcim/devices", name=other.name.upper(), **common)
    assert host.facts is not None
    mac = host.facts.nics[0].mac
    port = bed.make("dcim/interfaces", device=by_serial["id"], name="Slot 1", type="other",
                    mac_address=mac)["id"]  # fmt: skip
    idrac = bed.make("dcim/interfaces", device=by_serial["id"], name="iDRAC", type="1000base-t")
    address = urlsplit(host.bmc.address).hostname
    ip = bed.make(
        "ipam/ip-addresses", address=f"{address}/16", assigned_object_type="dcim.interface",
        assigned_object_id=idrac["id"],
    )  # fmt: skip
    done = fleet.go()
    assert done.plan.refusals == ()
    assert fleet.device(host).id == by_serial["id"]
    assert fleet.device(other).id == by_name["id"]
    seen = bed.seen("dcim/devices", by_serial["id"])
    assert (seen["name"], seen["device_type"]["model"]) == ("planned-1", "Mine")
    assert (seen["status"]["value"], seen["serial"]) == ("active", host.serial)
    assert seen["oob_ip"]["id"] == ip["id"], "an address that people gave serves as it is"
    assert bed.seen("ipam/ip-addresses", ip["id"])["assigned_object_id"] == idrac["id"]
    assert (
        len([row for row in bed.rows("interface") if row.fields["mac_address"] == mac.upper()]) == 1
    )
    assert bed.seen("dcim/interfaces", port)["name"] == "Slot 1"
    assert fleet.go().requests_that_wrote == 0


def test_a_serial_number_that_two_devices_have_is_refused(fleet: Fleet) -> None:
    host, other = fleet.hosts()
    bed = fleet.bed
    maker = bed.make("dcim/manufacturers", name="Hand", slug="hand")["id"]
    kind = bed.make("dcim/device-types", manufacturer=maker, model="Mine", slug="mine")["id"]
    common = {
        "site": bed.make("dcim/sites", name="Zurich One", slug="zrh1")["id"],
        "role": bed.make("dcim/device-roles", name="Own role", slug="own", color="00aa00")["id"],
        "device_type": kind,
    }
    for number in range(2):
        bed.make("dcim/devices", name=f"copy-{number}", serial=host.serial, **common)
    bed.make("dcim/devices", name=other.name, serial="ANOTHER-BOX", **common)
    done = fleet.go()
    why = {one.label: one.why for one in done.plan.refusals}
    assert set(why) == {host.name, other.name}
    assert "2 devices have its serial number" in why[host.name]
    assert "another serial number" in why[other.name]
    assert not [row for row in bed.rows("device") if row.fields["cf.podyard_id"] == host.id]


def test_a_host_that_is_enrolled_again_takes_its_device_over(pushed: Fleet) -> None:
    host = pushed.hosts()[0]
    device = pushed.device(host)
    forget(pushed, host)
    again = host.model_copy(update={"id": "00000000-0000-4000-8000-00000000a9a1"})
    pushed.store.apply(Change(insert=(again,)), now=NOW)
    done = pushed.go()
    assert done.plan.refusals == ()
    assert pushed.device(again).id == device.id
    assert pushed.go().requests_that_wrote == 0


def test_a_device_of_another_record_is_not_taken_over(pushed: Fleet) -> None:
    first, second = pushed.hosts()
    ours = pushed.device(second)
    bed = pushed.bed
    assert bed.ask("DELETE", f"dcim/devices/{pushed.device(first).id}/").status_code == 204
    bed.edit("dcim/devices", ours.id, serial=first.serial)
    for order in (PUSH, Order(push=True, hosts=frozenset({first.id}))):
        bed.edit("dcim/devices", ours.id, serial=first.serial)
        looked = pushed.go(Order(hosts=order.hosts))
        assert any("another record" in one.why for one in looked.plan.refusals)
        assert first.name not in {step.label for step in looked.plan.steps}
    pushed.go()
    assert pushed.device(second).fields["serial"] == second.serial
    pushed.go()
    assert pushed.device(first).id != ours.id
    assert pushed.go().requests_that_wrote == 0


def test_two_hosts_that_name_one_address_do_not_fight_for_it(fleet: Fleet) -> None:
    first, second = fleet.hosts()
    fleet.change(second, bmc=second.bmc.model_copy(update={"address": first.bmc.address}))
    done = fleet.go()
    assert done.applied is not None
    assert done.applied.failed, "NetBox keeps addresses apart"
    again = fleet.go()
    assert again.requests_that_wrote == 0
    (refused,) = again.plan.refusals
    assert "already" in refused.why
    assert len(fleet.bed.rows("ip-address")) == 1


def test_an_address_that_something_else_has_keeps_no_host_out(fleet: Fleet) -> None:
    host = fleet.hosts()[0]
    bed = fleet.bed
    maker = bed.make("dcim/manufacturers", name="Hand", slug="hand")["id"]
    router = bed.make(
        "dcim/devices", name="router",
        device_type=bed.make("dcim/device-types", manufacturer=maker, model="M", slug="m")["id"],
        site=bed.make("dcim/sites", name="Zurich One", slug="zrh1")["id"],
        role=bed.make("dcim/device-roles", name="Own role", slug="own", color="00aa00")["id"],
    )["id"]  # fmt: skip
    port = bed.make("dcim/interfaces", device=router, name="e0", type="other")["id"]
    bed.make(
        "ipam/ip-addresses", address=f"{urlsplit(host.bmc.address).hostname}/24",
        assigned_object_type="dcim.interface", assigned_object_id=port,
    )  # fmt: skip
    done = fleet.go()
    assert done.applied is not None
    assert done.applied.failed == []
    (refused,) = done.plan.refusals
    assert "is on router" in refused.why
    seen = bed.seen("dcim/devices", fleet.device(host).id)
    assert seen["oob_ip"] is None
    assert fleet.go().requests_that_wrote == 0


def test_two_podyards_leave_each_other_alone(pushed: Fleet) -> None:
    stranger = Fleet(pushed.bed, pushed.store, owner="other-yard")
    looked = stranger.plan(delete=True)
    assert looked.plan.counts["delete"] == 0
    assert looked.plan.orphans == ()
    kept = {one.label for one in looked.plan.refusals if "PODYARD_NETBOX_OWNER" in one.hint}
    assert {host.name for host in pushed.hosts()} <= kept
    stranger.go(Order(push=True, delete=True))
    assert pushed.go().requests_that_wrote == 0


def test_a_row_that_netbox_refuses_does_not_hold_up_the_others(fleet: Fleet) -> None:
    first, second = fleet.hosts()
    fleet.change(second, position=first.position)
    done = fleet.go()
    assert done.applied is not None
    refused = {one.label for one in done.applied.failed}
    assert len(refused & {first.name, second.name}) == 1
    assert len([r for r in fleet.bed.rows("device") if r.fields["serial"]]) == 1


def test_a_plan_is_done_only_as_it_was_shown(fleet: Fleet) -> None:
    shown = fleet.plan()
    host = fleet.hosts()[0]
    fleet.change(host, state=HostState.REPAIRING)
    with pytest.raises(Conflict):
        fleet.go(Order(push=True, digest=shown.plan.digest))
    assert "POST" not in fleet.bed.sent
    fleet.change(host, state=HostState.READY)
    assert fleet.go(Order(push=True, digest=shown.plan.digest)).applied is not None


def test_one_host_is_looked_at_alone(pushed: Fleet) -> None:
    first, second = pushed.hosts()
    for host in (first, second):
        pushed.bed.edit("dcim/devices", pushed.device(host).id, status="failed")
    done = pushed.go(Order(pull=True, push=True, hosts=frozenset({first.id})))
    assert [step.label for step in done.plan.steps] == [first.name]
    assert done.plan.orphans == ()
    assert pushed.bed.seen("dcim/devices", pushed.device(second).id)["status"]["value"] == "failed"


def test_the_status_map_is_held_against_the_server(fleet: Fleet) -> None:
    fleet.mapping = FieldMapping(status={"ready": "in-service"})
    with pytest.raises(Unsupported, match="in-service"):
        fleet.go()
    fleet.mapping = FieldMapping(status={"ready": "staged"}, own={"device": {"serial": "netbox"}})
    fleet.go()
    host = fleet.hosts()[0]
    device = fleet.device(host)
    assert device.fields["status"] == "staged"
    fleet.bed.edit("dcim/devices", device.id, serial="THEIRS")
    assert fleet.go().requests_that_wrote == 0, "a site may leave the serial number to people"


# What a real NetBox cannot be made to do when it should


def test_an_old_netbox_is_refused(fake_fleet: Fleet) -> None:
    fake = fake_fleet.bed.fake
    assert fake is not None
    fake.version = "4.4.10"
    with pytest.raises(Unsupported, match=r"4\.4\.10.*4\.7"):
        fake_fleet.go()
    assert set(fake_fleet.bed.sent) == {"GET"}


@pytest.mark.parametrize("name", ["site_id", "device_id", "id"])
def test_a_lost_filter_that_nobody_noticed_removes_nothing_of_others_either(
    fake_fleet: Fleet, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    fake_fleet.go()
    ours = fake_fleet.device(fake_fleet.hosts()[0])
    strangers, cable = two_strangers(fake_fleet.bed, ours)
    for host in fake_fleet.hosts():
        forget(fake_fleet, host)
    monkeypatch.setattr("inventory.netbox.client._check_filter", lambda *_: None)
    fake_fleet.go(Order(push=True, delete=True), without_filter(fake_fleet.bed, name))
    assert {row.id for row in fake_fleet.bed.rows("device")} >= set(strangers)
    ports = [row for row in fake_fleet.bed.rows("interface") if row.fields["device"] in strangers]
    assert [row.fields["cable"] for row in ports] == [cable, cable]
    assert cable in {row.id for row in fake_fleet.bed.rows("cable")}


def test_a_race_is_told_and_settled_by_the_next_round(fake_fleet: Fleet) -> None:
    fake = fake_fleet.bed.fake
    assert fake is not None
    text = "<p>IntegrityError: duplicate key value violates unique constraint</p>"
    fake.answers.append(("POST", "/dcim/devices/", 500, text))
    done = fake_fleet.go()
    assert done.applied is not None
    assert any("at the same moment" in one.why for one in done.applied.failed)
    assert fake_fleet.go().plan.counts["create"] > 0
    assert fake_fleet.go().requests_that_wrote == 0


def test_reading_is_tried_again_and_writing_is_not(fake_fleet: Fleet) -> None:
    fake = fake_fleet.bed.fake
    assert fake is not None
    fake.answers.append(("GET", "/dcim/sites/", 503, "busy"))
    assert fake_fleet.plan().plan.counts["create"] > 0
    fake.answers.append(("POST", "/dcim/sites/", 503, "busy"))
    fake.log.clear()
    with pytest.raises(Unreachable):
        fake_fleet.go()
    assert [one for one in fake.log if one == ("POST", "/api/dcim/sites/")] == [
        ("POST", "/api/dcim/sites/")
    ]


def test_someone_who_edits_at_the_same_moment_is_not_overwritten(fake_fleet: Fleet) -> None:
    fake_fleet.go()
    host = fake_fleet.change(fake_fleet.hosts()[0], state=HostState.REPAIRING)
    device = fake_fleet.device(host)

    def edited_meanwhile() -> NetBoxClient:
        client = fake_fleet.bed.connect()
        change = client.change

        def late(kind: str, key: int, fields: Any, *, etag: str) -> Any:
            if kind == "device" and not touched:
                touched.append(key)
                fake_fleet.bed.edit("dcim/devices", key, comments="mine", status="planned")
            return change(kind, key, fields, etag=etag)

        touched: list[int] = []
        client.change = late  # type: ignore[method-assign]
        return client

    done = fake_fleet.go(PUSH, edited_meanwhile)
    assert done.applied is not None
    assert [one.why for one in done.applied.failed] == ["somebody changed it meanwhile"]
    seen = fake_fleet.bed.seen("dcim/devices", device.id)
    assert (seen["comments"], seen["status"]["value"]) == ("mine", "planned")
    fake_fleet.go()
    seen = fake_fleet.bed.seen("dcim/devices", device.id)
    assert (seen["comments"], seen["status"]["value"]) == ("mine", "failed")


def test_a_field_that_netbox_does_not_take_is_told(fake_fleet: Fleet) -> None:
    fake_fleet.go()
    fake = fake_fleet.bed.fake
    assert fake is not None
    host = fake_fleet.change(fake_fleet.hosts()[0], serial="MOVED-BOARD")
    device = fake_fleet.device(host)
    fake.answers.append(("PATCH", f"/dcim/devices/{device.id}/", 200, '{"id": 1}'))
    done = fake_fleet.go()
    assert done.applied is not None
    assert [one.why for one in done.applied.failed] == ["NetBox did not take serial"]
