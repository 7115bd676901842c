"""Who owns which field and what a state is called: data that a site may change, within limits."""

from __future__ import annotations

from pathlib import Path

import pytest

from inventory.model import Problem
from inventory.netbox.errors import Denied, Unsupported
from inventory.netbox.kinds import KINDS
from inventory.netbox.mapping import OWNERS, STATUS, FieldMapping, load_mapping
from inventory.netbox.projection import form_factor, project
from inventory.netbox.records import Records
from inventory.netbox.settings import read_secret
from inventory.netbox.wanted import clip
from inventory.states import HostState
from tests.beds.netbox_fleet import fleet_host, fleet_records, power_of
from tests.unit.inventory.records import NOW


def mapping_of(folder: Path, text: str) -> FieldMapping:
    path = folder / "mapping.yaml"
    path.write_text(text)
    return load_mapping(path)


def test_every_state_of_a_host_has_a_status() -> None:
    assert {state.value for state in HostState} <= set(STATUS)


def test_every_field_that_is_projected_has_an_owner() -> None:
    from inventory.model import Host, Pod  # noqa: PLC0415 - names of this test alone
    from inventory.places import (  # noqa: PLC0415 - the same
        Cable,
        Equipment,
        Location,
        PowerFeed,
        Rack,
        Site,
    )

    made = [*fleet_records(racks=1, hosts_per_rack=1), *power_of(fleet_host("r1", 0))]

    def of(kind: type) -> tuple:  # type: ignore[type-arg]
        return tuple(one for one in made if isinstance(one, kind))

    records = Records(
        hosts=of(Host), pods=of(Pod), sites=of(Site), locations=of(Location), racks=of(Rack),
        feeds=of(PowerFeed), equipment=of(Equipment), cables=of(Cable),
    )  # fmt: skip
    wanted = project(records, FieldMapping(), owner="podyard")
    assert {one.kind for one in wanted} == set(KINDS) - {"journal-entry"}
    marks = {"cf.podyard_id", "cf.podyard_owner"}
    for one in wanted:
        assert set(one.fields) - marks <= set(OWNERS[one.kind]), one.kind


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"state": HostState.READY}, "active"),
        ({"state": HostState.ENROLLED}, "inventory"),
        ({"state": HostState.ENROLLED, "facts": None}, "planned"),
        ({"state": HostState.READY, "maintenance": "new PSU"}, "offline"),
        (
            {"state": HostState.PREPARING, "problem": Problem(kind="x", message="m", since=NOW)},
            "failed",
        ),
        (
            {
                "state": HostState.PREPARING,
                "problem": Problem(kind="x", message="m", since=NOW, next_at=NOW),
            },
            "staged",
        ),
    ],
)
def test_what_keeps_a_host_back_counts_more_than_where_it_is(
    fields: dict[str, object], status: str
) -> None:
    host = fleet_host("r1", 0).model_copy(update=fields)
    assert FieldMapping().status_of(host) == status


def test_a_site_changes_words_and_owners(tmp_path: Path) -> None:
    mapping = mapping_of(
        tmp_path, "status: {ready: staged}\nown: {device: {serial: netbox, name: podyard}}\n"
    )
    assert mapping.statuses()["ready"] == "staged"
    assert mapping.owner("device", "serial") == "netbox"
    assert mapping.owner("device", "name") == "podyard"
    assert mapping.owner("device", "status") == "podyard"
    assert mapping.owner("device", "cf.podyard_id") == "podyard"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("status: {redy: staged}", "status.redy"),
        ("own: {gadget: {serial: netbox}}", "own.gadget"),
        ("own: {device: {colour: netbox}}", "own.device.colour"),
        ("own: {device: {serial: somebody}}", "own.device.serial"),
        ("own: {device: {cf.podyard_id: netbox}}", "own.device.cf.podyard_id"),
        ("colour: red", "colour"),
        ("status: [", "MAPPING_FILE"),
    ],
)
def test_a_wrong_mapping_names_what_is_wrong(tmp_path: Path, text: str, named: str) -> None:
    with pytest.raises(Unsupported) as caught:
        mapping_of(tmp_path, text)
    assert named in str(caught.value)
    assert caught.value.hint


def test_a_secret_that_others_can_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("nbt_a.b\n")
    path.chmod(0o644)
    with pytest.raises(Denied, match="others can read"):
        read_secret(path, setting="PODYARD_NETBOX_TOKEN_FILE")
    path.chmod(0o600)
    assert read_secret(path, setting="X").get_secret_value() == "nbt_a.b"
    path.write_text("two words")
    with pytest.raises(Denied, match="holds no secret"):
        read_secret(path, setting="X")
    with pytest.raises(Denied, match="not set"):
        read_secret(None, setting="X")


def test_what_is_too_long_is_cut_and_still_told_apart() -> None:
    first, second = clip("G" * 80 + "1", 50), clip("G" * 80 + "2", 50)
    assert len(first) == len(second) == 50
    assert first != second
    assert clip("short", 50) == "short"


def test_form_factors_follow_the_name() -> None:
    named = {
        "NVIDIA H200": "SXM5", "NVIDIA H100 PCIe": "PCIe", "AMD Instinct MI300X": "OAM",
        "NVIDIA GB300": "superchip", "NVIDIA B200": "SXM6", "Lab Accelerator": "other",
    }  # fmt: skip
    assert {model: form_factor(model) for model in named} == named


def test_readings_and_loopback_addresses_are_never_shown() -> None:
    host = fleet_host("r1", 0)
    local = host.model_copy(
        update={"bmc": host.bmc.model_copy(update={"address": "redfish+https://127.0.0.1:9001"})}
    )
    wanted = project(Records(hosts=(local,)), FieldMapping(), owner="podyard")
    assert not [one for one in wanted if one.kind == "ip-address"]
    assert host.facts is not None
    hot = host.facts.accelerators[0].model_copy(update={"power_limit_watts": 500.0, "links_up": 3})
    facts = host.facts.model_copy(update={"accelerators": (hot, *host.facts.accelerators[1:])})
    read = project(
        Records(hosts=(host.model_copy(update={"facts": facts}),)), FieldMapping(), owner="podyard"
    )
    assert read == project(Records(hosts=(host,)), FieldMapping(), owner="podyard")
