"""Events reach a real receiver: once, in spite of its failures and of ours."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiohttp import web
from pydantic import SecretStr
from standardwebhooks.webhooks import Webhook as Verifier

from inventory.clock import SystemClock
from inventory.errors import FenceLost
from inventory.model import Event
from inventory.outbound.deliverer import Deliverer, Outbox, turn
from inventory.outbound.receivers import KEY, new_key
from inventory.outbound.sending import Sender
from inventory.secrets import SecretBox
from inventory.store.protocol import Change
from inventory.store.sql import SqlStore
from inventory.webhooks import Delivery, Webhook
from tests.unit.inventory.records import NOW

pytestmark = pytest.mark.integration

LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"),)
Answering = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def fine(_request: web.Request) -> web.StreamResponse:
    return web.Response(status=204)


@dataclass
class Receiver:
    """Somebody else's server, which writes down what it got."""

    answer: Answering = fine
    got: list[tuple[dict[str, str], str]] = field(default_factory=list)
    heard: asyncio.Event = field(default_factory=asyncio.Event)
    url: str = ""

    async def take(self, request: web.Request) -> web.StreamResponse:
        self.got.append((dict(request.headers), await request.text()))
        self.heard.set()
        return await self.answer(request)

    @property
    def ids(self) -> list[str]:
        return [{k.lower(): v for k, v in headers.items()}["webhook-id"] for headers, _ in self.got]


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    found = Receiver()
    app = web.Application()
    app.router.add_post("/hook", found.take)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    found.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    yield found
    await runner.cleanup()


@dataclass
class Service:
    """Our side: a store with one webhook, and what delivers."""

    outbox: Outbox
    webhook: Webhook
    key: SecretStr

    def happen(self, *kinds: str) -> None:
        now = self.outbox.clock.now()
        events = tuple(Event(at=now, actor="t", kind=k, subject="host:h") for k in kinds)
        self.outbox.store.apply(Change(events=events), now=now)

    def deliveries(self) -> list[Delivery]:
        return self.outbox.store.find(Delivery, webhook_id=self.webhook.id)


@pytest.fixture
async def service(tmp_path: Path, receiver: Receiver) -> AsyncIterator[Service]:
    store = SqlStore.open(f"sqlite:///{tmp_path / 'p.db'}")
    box, key, clock = SecretBox.open(tmp_path / "key"), new_key(), SystemClock()
    webhook = Webhook(id="ab12", name="pager", url=receiver.url, created_at=NOW)
    sealed = {(webhook.id, KEY): box.seal(webhook.id, KEY, key)}
    store.apply(Change(insert=(webhook,), secrets=sealed), now=NOW)
    now = clock.now()
    fence = store.take_lease("webhooks", "t", now=now, until=now.replace(year=2099), alone=True)
    assert fence is not None
    sender = Sender(LOOPBACK)
    outbox = Outbox(store, box, clock, sender, asyncio.to_thread, fence)
    yield Service(outbox, webhook, key)
    await sender.close()
    store.close()


async def test_every_event_arrives_signed_and_once(service: Service, receiver: Receiver) -> None:
    service.happen("host.parked", "host.state", "webhook.failed")
    while await turn(service.outbox, "ab12"):
        pass
    assert len(receiver.ids) == len(set(receiver.ids)) == 2
    for headers, body in receiver.got:
        Verifier(service.key.get_secret_value()).verify(body, headers)
    assert {one.state for one in service.deliveries()} == {"delivered"}


async def test_a_refused_message_comes_again_under_its_id_and_not_before_its_time(
    service: Service, receiver: Receiver
) -> None:
    async def refuse(_request: web.Request) -> web.StreamResponse:
        return web.Response(status=503)

    receiver.answer = refuse
    service.happen("host.parked")
    await turn(service.outbox, "ab12")
    await turn(service.outbox, "ab12")
    (waiting,) = service.deliveries()
    assert (waiting.state, waiting.attempts, waiting.last_status) == ("pending", 1, 503)
    receiver.answer = fine
    now = service.outbox.clock.now()
    due = waiting.model_copy(update={"next_at": now})
    service.outbox.store.apply(Change(replace=(due,)), now=now)
    await turn(service.outbox, "ab12")
    assert len(receiver.ids) == 2
    assert len(set(receiver.ids)) == 1
    assert service.deliveries()[0].state == "delivered"


async def test_a_message_whose_answer_was_never_written_down_keeps_its_id(
    service: Service, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.happen("host.parked")
    monkeypatch.setattr("inventory.outbound.deliverer._record", _die)
    with pytest.raises(RuntimeError):
        await turn(service.outbox, "ab12")
    monkeypatch.undo()
    await turn(service.outbox, "ab12")
    assert len(receiver.ids) == 2
    assert len(set(receiver.ids)) == 1


async def test_who_lost_the_lease_writes_nothing(service: Service, receiver: Receiver) -> None:
    now = service.outbox.clock.now()
    service.outbox.store.take_lease(
        "webhooks", "another", now=now, until=now.replace(year=2099), alone=True
    )
    service.happen("host.parked")
    with pytest.raises(FenceLost):
        await turn(service.outbox, "ab12")
    assert receiver.got == []


async def test_a_redirect_is_not_followed(service: Service, receiver: Receiver) -> None:
    async def away(_request: web.Request) -> web.StreamResponse:
        raise web.HTTPTemporaryRedirect(receiver.url + "?again")

    receiver.answer = away
    service.happen("host.parked")
    await turn(service.outbox, "ab12")
    assert len(receiver.got) == 1
    assert "redirect" in service.deliveries()[0].last_error


async def test_gone_switches_the_receiver_off(service: Service, receiver: Receiver) -> None:
    async def gone(_request: web.Request) -> web.StreamResponse:
        return web.Response(status=410)

    receiver.answer = gone
    service.happen("host.parked")
    await turn(service.outbox, "ab12")
    assert await turn(service.outbox, "ab12") is None
    webhook = service.outbox.store.get(Webhook, "ab12")
    assert webhook is not None
    assert not webhook.enabled


async def test_a_receiver_in_a_network_that_is_no_longer_allowed_is_not_called(
    service: Service, receiver: Receiver
) -> None:
    strict = Sender(())
    outbox = Outbox(
        service.outbox.store,
        service.outbox.secrets,
        service.outbox.clock,
        strict,
        asyncio.to_thread,
        service.outbox.fence,
    )
    service.happen("host.parked")
    await turn(outbox, "ab12")
    await strict.close()
    assert receiver.got == []
    assert "not a public address" in service.deliveries()[0].last_error


async def test_a_receiver_that_hangs_holds_up_itself_alone(
    service: Service, receiver: Receiver
) -> None:
    released = asyncio.Event()

    async def hang(_request: web.Request) -> web.StreamResponse:
        await released.wait()
        return web.Response()

    dead = Receiver(answer=hang)
    app = web.Application()
    app.router.add_post("/hook", dead.take)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    other = Webhook(
        id="cd34",
        name="dead",
        url=f"http://127.0.0.1:{runner.addresses[0][1]}/hook",
        created_at=NOW,
    )
    sealed = {("cd34", KEY): service.outbox.secrets.seal("cd34", KEY, new_key())}
    service.outbox.store.apply(Change(insert=(other,), secrets=sealed), now=NOW)
    service.happen("host.parked")
    running = asyncio.create_task(Deliverer(service.outbox).run())
    async with asyncio.timeout(10):
        await receiver.heard.wait()
        await dead.heard.wait()
    assert service.deliveries()[0].state in {"pending", "delivered"}
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    released.set()
    await runner.cleanup()


def _die(*_given: object) -> None:
    raise RuntimeError("killed between the answer and its record")
