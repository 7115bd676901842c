"""The boot door gives a real host a medium with its own document, and opens to no other host."""

from __future__ import annotations

from pathlib import Path

import pytest

from inventory.agents import BootDocument
from inventory.model import Host
from provisioning.images.medium import EMPTY, PLACE_BYTES, Medium
from tests.integration.doors.conftest import Agent, Door
from tests.unit.inventory.records import make_facts

pytestmark = pytest.mark.integration

BEFORE, AFTER = b"firmware starts here" * 1000, b"and the root follows" * 1000


@pytest.fixture
def medium(tmp_path: Path) -> Medium:
    """What a medium is to the door: bytes with an empty place among them."""
    path = tmp_path / "medium.iso"
    path.write_bytes(BEFORE + EMPTY + AFTER)
    return Medium.open(path)


async def test_a_real_host_gets_a_medium_with_its_own_document(door: Door) -> None:
    host, token, media_id = door.enrolled_host(simulated=False)

    reply = await door.get(f"/boot/v1/media/{media_id}.iso")

    assert reply.status_code == 200
    assert reply.content.startswith(BEFORE)
    assert reply.content.endswith(AFTER)
    place = reply.content[len(BEFORE) :][:PLACE_BYTES]
    document = BootDocument.model_validate_json(place)
    assert (document.host, document.serial, document.token) == (host.name, host.serial, token)


async def test_a_simulated_host_gets_the_document_alone(door: Door) -> None:
    _, token, media_id = door.enrolled_host()

    reply = await door.get(f"/boot/v1/media/{media_id}.iso")

    assert BootDocument.model_validate_json(reply.content).token == token


async def test_a_bmc_goes_on_from_where_it_broke_off(door: Door) -> None:
    _, _, media_id = door.enrolled_host(simulated=False)
    path = f"/boot/v1/media/{media_id}.iso"
    whole = await door.get(path)
    middle = len(BEFORE) + 7

    first = await door.get(path, headers={"range": f"bytes=0-{middle - 1}"})
    rest = await door.get(
        path, headers={"range": f"bytes={middle}-", "if-range": first.headers["etag"]}
    )

    assert (first.status_code, rest.status_code) == (206, 206)
    assert first.content + rest.content == whole.content


async def test_a_medium_whose_time_is_over_is_gone(door: Door) -> None:
    host, _, media_id = door.enrolled_host(simulated=False)
    door.expire(host)

    assert (await door.get(f"/boot/v1/media/{media_id}.iso")).status_code == 404


@pytest.mark.parametrize(
    ("found", "told"),
    [
        ({"found_serial": "OTHER1"}, "has serial 'OTHER1', the record LAB000000001"),
        ({"macs": ["06:00:00:00:00:99"]}, "has MAC '06:00:00:00:00:99', none on record"),
        (
            {"found_serial": "Default string", "macs": ["06:00:00:00:00:99"]},
            "has MAC '06:00:00:00:00:99', none on record",
        ),
    ],
)
async def test_a_medium_in_the_wrong_host_opens_nothing(
    door: Door, agent: Agent, found: dict[str, object], told: str
) -> None:
    host, token, _ = door.enrolled_host(simulated=False, facts=make_facts())
    body = {"token": token, "serial": host.serial, "csr_pem": agent.csr(), **found}

    reply = await door.post("/agent/v1/enrol", body)

    assert reply.status_code == 403
    (event,) = [one for one in door.store.events(limit=100) if one.kind == "agent.enrol-refused"]
    assert told in event.why
    assert "the medium of r1-h1 is in the wrong host" in event.why
    known = door.store.get(Host, host.id)
    assert known is not None
    assert known.boot is not None
    assert known.boot.refused == event.why


@pytest.mark.parametrize(
    "found", ["To Be Filled By O.E.M.", "Default  string", "0123456789", "00000000", "None", " "]
)
async def test_what_a_vendor_forgot_to_fill_in_is_no_other_host(
    door: Door, agent: Agent, found: str
) -> None:
    host, token, _ = door.enrolled_host(simulated=False, facts=make_facts())
    body = {
        "token": token,
        "serial": host.serial,
        "csr_pem": agent.csr(),
        "found_serial": found,
        "macs": ["02:00:00:00:00:01"],
    }

    assert (await door.post("/agent/v1/enrol", body)).status_code == 200


async def test_the_right_host_is_let_in_by_any_of_its_ports(door: Door, agent: Agent) -> None:
    host, token, _ = door.enrolled_host(simulated=False, facts=make_facts())
    body = {
        "token": token,
        "serial": host.serial,
        "csr_pem": agent.csr(),
        "found_serial": host.serial,
        "macs": ["06:00:00:00:00:99", "02:00:00:00:00:01"],
    }

    assert (await door.post("/agent/v1/enrol", body)).status_code == 200
