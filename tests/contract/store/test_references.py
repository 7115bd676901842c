"""What the API's records name must be there as they are written: a cable's ends, a rack."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from inventory.api import build_api
from inventory.deps import ApiDeps
from inventory.keys import mint
from inventory.places import Cable, Equipment, Rack, Site
from inventory.resources import naming
from inventory.secrets import SecretBox
from inventory.store.protocol import Change
from inventory.store.sql import SqlStore
from tests.unit.inventory.records import NOW, FixedClock, make_host

Ask = Callable[..., Any]
HOST = make_host()
RACK = Rack(id="rack-1", site="here", name="r7")
SWITCH = Equipment(id="switch-1", kind="switch", name="leaf", site="here")


async def at_once(call: Any, /, *args: Any, **given: Any) -> Any:
    """Store calls without threads."""
    return call(*args, **given)


@pytest.fixture
async def ask(store: SqlStore, tmp_path: Path) -> AsyncIterator[Ask]:
    """The API on this store, asked by an operator."""
    record, key = mint("operator", now=NOW)
    store.apply(Change(insert=(record, Site(name="here"), HOST, RACK, SWITCH)), now=NOW)
    box = SecretBox.open(tmp_path / "secrets.key")
    app = build_api(ApiDeps(store, FixedClock(), box, at_once, lambda: None))
    client = httpx.AsyncClient(
        transport=httpx.ASGITransport(app, raise_app_exceptions=False),
        base_url="http://podyard",
        headers={"Authorization": f"Bearer {key}"},
    )

    async def asked(method: str, path: str, body: Any) -> httpx.Response:
        return await client.request(method, path, json=body)

    async with client:
        yield asked


def cable(a: str, z: str) -> dict[str, Any]:
    """Between a host and a piece of equipment."""
    return {
        "site": "here",
        "a": {"kind": "host", "id": a, "port": "nic0"},
        "z": {"kind": "equipment", "id": z, "port": "swp1"},
    }


@pytest.mark.parametrize(
    ("a", "z", "path", "said"),
    [
        ("gone", SWITCH.id, "a.id", "there is no host 'gone'"),
        (HOST.id, "gone", "z.id", "there is no piece of equipment 'gone'"),
        (SWITCH.id, SWITCH.id, "a.id", f"there is no host '{SWITCH.id}'"),
    ],
)
async def test_a_cable_ends_in_what_is_there(
    ask: Ask, store: SqlStore, a: str, z: str, path: str, said: str
) -> None:
    reply = await ask("POST", "/api/cables", cable(a, z))
    assert (reply.status_code, reply.json()["error"]["path"]) == (422, path)
    assert said in reply.json()["error"]["message"]
    assert store.count(Cable) == 0
    assert (await ask("POST", "/api/cables", cable(HOST.id, SWITCH.id))).status_code == 201


async def test_equipment_stands_in_a_rack_of_its_site(ask: Ask, store: SqlStore) -> None:
    other = Rack(id="rack-2", site="there", name="r8")
    store.apply(Change(insert=(Site(name="there"), other)), now=NOW)
    for name in ("r8", "none"):
        body = {"name": "pdu", "site": "here", "rack": name}
        reply = await ask("POST", "/api/pdus", body)
        assert (reply.status_code, reply.json()["error"]["path"]) == (422, "rack")
    made = await ask("POST", "/api/pdus", {"name": "pdu", "site": "here", "rack": "r7"})
    assert made.status_code == 201, made.text
    moved = await ask("PATCH", f"/api/pdus/{made.json()['id']}", {"rack": "none"})
    assert moved.status_code == 422


async def test_what_named_nothing_before_may_be_changed_otherwise(
    ask: Ask, store: SqlStore
) -> None:
    old = Equipment(id="pdu-1", kind="pdu", name="pdu", site="here", rack="never-made")
    store.apply(Change(insert=(old,)), now=NOW)
    changed = await ask("PATCH", "/api/pdus/pdu-1", {"serial": "S1"})
    assert changed.status_code == 200, changed.text


@pytest.mark.parametrize(
    ("path", "body", "gone", "kind"),
    [
        ("/api/pdus", {"name": "pdu", "site": "here", "rack": "r7"}, RACK, Equipment),
        ("/api/cables", cable(HOST.id, SWITCH.id), SWITCH, Cable),
        ("/api/cables", cable(HOST.id, SWITCH.id), HOST, Cable),
    ],
)
async def test_what_goes_between_the_look_and_the_write_is_missed(
    ask: Ask, store: SqlStore, monkeypatch: pytest.MonkeyPatch, path: str, body: Any, gone: Any,
    kind: Any,
) -> None:  # fmt: skip
    needs_of = naming.needs_of

    def late(*given: Any) -> Any:
        found = list(needs_of(*given))
        if store.get(type(gone), gone.id) is not None:
            store.apply(Change(remove=(gone,)), now=NOW)
        return found

    monkeypatch.setattr(naming, "needs_of", late)
    reply = await ask("POST", path, body)
    assert reply.status_code == 422, reply.text
    assert store.count(kind, site="here") == (1 if kind is Equipment and gone is RACK else 0)
