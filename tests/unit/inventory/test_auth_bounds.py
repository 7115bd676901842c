"""Bodies that are too large or too slow, and what every answer tells a browser."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import inventory.bounds
from inventory.bounds import BODY_MAX_BYTES, FORM_MAX_BYTES
from tests.unit.inventory.conftest import Site

FORM = "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    ("kind", "size", "status"),
    [
        (FORM, FORM_MAX_BYTES + 1, 413),
        (FORM.upper(), FORM_MAX_BYTES + 1, 413),
        ("multipart/form-data; boundary=x", FORM_MAX_BYTES + 1, 413),
        ("application/json", BODY_MAX_BYTES + 1, 413),
        ("application/json", FORM_MAX_BYTES + 1, 422),
    ],
)
async def test_a_body_has_the_size_of_its_sort(
    site: Site, kind: str, size: int, status: int
) -> None:
    body = b'"' + b"x" * (size - 2) + b'"'
    reply = await site.client.post(
        "/api/tenants",
        content=body,
        headers={"content-type": kind, "authorization": f"Bearer {site.key('admin')}"},
    )
    assert reply.status_code == status, reply.text


async def test_a_body_that_never_ends_is_not_waited_for(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inventory.bounds, "BODY_DEADLINE_S", 0.01)
    told: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: dict[str, Any]) -> None:
        told.append(message)

    scope = {"type": "http", "method": "POST", "path": "/sign-in", "headers": []}
    await site.app(scope, receive, send)  # type: ignore[arg-type]
    assert told[0]["status"] == 408


async def test_every_answer_tells_a_browser_to_be_careful(site: Site) -> None:
    for path in ("/api/hosts", "/healthz", "/nowhere", "/api/me"):
        headers = (await site.ask("GET", path)).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["cache-control"] == "no-store"
        assert "default-src 'none'" in headers["content-security-policy"]
        assert headers["cross-origin-opener-policy"] == "same-origin"
