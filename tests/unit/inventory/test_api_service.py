"""The API as a whole: its bounds, its events, its metrics, its description."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from inventory.api import openapi_document, openapi_text
from inventory.bounds import BODY_MAX_BYTES
from inventory.errors import StoreUnavailable
from inventory.model import CertificateRecord, Event
from inventory.states import HostState
from inventory.store.protocol import Change
from tests.unit.inventory.conftest import Site
from tests.unit.inventory.records import NOW, make_host, make_unit

DOCUMENT = Path(__file__).parents[3] / "docs" / "reference" / "openapi.json"
OPEN = {
    "/healthz",
    "/readyz",
    "/api/openapi.json",
    "/api/netbox/webhook",  # proves itself by its signature
    "/sign-in",
    "/sign-in/oidc",
    "/sign-in/oidc/callback",
}


async def test_a_body_over_the_cap_is_refused_before_it_is_read(site: Site, admin: str) -> None:
    headers = {"Authorization": f"Bearer {admin}", "Content-Type": "application/json"}
    reply = await site.client.post(
        "/api/tenants", content=b" " * (BODY_MAX_BYTES + 1), headers=headers
    )
    assert reply.status_code == 413
    assert reply.json()["error"]["kind"] == "too-large"


async def test_a_body_that_hides_its_length_is_capped_too(site: Site, admin: str) -> None:
    async def parts() -> Any:
        for _ in range(5):
            yield b" " * (BODY_MAX_BYTES // 4)

    headers = {"Authorization": f"Bearer {admin}"}
    reply = await site.client.post("/api/tenants", content=parts(), headers=headers)
    assert reply.status_code == 413


async def test_a_body_at_the_cap_passes_on(site: Site, admin: str) -> None:
    body = b'{"name": "gamma"}'.ljust(BODY_MAX_BYTES)
    headers = {"Authorization": f"Bearer {admin}", "Content-Type": "application/json"}
    reply = await site.client.post("/api/tenants", content=body, headers=headers)
    assert reply.status_code == 201


@pytest.mark.parametrize("path", ["/healthz", "/api/hosts", "/nowhere"])
async def test_every_answer_tells_browsers_to_keep_out(site: Site, path: str) -> None:
    headers = (await site.ask("GET", path)).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["cache-control"] == "no-store"
    assert "default-src 'none'" in headers["content-security-policy"]


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/nowhere", 404), ("PATCH", "/api/certificates", 405)]
)
async def test_what_is_not_there_is_refused_in_the_one_shape(
    site: Site, method: str, path: str, status: int
) -> None:
    reply = await site.ask(method, path)
    assert reply.status_code == status
    assert set(reply.json()["error"]) == {"kind", "message", "hint"}


async def test_malformed_json_is_refused_in_the_one_shape(site: Site, admin: str) -> None:
    headers = {"Authorization": f"Bearer {admin}", "Content-Type": "application/json"}
    reply = await site.client.post("/api/tenants", content=b"{", headers=headers)
    assert reply.status_code == 422
    assert reply.json()["error"]["hint"] == "send one JSON document, UTF-8"


async def test_a_misspelt_secret_is_not_echoed(site: Site, admin: str) -> None:
    body = {"name": "lab", "spec": "lab-4", "hosts": [{"passwrd": "hunter2"}]}
    reply = await site.ask("POST", "/api/pods", body, key=admin)
    assert reply.status_code == 422
    assert "hosts.0.passwrd" in reply.text
    assert "hunter2" not in reply.text


def tell(site: Site, *kinds: str) -> None:
    events = tuple(Event(at=NOW, actor="a", kind=kind, subject="host:x") for kind in kinds)
    site.store.apply(Change(events=events), now=NOW)


async def test_events_go_on_where_one_left_off(site: Site, admin: str) -> None:
    tell(site, "a", "b", "c")
    first = (await site.ask("GET", "/api/events?limit=2", key=admin)).json()
    assert [e["kind"] for e in first["results"]] == ["a", "b"]
    rest = (await site.ask("GET", f"/api/events?after={first['last']}", key=admin)).json()
    assert [e["kind"] for e in rest["results"]] == ["c"]
    none = (await site.ask("GET", f"/api/events?after={rest['last']}", key=admin)).json()
    assert (none["results"], none["last"]) == ([], rest["last"])


async def test_the_stream_is_offered_where_it_is_asked_for(site: Site) -> None:
    viewer = site.key("viewer")
    sent: list[dict[str, Any]] = []
    asked = iter([{"type": "http.request", "body": b""}])

    async def receive() -> dict[str, Any]:
        return next(asked, {"type": "http.disconnect"})

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    headers = [
        (b"accept", b"text/event-stream"),
        (b"authorization", f"Bearer {viewer}".encode()),
    ]
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": "/api/events",
        "raw_path": b"/api/events",
        "root_path": "",
        "query_string": b"",
        "headers": headers,
    }
    await site.app(scope, receive, send)
    given = dict(sent[0]["headers"])
    assert given[b"content-type"].startswith(b"text/event-stream")


async def test_metrics_count_by_state_and_name_no_host(site: Site, admin: str) -> None:
    site.put(make_host(1, state=HostState.READY), make_host(2), make_unit(1))
    text = (await site.ask("GET", "/metrics", key=admin)).text
    assert 'podyard_hosts{state="ready"} 1' in text
    assert 'podyard_units{state="available"} 1' in text
    assert "r1-h1" not in text


async def test_ready_means_that_the_store_answers(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (await site.ask("GET", "/readyz")).status_code == 200

    def away(*_: object, **__: object) -> int:
        raise StoreUnavailable("the database did not answer")

    monkeypatch.setattr(site.store, "count", away)
    monkeypatch.setattr(site.store, "outline", away)
    assert (await site.ask("GET", "/readyz")).status_code == 503
    viewer = site.key("viewer")
    listed = await site.ask("GET", "/api/hosts", key=viewer)
    assert listed.json()["error"]["kind"] == "store-unavailable"
    assert (await site.ask("GET", "/healthz")).status_code == 200


async def test_units_and_certificates_are_listed(site: Site, admin: str) -> None:
    certificate = CertificateRecord(
        id="c1",
        host_id="h",
        host="r1-h1",
        envelope={"payload": "x"},
        issued_at=NOW,
        expires_at=NOW,
        simulated=True,
        facts_digest="d",
    )
    site.put(make_unit(1), certificate)
    units = (await site.ask("GET", "/api/units?state=available", key=admin)).json()
    assert [u["name"] for u in units["results"]] == ["r1-h1-u0"]
    listed = (await site.ask("GET", "/api/certificates?host=r1-h1", key=admin)).json()
    assert "envelope" not in listed["results"][0]
    one = (await site.ask("GET", "/api/certificates/c1", key=admin)).json()
    assert one["envelope"] == {"payload": "x"}
    keys = (await site.ask("GET", "/api/certificate-keys", key=admin)).json()
    assert keys == [{"key_id": "k1", "purpose": "production", "pem": "PEM"}]


def test_the_checked_in_description_is_current(site: Site) -> None:
    hint = "run: .venv/bin/python -m inventory.describe > docs/reference/openapi.json"
    assert DOCUMENT.read_text() == openapi_text(site.app), hint


async def test_the_description_says_how_every_route_answers(site: Site) -> None:
    document = (await site.ask("GET", "/api/openapi.json")).json()
    assert json.loads(DOCUMENT.read_text()) == document
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            answers = operation["responses"]
            good = [a for code, a in answers.items() if code in {"200", "201", "202", "207"}]
            # A browser is sent on (303), and what is gone has nothing to show (204).
            assert good or {"303", "204"} & answers.keys(), f"{method} {path}"
            for answer in good:
                assert answer["content"], f"{method} {path}"
            assert operation["summary"], f"{method} {path}"
            needs_key = path not in OPEN
            assert ("security" in operation) is needs_key, f"{method} {path}"


def test_an_address_is_described_once_whatever_its_parts_are_called(site: Site) -> None:
    """OpenAPI takes two paths that differ in a parameter's name alone for a mistake."""
    paths = [re.sub(r"{[^}]*}", "{}", path) for path in openapi_document(site.app)["paths"]]
    assert len(paths) == len(set(paths))
