"""Receivers of events over the API: made, shown without their key, changed, replayed, removed."""

from __future__ import annotations

from typing import Any

import pytest

from inventory.model import Event
from inventory.outbound.receivers import KEY, OVERLAP, PREVIOUS_KEY
from inventory.store.protocol import Change
from inventory.webhooks import Delivery
from tests.unit.inventory.conftest import Site
from tests.unit.inventory.records import NOW

URL = "https://hooks.example.com/podyard"


async def made(site: Site, admin: str, **changes: Any) -> dict[str, Any]:
    reply = await site.ask(
        "POST", "/api/webhooks", {"name": "pager", "url": URL, **changes}, key=admin
    )
    assert reply.status_code == 201, reply.text
    answer: dict[str, Any] = reply.json()
    return answer


def happened(site: Site, *kinds: str) -> None:
    events = tuple(Event(at=NOW, actor="t", kind=kind, subject="host:h") for kind in kinds)
    site.store.apply(Change(events=events), now=NOW)


async def test_a_key_is_shown_once_and_kept_sealed(site: Site, admin: str) -> None:
    answer = await made(site, admin)
    key, webhook = answer["key"], answer["webhook"]
    sealed = site.store.secret(webhook["id"], KEY)
    assert sealed is not None
    assert key.encode() not in sealed
    assert site.box.unseal(webhook["id"], KEY, sealed).get_secret_value() == key
    for path in ("/api/webhooks", "/api/webhooks/pager"):
        assert key not in (await site.ask("GET", path, key=admin)).text


async def test_a_new_receiver_hears_of_nothing_that_happened_before(site: Site, admin: str) -> None:
    happened(site, "host.state", "host.state")
    before = site.store.last_event()
    assert (await made(site, admin))["webhook"]["after_seq"] == before


@pytest.mark.parametrize(
    ("body", "path", "words"),
    [
        ({"url": "http://hooks.example.com/"}, "url", "not https"),
        ({"url": "https://10.0.0.9/redfish/v1"}, "url", "not a public address"),
        ({"url": "https://user:pw@hooks.example.com/"}, "url", "user name or password"),
        ({"kinds": ["Host Parked"]}, "kinds", "no event is of the kind 'Host Parked'"),
        ({"kinds": ["host.parkd"]}, "kinds", "no event is of the kind 'host.parkd'"),
        ({"kinds": ["host"]}, "kinds", "no event is of the kind 'host'"),
        ({"kinds": ["hosts.*"]}, "kinds", "no event is of the kind 'hosts.*'"),
        ({"kinds": ["webhook.*"]}, "kinds", "no event is of the kind 'webhook.*'"),
    ],
)
async def test_a_wrong_receiver_is_refused_by_field_with_a_hint(
    site: Site, admin: str, body: dict[str, Any], path: str, words: str
) -> None:
    whole = {"name": "pager", "url": URL, **body}
    reply = await site.ask("POST", "/api/webhooks", whole, key=admin)
    error = reply.json()["error"]
    assert (reply.status_code, error["path"]) == (422, path)
    assert words in error["message"]
    assert error["hint"]


async def test_a_kind_that_never_comes_is_refused_with_those_that_do(
    site: Site, admin: str
) -> None:
    await made(site, admin, kinds=["host.parked", "host.*", "host.power.*", "*"])
    reply = await site.ask("PATCH", "/api/webhooks/pager", {"kinds": ["host.parkd"]}, key=admin)
    assert reply.status_code == 422
    hint = reply.json()["error"]["hint"]
    assert hint.startswith("did you mean host.parked? valid ones: acceptance.ordered, ")
    assert "webhook" not in hint


@pytest.mark.parametrize("kind", ["host.parkd", "hos", "hosts.*", "host.parked.*x"])
async def test_a_stream_of_a_kind_that_never_comes_is_refused(
    site: Site, admin: str, kind: str
) -> None:
    reply = await site.ask("GET", f"/api/events/stream?kind={kind}", key=admin)
    error = reply.json()["error"]
    assert (reply.status_code, error["path"], error["value"]) == (422, "kind", kind)
    assert "host.parked" in error["hint"]


@pytest.mark.parametrize("role", ["viewer", "operator"])
async def test_only_admins_see_receivers_since_an_address_may_be_a_secret(
    site: Site, admin: str, role: Any
) -> None:
    await made(site, admin)
    key = site.key(role)
    assert (await site.ask("GET", "/api/webhooks", key=key)).status_code == 403
    body = {"name": "mine", "url": URL}
    assert (await site.ask("POST", "/api/webhooks", body, key=key)).status_code == 403


async def test_a_name_is_taken_once(site: Site, admin: str) -> None:
    await made(site, admin)
    again = await site.ask("POST", "/api/webhooks", {"name": "pager", "url": URL}, key=admin)
    assert again.status_code == 409


async def test_a_rotated_key_leaves_the_previous_one_beside_it_for_a_day(
    site: Site, admin: str
) -> None:
    first = (await made(site, admin))["key"]
    reply = (await site.ask("POST", "/api/webhooks/pager/rotate", key=admin)).json()
    webhook = reply["webhook"]
    assert reply["key"] != first
    assert webhook["previous_key_until"].startswith(f"{NOW + OVERLAP:%Y-%m-%dT%H:%M}")
    previous = site.store.secret(webhook["id"], PREVIOUS_KEY)
    assert previous is not None
    assert site.box.unseal(webhook["id"], PREVIOUS_KEY, previous).get_secret_value() == first


async def test_switched_on_again_it_begins_at_the_events_of_that_moment(
    site: Site, admin: str
) -> None:
    await made(site, admin)
    off = await site.ask("PATCH", "/api/webhooks/pager", {"enabled": False}, key=admin)
    assert "switched off by admin" in off.json()["disabled_why"]
    happened(site, "host.state")
    last = site.store.last_event()
    on = (await site.ask("PATCH", "/api/webhooks/pager", {"enabled": True}, key=admin)).json()
    assert (on["after_seq"], on["disabled_why"]) == (last, "")


async def test_a_change_that_changes_nothing_writes_nothing(site: Site, admin: str) -> None:
    await made(site, admin)
    last = site.store.last_event()
    reply = await site.ask("PATCH", "/api/webhooks/pager", {"url": URL}, key=admin)
    assert reply.status_code == 200
    assert site.store.last_event() == last


async def test_a_replay_queues_what_it_hears_under_the_same_ids(site: Site, admin: str) -> None:
    webhook = (await made(site, admin, kinds=["host.*"]))["webhook"]
    happened(site, "host.state", "unit.withdrawn", "host.parked")
    record = (await site.ask("GET", "/api/webhooks/pager", key=admin)).json()
    assert record["after_seq"] == webhook["after_seq"]
    await site.ask("PATCH", "/api/webhooks/pager", {"enabled": False}, key=admin)
    await site.ask("PATCH", "/api/webhooks/pager", {"enabled": True}, key=admin)
    for _ in range(2):
        reply = await site.ask("POST", "/api/webhooks/pager/replay", {"after": 0}, key=admin)
        assert reply.json()["queued"] == 2
    queued = site.store.find(Delivery, webhook_id=webhook["id"])
    assert len(queued) == 2
    listed = await site.ask("GET", "/api/webhooks/pager/deliveries?state=pending", key=admin)
    assert listed.json()["count"] == 2


async def test_a_receiver_that_is_off_cannot_be_replayed_to(site: Site, admin: str) -> None:
    await made(site, admin)
    await site.ask("PATCH", "/api/webhooks/pager", {"enabled": False}, key=admin)
    reply = await site.ask("POST", "/api/webhooks/pager/replay", {"after": 0}, key=admin)
    assert reply.status_code == 409
    assert "webhook enable" in reply.json()["error"]["hint"]


async def test_removed_it_takes_its_keys_and_messages_along(site: Site, admin: str) -> None:
    webhook = (await made(site, admin))["webhook"]
    site.put(Delivery(id="m", webhook_id=webhook["id"], event_seq=1, next_at=NOW, created_at=NOW))
    assert (await site.ask("DELETE", "/api/webhooks/pager", key=admin)).status_code == 200
    assert site.store.count(Delivery) == 0
    assert site.store.secret(webhook["id"], KEY) is None
    assert (await site.ask("GET", "/api/webhooks/pager", key=admin)).status_code == 404
