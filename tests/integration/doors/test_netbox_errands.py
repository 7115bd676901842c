"""The sync in the service: errands over the API and the command line, hints, and rounds."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from inventory.api import build_api
from inventory.commands.netbox import netbox_app
from inventory.deps import ApiDeps
from inventory.errors import Conflict
from inventory.keys import mint
from inventory.model import Host
from inventory.netbox.door import NetBoxRun
from inventory.netbox.errors import Denied
from inventory.netbox.lane import lane
from inventory.netbox.settings import NetBoxSettings
from inventory.netbox.sync import NetBoxSync, device_of
from inventory.restored import NOTE
from inventory.secrets import SecretBox
from inventory.states import HostState
from inventory.store.protocol import Change
from inventory.store.reading import every
from inventory.store.sql import SqlStore
from tests.beds.netbox_fake import FakeNetbox, fake_netbox
from tests.beds.netbox_fleet import NOW, FixedClock, fleet_store

pytestmark = pytest.mark.integration
SECRET = "webhook-secret"


@dataclass
class Service:
    """A service with a NetBox, and its API."""

    netbox: FakeNetbox
    store: SqlStore
    sync: NetBoxSync
    client: httpx.AsyncClient
    keys: dict[str, str]

    async def ask(
        self, method: str, path: str, body: Any = None, *, role: str = "operator"
    ) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.keys[role]}"}
        return await self.client.request(method, f"/api/netbox{path}", json=body, headers=headers)

    async def errand(self, **body: Any) -> dict[str, Any]:
        """Begin one and wait for its end."""
        begun = await self.ask("POST", "/runs", body)
        assert begun.status_code == 202, begun.text
        for _ in range(1000):
            found = await self.ask("GET", f"/runs/{begun.json()['id']}", role="viewer")
            if found.json()["state"] != "running":
                return dict(found.json())
            await asyncio.sleep(0.01)
        raise AssertionError("the errand does not end")

    def device(self, host: Host) -> dict[str, Any]:
        rows = self.netbox.rows["dcim/devices"].values()
        (found,) = [r for r in rows if r["custom_fields"].get("podyard_id") == host.id]
        return found

    def hosts(self) -> list[Host]:
        return sorted(every(self.store, Host), key=lambda host: host.name)


@pytest.fixture
def netbox() -> Iterator[FakeNetbox]:
    with fake_netbox() as server:
        yield server


@pytest.fixture
def settings(netbox: FakeNetbox, tmp_path: Path) -> Callable[..., NetBoxSettings]:
    for name, text in (("token", netbox.token), ("secret", SECRET)):
        (tmp_path / name).touch(mode=0o600)
        (tmp_path / name).write_text(text)

    def made(**fields: Any) -> NetBoxSettings:
        given = {
            "url": netbox.url, "token_file": tmp_path / "token",
            "webhook_secret_file": tmp_path / "secret", **fields,
        }  # fmt: skip
        return NetBoxSettings(**given)

    return made


@pytest.fixture
async def service(
    netbox: FakeNetbox, settings: Callable[..., NetBoxSettings], tmp_path: Path
) -> AsyncIterator[Service]:
    store = fleet_store(tmp_path, racks=1, hosts_per_rack=2, accelerators=1, nics=1)
    clock = FixedClock()
    sync = NetBoxSync(
        store, clock, settings(push="always"), in_thread=asyncio.to_thread, worker="w", alone=True
    )
    keys = {}
    for role in ("viewer", "operator"):
        record, keys[role] = mint(role, now=NOW)  # type: ignore[arg-type]
        store.apply(Change(insert=(record,)), now=NOW)
    deps = ApiDeps(
        store=store, clock=clock, secrets=SecretBox.open(tmp_path / "secrets.key"),
        in_thread=asyncio.to_thread, wake=lambda: None, netbox=sync,
    )  # fmt: skip
    transport = httpx.ASGITransport(build_api(deps), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://podyard") as client:
        yield Service(netbox, store, sync, client, keys)
    store.close()


def webhook(kind: str, data: Any) -> tuple[bytes, str]:
    body = json.dumps({"event": "updated", "object_type": kind, "data": data}).encode()
    return body, hmac.new(SECRET.encode(), body, hashlib.sha512).hexdigest()


async def test_a_plan_is_shown_and_then_done(service: Service) -> None:
    planned = await service.errand(errand="plan")
    assert planned["state"] == "done"
    assert planned["result"]["counts"]["create"] > 10
    assert not service.netbox.changes
    drift = (await service.ask("GET", "/drift", role="viewer")).json()
    assert drift["counts"]["create"] == planned["result"]["counts"]["create"]

    digest = planned["result"]["digest"]
    done = await service.errand(errand="apply", digest=digest)
    assert done["result"]["applied"]["created"] == planned["result"]["counts"]["create"]
    assert done["result"]["applied"]["failed"] == []
    drift = (await service.ask("GET", "/drift", role="viewer")).json()
    assert (drift["steps"], drift["refused"], drift["intents"]) == ([], [], [])
    status = (await service.ask("GET", "", role="viewer")).json()
    assert (status["configured"], status["version"], status["problem"]) == (True, "4.7.3", "")
    again = await service.errand(errand="apply", digest=digest)
    assert (again["state"], "another one" in again["problem"]) == ("failed", True)


async def test_restored_records_are_compared_and_not_written_to_netbox(service: Service) -> None:
    service.store.write_note(NOTE, "2030-04-01T12:00:00+00:00")
    refused = await service.errand(errand="apply", delete=True)
    assert (refused["state"], "watching only" in refused["problem"]) == ("failed", True)
    await service.sync._round(service_order(push=True))
    assert service.sync.status().looked_at is not None
    assert not service.netbox.changes
    service.store.write_note(NOTE, "")
    assert (await service.errand(errand="apply"))["state"] == "done"
    assert service.netbox.changes


async def test_who_may_only_look_starts_nothing(service: Service) -> None:
    refused = await service.ask("POST", "/runs", {"errand": "apply"}, role="viewer")
    assert refused.status_code == 403
    assert (await service.client.get("/api/netbox/drift")).status_code == 401
    assert (await service.ask("GET", "/runs/0123456789abcdef")).status_code == 404
    assert (await service.ask("POST", "/runs", {"errand": "delete-all"})).status_code == 422


async def test_one_errand_at_a_time(service: Service) -> None:
    first = await service.ask("POST", "/runs", {"errand": "plan"})
    assert first.status_code == 202
    assert (await service.ask("POST", "/runs", {"errand": "plan"})).status_code == 409


async def test_a_webhook_that_is_not_signed_is_refused(service: Service) -> None:
    body, signature = webhook("dcim.device", {"id": 1})
    for wrong in ("", "0" * 128, signature[:-1] + ("0" if signature[-1] != "0" else "1")):
        reply = await service.client.post(
            "/api/netbox/webhook", content=body, headers={"X-Hook-Signature": wrong}
        )
        assert reply.status_code == 401
    forged = body.replace(b"1", b"2")
    reply = await service.client.post(
        "/api/netbox/webhook", content=forged, headers={"X-Hook-Signature": signature}
    )
    assert reply.status_code == 401
    assert service.sync.status().waiting_hints == 0
    reply = await service.client.post(
        "/api/netbox/webhook", content=body, headers={"X-Hook-Signature": signature}
    )
    assert reply.status_code == 202
    assert service.sync.status().waiting_hints == 1


async def test_a_hint_is_looked_at_and_not_believed(service: Service) -> None:
    await service.errand(errand="apply")
    first, second = service.hosts()
    for host in (first, second):
        service.netbox.changed("dcim/devices", service.device(host)["id"], {"status": "failed"}, "")
    told = {"id": service.device(first)["id"], "status": "active", "name": "lie"}
    assert service.sync.hint(*webhook("dcim.device", told))
    assert service.sync.hint(*webhook("dcim.device", {"id": 999_999}))
    await service.sync._follow_hints(push=True)
    assert service.device(first)["status"] == "active"
    assert service.device(second)["status"] == "failed", "nobody hinted at it"
    writes = [one for one in service.netbox.log if one[0] != "GET"]
    service.sync.hint(*webhook("dcim.device", {"id": 999_999}))
    await service.sync._follow_hints(push=True)
    assert [one for one in service.netbox.log if one[0] != "GET"] == writes


@pytest.mark.parametrize(
    ("kind", "data", "device"),
    [
        ("dcim.device", {"id": 5}, 5),
        ("dcim.module", {"id": 9, "device": {"id": 5}}, 5),
        ("dcim.interface", {"id": 9, "device": None}, None),
        ("dcim.site", {"id": 5}, None),
        ("dcim.device", {"id": "5"}, None),
        ("dcim.device", {"id": True}, None),
        ("dcim.device", [5], None),
    ],
)
def test_the_device_that_a_webhook_is_about(kind: str, data: Any, device: int | None) -> None:
    assert device_of(webhook(kind, data)[0]) == device


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"\xff\xfe", b'{"data": 3}'])
def test_a_webhook_of_nonsense_is_about_nothing(body: bytes) -> None:
    assert device_of(body) is None


async def test_the_loop_brings_both_sides_together_and_goes_on_after_a_failure(
    service: Service,
) -> None:
    service.netbox.answers.append(("GET", "/api/status/", 500, "broken"))
    loop = asyncio.create_task(service.sync.run())
    try:
        for _ in range(500):
            await asyncio.sleep(0.02)
            if service.sync.status().problem and failures(service):
                break
        assert "500" in service.sync.status().problem
    finally:
        loop.cancel()
    assert failures(service) == 1
    await service.sync._round(service_order(push=True))
    assert service.sync.status().problem == ""
    assert service.device(service.hosts()[0])["status"] == "active"


def failures(service: Service) -> int:
    found = service.store.events(subject="netbox")
    return sum(event.kind == "netbox.failed" for event in found)


def service_order(*, push: bool) -> Any:
    from inventory.netbox.rounds import Order  # noqa: PLC0415 - this test alone

    return Order(pull=True, push=push)


async def test_without_leave_a_round_writes_nothing(
    service: Service, settings: Callable[..., NetBoxSettings]
) -> None:
    await service.errand(errand="apply")
    host = service.hosts()[0]
    changed = host.model_copy(update={"state": HostState.REPAIRING})
    service.store.apply(Change(replace=(changed,)), now=NOW)
    service.netbox.changed("dcim/devices", service.device(host)["id"], {"position": 33.0}, "")
    before = list(service.netbox.changes)
    await service.sync._round(service_order(push=False))
    assert service.netbox.changes == before
    assert service.sync.drift().counts == {"create": 0, "change": 1, "delete": 0}
    now = service.store.get(Host, host.id)
    assert now is not None
    assert now.position == 33.0


def test_two_processes_take_turns(tmp_path: Path) -> None:
    store = fleet_store(tmp_path, racks=1, hosts_per_rack=1)
    clock = FixedClock()
    with (
        lane(store, clock, worker="one", alone=False),
        pytest.raises(Conflict, match="another podyard process"),
        lane(store, clock, worker="two", alone=False),
    ):
        pass
    with lane(store, clock, worker="two", alone=False):
        pass
    store.close()


def test_settings_that_cannot_work_stop_the_start(
    settings: Callable[..., NetBoxSettings], tmp_path: Path
) -> None:
    (tmp_path / "token").chmod(0o640)
    with pytest.raises(Denied, match="others can read"):
        NetBoxSync(
            fleet_store(tmp_path, racks=1, hosts_per_rack=1), FixedClock(), settings(),
            in_thread=asyncio.to_thread, worker="w", alone=True,
        )  # fmt: skip


def answering(monkeypatch: pytest.MonkeyPatch, result: dict[str, Any], **drift: Any) -> None:
    """Let the commands talk to a service that has one answer."""
    run = NetBoxRun(
        id="0" * 16, errand="plan", by="k", state="done", started_at=NOW, result=result
    ).model_dump(mode="json")

    def handle(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/drift"):
            return httpx.Response(200, json=drift)
        return httpx.Response(200, json=run)

    from inventory import client  # noqa: PLC0415 - patched here alone

    made = client.Service(
        client.Access("http://podyard", "pyd_a_b"), transport=httpx.MockTransport(handle)
    )
    monkeypatch.setattr("inventory.commands.netbox.service", lambda: _Entered(made))


class _Entered:
    def __init__(self, made: Any) -> None:
        self.made = made

    def __enter__(self) -> Any:
        return self.made

    def __exit__(self, *_: object) -> None:
        """Nothing."""


PLAN: dict[str, Any] = {
    "digest": "sha256:" + "0" * 64, "counts": {"create": 1, "change": 1, "delete": 1},
    "version": "4.7.3", "pulled": [],
    "steps": [
        {"act": "create", "kind": "device", "name": "r1-h1", "fields": {}, "journal": None},
        {"act": "change", "kind": "device", "name": "r1-h2\x1b[31m", "journal": "state: a → b",
         "fields": {"status": {"old": "failed", "new": "active"}}},
        {"act": "delete", "kind": "module", "name": "r1-h3 GPU1", "fields": {}, "journal": None},
    ],
    "refused": [{"ident": "x", "name": "r1-h4", "why": "two have it", "hint": "correct one"}],
    "orphans": [{"kind": "device", "netbox_id": 7, "name": "gone", "podyard_id": "u"}],
    "intents": [{"ident": "h", "name": "r1-h5", "field": "name", "podyard": "a", "netbox": "b"}],
    "applied": {"created": 1, "changed": 1, "deleted": 1, "journaled": 1, "failed": []},
}  # fmt: skip


def test_the_command_shows_a_plan_as_people_know_it(monkeypatch: pytest.MonkeyPatch) -> None:
    answering(monkeypatch, PLAN)
    shown = CliRunner().invoke(netbox_app, ["plan"])
    assert shown.exit_code == 0, shown.output
    for line in (
        "+ device r1-h1", "~ device r1-h2\\x1b[31m", "status: failed → active",
        "- module r1-h3 GPU1", "! r1-h4: two have it", "hint: correct one",
        "Plan: 1 to create, 1 to change, 1 to delete.", "NetBox says b, podyard a",
    ):  # fmt: skip
        assert line in shown.output
    listed = CliRunner().invoke(netbox_app, ["plan", "-o", "json"])
    assert json.loads(listed.stdout)["counts"] == PLAN["counts"]


def test_the_command_asks_before_it_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    answering(monkeypatch, PLAN)
    said_no = CliRunner().invoke(netbox_app, ["apply"], input="n\n")
    assert said_no.exit_code == 1
    assert "Applied" not in said_no.output
    said_yes = CliRunner().invoke(netbox_app, ["apply", "--yes"])
    assert said_yes.exit_code == 0, said_yes.output
    assert "Applied: 1 created, 1 changed, 1 deleted" in said_yes.output


def test_the_exit_code_tells_drift(monkeypatch: pytest.MonkeyPatch) -> None:
    clean: dict[str, Any] = {"steps": [], "refused": [], "orphans": [], "intents": []}
    answering(monkeypatch, PLAN, at="2030-05-01T12:00:00Z", **clean)
    assert CliRunner().invoke(netbox_app, ["drift"]).exit_code == 0
    answering(monkeypatch, PLAN, at="2030-05-01T12:00:00Z", **{**clean, **PLAN})
    assert CliRunner().invoke(netbox_app, ["drift"]).exit_code == 1
