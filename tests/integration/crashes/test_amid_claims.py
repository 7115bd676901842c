"""kill -9 of the whole service at random while tenants claim and release; on both databases.

The hosts are those of a cheap hall, whose agents live on. Afterwards each claim that was asked for
was made once, no unit was ever two claims' at a time, none is left with a claim that is over, and
the ledger says of every claim what it held for as long as it held it: once.
"""

from __future__ import annotations

import random
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from inventory.model import Claim, ComputeUnit, UsageRecord
from inventory.states import ClaimState
from inventory.store.reading import every
from inventory.store.sql import SqlStore
from tests.contract.store import postgres
from tests.contract.store.test_kills_amid_claims import held, overlapping
from tests.integration.crashes.yard import Service, Yard, yard

pytestmark = [pytest.mark.integration, pytest.mark.timeout(1500)]

CLAIMS = 200
TENANTS = 4
CLUSTERS = 8
AT_ONCE = 24
"""More than there are hosts for, so that some wait."""
BIND_S = 6.0
"""So long somebody waits for units before going away."""


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def database(request: pytest.FixtureRequest) -> Iterator[str]:
    if request.param == "sqlite":
        yield ""
    else:
        folder: Path = request.getfixturevalue("sockets")
        yield postgres.url_of(folder, "podyard")


class People:
    """Tenants that ask again until somebody answers, as a client with an idempotency key may."""

    def __init__(self, one: Yard, seed: int) -> None:
        self.one, self.seed = one, seed
        self.asked = ThreadPoolExecutor(AT_ONCE)
        self.done: list[Future[str]] = []

    def come(self) -> None:
        self.done = [self.asked.submit(self.claim, number) for number in range(CLAIMS)]

    def gone(self) -> int:
        return sum(one.done() for one in self.done)

    def claim(self, number: int) -> str:
        """Claims, works for a moment, releases: the name of the claim."""
        rng = random.Random(f"{self.seed}/{number}")
        body = {
            "tenant": f"t{number % TENANTS}", "cluster": f"k{number % CLUSTERS}",
            "unit_class": "any", "count": rng.choice((1, 1, 1, 2, 3)), "accept_simulated": True,
        }  # fmt: skip
        name = str(self.answer("POST", "/api/claims", body, f"ask-{number}").json()["id"])
        ends = time.monotonic() + BIND_S
        while time.monotonic() < ends:
            if self.answer("GET", f"/api/claims/{name}").json()["state"] != "pending":
                time.sleep(rng.uniform(0.0, 0.5))
                break
            time.sleep(0.3)
        self.answer("DELETE", f"/api/claims/{name}")
        return name

    def answer(self, verb: str, path: str, body: Any = None, key: str = "") -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.one.key}"}
        headers |= {"Idempotency-Key": key} if key else {}
        while True:
            try:
                reply = httpx.request(
                    verb, f"{self.one.api}{path}", json=body, headers=headers, timeout=20,
                    trust_env=False,
                )  # fmt: skip
            except httpx.TransportError:
                time.sleep(0.1)
                continue
            if reply.is_success:
                return reply
            assert reply.status_code in {409, 503}, reply.text  # amid a change, or not up yet
            time.sleep(0.1)


def kill_amid(one: Yard, service: Service, people: People, rng: random.Random, kills: int) -> None:
    """Each at some moment of the claims' way, and of the life's."""
    for number in range(kills):
        goal = CLAIMS * number // (kills + 1)
        one.wait(300, lambda wanted=goal: people.gone() >= wanted)  # type: ignore[misc]
        time.sleep(rng.uniform(0.0, 1.5))
        died = len(service.deaths) + 1
        service.tell("kill")
        one.wait(30, lambda wanted=died: len(service.deaths) >= wanted)  # type: ignore[misc]


@pytest.mark.parametrize("kills", [3, pytest.param(20, marks=pytest.mark.long)])
def test_the_whole_service_killed_amid_claims_keeps_units_and_ledger_exact(
    database: str, kills: int
) -> None:
    seed = random.SystemRandom().randrange(2**32)
    sys.stdout.write(f"seed {seed}\n")
    with yard() as one:
        one.start_hall("lab-16")
        service = one.start("c1", database=database)
        one.login()
        one.apply_pod("lab-16")
        one.bring_up(within_s=400)
        one.wait(600, one.settled, every_s=0.5)
        for number in range(TENANTS):
            assert one.call("POST", "/api/tenants", {"name": f"t{number}"}).is_success
        people = People(one, seed)
        people.come()
        kill_amid(one, service, people, random.Random(seed), kills)
        one.wait(600, lambda: people.gone() == CLAIMS, every_s=0.5)
        names = [done.result() for done in people.done]
        store = SqlStore.open(database or f"sqlite:///{service.state / 'podyard.db'}")
        try:
            one.wait(300, lambda: all_over(store), every_s=0.5)
            judge(store, names)
        finally:
            store.close()
        assert service.deaths == [-9] * kills


def all_over(store: SqlStore) -> bool:
    return {claim.state for claim in every(store, Claim)} == {ClaimState.RELEASED}


def judge(store: SqlStore, names: list[str]) -> None:
    claims = every(store, Claim)
    assert Counter(names) == Counter(claim.id for claim in claims)
    bound = [claim for claim in claims if claim.bound_at is not None]
    sys.stdout.write(f"{len(bound)} of {len(claims)} claims were bound\n")
    assert overlapping(bound) == []
    assert {(unit.claim, unit.state) for unit in every(store, ComputeUnit)} == {("", "available")}
    records = every(store, UsageRecord)
    written = {record.claim: record.unit_seconds for record in records}
    assert len(records) == len(written)
    assert written == {
        claim.id: pytest.approx(
            (held(claim)[1] - held(claim)[0]).total_seconds() * len(claim.unit_ids)
        )
        for claim in bound
    }
    assert len(bound) > CLAIMS / 8, "too few were bound for the kills to meet one"
