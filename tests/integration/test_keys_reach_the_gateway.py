"""What is decided about a key at the API holds at the gateway within five seconds."""

from __future__ import annotations

import time
from typing import Any

import httpx
import pytest

from tests.bed import Bed, bed

pytestmark = pytest.mark.integration

REACHES_S = 5.0


def models(one: Bed, key: str) -> int:
    """What the gateway says to this key."""
    reply = httpx.get(
        f"http://127.0.0.1:{one.ports['gateway']}/v1/models",
        headers={"Authorization": f"Bearer {key}"},
        trust_env=False,
    )
    return reply.status_code


def made(one: Bed, **body: Any) -> dict[str, Any]:
    reply = one.call("POST", "/api/keys", {"tenant": "acme", **body})
    assert reply.status_code == 201, reply.text
    return dict(reply.json())


def reached(one: Bed, key: str, status: int) -> float:
    """Seconds until the gateway answers so."""
    began = time.monotonic()
    one.wait(30, lambda: models(one, key) == status)
    return time.monotonic() - began


def test_keys_work_end_and_are_narrowed_at_the_gateway_too() -> None:
    with bed() as one:
        one.start_service()
        one.login()
        one.call("POST", "/api/tenants", {"name": "acme"})
        whole = made(one)
        narrow = made(one, permissions=["claim:read"])
        reading = made(one, read_only=True)
        elsewhere = made(one, networks=["192.0.2.0/24"])
        here = made(one, networks=["127.0.0.0/8"])
        took = [reached(one, whole["text"], 200), reached(one, here["text"], 200)]
        assert models(one, narrow["text"]) == 403
        assert models(one, reading["text"]) == 403
        assert models(one, elsewhere["text"]) == 401
        for key in (whole, here):
            assert one.call("DELETE", f"/api/keys/{key['id']}").status_code == 200
            took.append(reached(one, key["text"], 401))
        assert max(took) < REACHES_S, took
