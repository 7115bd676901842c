"""What NetBox does, good and bad: the fake is only worth as much as it agrees with the real one."""

from __future__ import annotations

from typing import Any

import pytest

from inventory.netbox.rows import etag_of
from tests.contract.netbox.conftest import NetboxBed

# The first request of a fresh server loads half of NetBox: seconds, on a busy machine many.
pytestmark = pytest.mark.timeout(2400)


@pytest.fixture
def parts(bed: NetboxBed) -> dict[str, int]:
    """What a device needs."""
    maker = bed.make("dcim/manufacturers", name="Maker", slug="maker")["id"]
    kind = bed.make("dcim/device-types", manufacturer=maker, model="Box", slug="box")["id"]
    return {
        "site": bed.make("dcim/sites", name="Here", slug="here")["id"],
        "role": bed.make("dcim/device-roles", name="Host", slug="host", color="00aa00")["id"],
        "device_type": kind,
    }


def devices(parts: dict[str, int], *names: str) -> list[dict[str, Any]]:
    return [{"name": name, **parts} for name in names]


def test_what_is_asked_without_a_token_is_forbidden_not_unauthenticated(bed: NetboxBed) -> None:
    assert bed.ask("GET", "dcim/sites/", Authorization="").status_code == 403


def test_an_address_without_its_last_slash_moves_a_read_and_loses_a_write(bed: NetboxBed) -> None:
    assert bed.ask("GET", "dcim/sites").status_code == 301
    assert bed.ask("POST", "dcim/sites", {"name": "a", "slug": "a"}).status_code == 404


def test_a_body_above_its_limit_is_a_server_error(bed: NetboxBed) -> None:
    reply = bed.ask("POST", "dcim/sites/", {"name": "x" * 2_700_000, "slug": "x"})
    assert reply.status_code == 500


def test_filters(bed: NetboxBed, parts: dict[str, int]) -> None:
    bed.ask("POST", "dcim/devices/", devices(parts, "a", "b"))

    def count(query: str) -> int:
        return int(bed.ask("GET", f"dcim/devices/?{query}").json()["count"])

    assert count("name=a") == 1
    assert count("no_such_filter=1") == 2, "ignored"
    assert count("cf_podyard_id=x") == 2, "a custom field that is not there is ignored as well"
    assert bed.ask("GET", "dcim/devices/?site_id=9999").status_code == 400
    page = bed.ask("GET", "dcim/devices/?start=0&limit=1&fields=id,name").json()
    assert page["count"] is None
    assert [set(row) for row in page["results"]] == [{"id", "name"}]


def test_a_list_is_made_whole_or_not_at_all(bed: NetboxBed, parts: dict[str, int]) -> None:
    good, bad = devices(parts, "good", "bad")
    reply = bed.ask("POST", "dcim/devices/", [good, {**bad, "status": "nonsense"}])
    assert reply.status_code == 400
    assert [one["index"] for one in reply.json()["errors"]] == [1]
    assert bed.ask("GET", "dcim/devices/").json()["count"] == 0


def test_objects_read_otherwise_than_they_are_written(
    bed: NetboxBed, parts: dict[str, int]
) -> None:
    made = bed.make("dcim/devices", name="A", unknown_field="x", status="staged", **parts)
    assert made["status"]["value"] == "staged"
    assert made["site"]["slug"] == "here"
    assert "unknown_field" not in made, "ignored"
    twin = bed.ask("POST", "dcim/devices/", devices(parts, "a"))
    assert twin.status_code == 400, "names are one whatever their case"
    wrong = bed.ask("PATCH", f"dcim/devices/{made['id']}/", {"custom_fields": {"nope": 1}})
    assert wrong.status_code == 400


def test_etags(bed: NetboxBed, parts: dict[str, int]) -> None:
    key = bed.make("dcim/devices", name="a", **parts)["id"]
    address = f"dcim/devices/{key}/"
    first = bed.ask("GET", address)
    assert first.headers["ETag"] == etag_of(first.json())
    again = bed.ask("PATCH", address, {"status": "active"}, **{"If-Match": first.headers["ETag"]})
    assert again.status_code == 200
    assert bed.ask("GET", address).headers["ETag"] != first.headers["ETag"], "nothing changed"
    stale = {"If-Match": first.headers["ETag"]}
    assert bed.ask("PATCH", address, {"status": "staged"}, **stale).status_code == 412
    assert bed.ask("DELETE", address, **stale).status_code == 412


def test_a_device_brings_the_bays_of_its_type(bed: NetboxBed, parts: dict[str, int]) -> None:
    bed.make("dcim/module-bay-templates", device_type=parts["device_type"], name="GPU1")
    key = bed.make("dcim/devices", name="a", **parts)["id"]
    bays = bed.ask("GET", f"dcim/module-bays/?device_id={key}").json()["results"]
    assert [bay["name"] for bay in bays] == ["GPU1"]


def test_a_port_takes_one_cable(bed: NetboxBed, parts: dict[str, int]) -> None:
    keys = [bed.make("dcim/devices", name=name, **parts)["id"] for name in "abc"]
    ports = [
        bed.make("dcim/interfaces", device=key, name="e0", type="1000base-t")["id"] for key in keys
    ]
    ends = [[{"object_type": "dcim.interface", "object_id": port}] for port in ports]
    cable = bed.make("dcim/cables", a_terminations=ends[0], b_terminations=ends[1])
    second = {"a_terminations": ends[0], "b_terminations": ends[2]}
    assert bed.ask("POST", "dcim/cables/", second).status_code == 400
    assert bed.seen("dcim/interfaces", ports[0])["cable"]["id"] == cable["id"]


def test_power_goes_from_an_outlet_to_a_port(bed: NetboxBed, parts: dict[str, int]) -> None:
    keys = [bed.make("dcim/devices", name=name, **parts)["id"] for name in "ab"]
    first, second = (bed.make("dcim/power-ports", device=key, name="PSU1")["id"] for key in keys)
    outlet = bed.make("dcim/power-outlets", device=keys[1], name="A1")["id"]
    port, other, source = (
        [{"object_type": kind, "object_id": key}]
        for kind, key in [
            ("dcim.powerport", first), ("dcim.powerport", second), ("dcim.poweroutlet", outlet),
        ]
    )  # fmt: skip
    two_that_draw = {"a_terminations": port, "b_terminations": other}
    assert bed.ask("POST", "dcim/cables/", two_that_draw).status_code == 400
    cable = bed.make("dcim/cables", type="power", a_terminations=port, b_terminations=source)
    assert bed.seen("dcim/power-ports", first)["cable"]["id"] == cable["id"]
