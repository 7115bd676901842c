"""Events at the door: a BMC's own word wakes a read, anybody else's does nothing and is counted."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from inventory import refusals
from inventory.clock import SystemClock
from provisioning.telemetry.door import build_event_routes, destination_of
from provisioning.telemetry.inbox import BYTES_MAX, Fate, Inbox, plain
from provisioning.telemetry.listening import Intake

TOKEN = "ab" * 32
CONTEXT = "cd" * 32
BMC = "10.0.0.7"


def event(number: int = 1, **changes: Any) -> bytes:
    said = {
        "@odata.type": "#Event.v1_9_0.Event",
        "Id": str(number),
        "Context": CONTEXT,
        "Events": [{"EventId": str(number), "MessageId": "ResourceEvent.1.3.ResourceChanged"}],
    }
    return json.dumps(said | changes).encode()


class Door:
    """One BMC is expected; who was woken is written down."""

    def __init__(self, per_minute: int = 30) -> None:
        self.woken: list[str] = []
        self.intake = Intake(per_minute, self.woken.append)
        self.inbox = Inbox()
        self.inbox.open(self.intake)
        self.inbox.expect("h1", sources={BMC}, token=TOKEN, context=CONTEXT)

    def send(
        self,
        body: bytes,
        host: str = "h1",
        token: str = TOKEN,
        source: str = BMC,
        now: float = 1000.0,
    ) -> Fate:
        return self.inbox.receive(host, token, source=source, body=body, now=now)


def test_an_event_of_the_bmc_wakes_a_read_of_its_host() -> None:
    door = Door()
    assert door.send(event()) is Fate.TAKEN
    assert door.woken == ["h1"]
    assert door.intake.taken == 1


def test_an_older_bmc_says_its_context_in_the_record() -> None:
    door = Door()
    body = json.dumps({"Events": [{"EventId": "1", "Context": CONTEXT}]}).encode()
    assert door.send(body) is Fate.TAKEN


@pytest.mark.parametrize(
    "sent",
    [
        lambda door: door.send(event(), token="00" * 32),
        lambda door: door.send(event(), source="10.0.0.8"),
        lambda door: door.send(event(), source=""),
        lambda door: door.send(event(Context="guessed")),
        lambda door: door.send(event(Context=None)),
        lambda door: door.send(event(Context="\u00e9")),
        lambda door: door.send(b"[" * 100_000),
        lambda door: door.send(b"no json"),
        lambda door: door.send(b""),
    ],
)
def test_a_forged_event_does_nothing_and_is_counted(sent: Callable[[Door], Fate]) -> None:
    door = Door()
    assert sent(door) is Fate.FORGED
    assert door.woken == []
    assert (door.intake.taken, door.intake.forged) == (0, 1)


def test_an_event_for_a_host_that_nobody_asked_for_does_nothing() -> None:
    door = Door()
    assert door.send(event(), host="h2") is Fate.FORGED
    door.inbox.forget("h1")
    assert door.send(event()) is Fate.FORGED
    assert door.woken == []


def test_the_same_event_again_is_told_once() -> None:
    door = Door()
    assert [door.send(event(n)) for n in (1, 1, 2, 1)] == [
        Fate.TAKEN,
        Fate.REPLAYED,
        Fate.TAKEN,
        Fate.REPLAYED,
    ]
    assert door.woken == ["h1", "h1"]
    assert door.intake.replayed == 2
    door.inbox.expect("h1", sources={BMC}, token=TOKEN, context=CONTEXT)  # looked at again
    assert door.send(event(2)) is Fate.REPLAYED


def test_a_storm_is_taken_in_at_the_rate_and_not_even_read_beyond() -> None:
    door = Door(per_minute=10)
    fates = [door.send(event(n)) for n in range(1000)]
    assert fates.count(Fate.TAKEN) == 10
    assert door.intake.dropped == 990
    assert door.send(b"[" * BYTES_MAX) is Fate.DROPPED
    assert door.send(event(2000), now=1006.1) is Fate.TAKEN


def test_an_event_that_is_too_long_is_not_parsed() -> None:
    door = Door()
    assert door.send(b" " * (BYTES_MAX + 1)) is Fate.TOO_LARGE
    assert door.woken == []


def test_nothing_is_taken_in_after_the_worker_ended() -> None:
    door = Door()
    door.inbox.close(door.intake)
    assert door.send(event()) is Fate.FORGED
    door.inbox.open(Intake(30, door.woken.append))
    assert door.send(event()) is Fate.FORGED  # nobody is expected yet


def test_an_ended_worker_does_not_close_the_door_of_its_successor() -> None:
    door = Door()
    old, door.intake = door.intake, Intake(30, door.woken.append)
    door.inbox.open(door.intake)
    door.inbox.expect("h1", sources={BMC}, token=TOKEN, context=CONTEXT)
    door.inbox.close(old)
    assert door.send(event()) is Fate.TAKEN


def test_one_address_in_two_spellings_is_one() -> None:
    assert plain("::ffff:10.0.0.7") == "10.0.0.7"
    assert plain("fe80::1%eth0") == "fe80::1"
    assert plain("2001:DB8::0:1") == "2001:db8::1"


def test_the_door_says_the_same_whatever_it_made_of_an_event() -> None:
    door = Door(per_minute=2)
    door.inbox.expect("h1", sources={"testclient"}, token=TOKEN, context=CONTEXT)
    app = FastAPI()
    app.include_router(build_event_routes(door.inbox, SystemClock()))
    refusals.install(app)
    client = TestClient(app)
    mine = destination_of("", "h1", TOKEN)
    answers = [client.post(mine, content=event(n)).status_code for n in (1, 1, 2, 3)]
    assert answers == [204, 204, 204, 204]
    assert door.woken == ["h1"]
    assert client.post(destination_of("", "h1", "0" * 64), content=event()).status_code == 404
    assert client.post(destination_of("", "h9", TOKEN), content=event()).status_code == 404
    assert client.get(mine).status_code == 405
