"""kill -9 at random while two hundred claims come, wait, make way and end; on both databases.

Afterwards no unit was ever two claims' at a time, none is left with a claim that is over, and the
ledger says of every claim what it held for as long as it held it: once.
"""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections import defaultdict
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from inventory.model import Claim, ComputeUnit, UsageRecord
from inventory.states import ClaimState
from inventory.store.protocol import Change
from inventory.store.reading import every
from inventory.store.sql import SqlStore
from tests.unit.runtime_control.builders import (
    KEY,
    START,
    make_agent,
    make_certificate,
    make_claim,
    make_host,
    make_unit,
)

CLAIMS = 200
CLAIMS_PER_HOST = 1.1
"""Of one life: so many that they have to wait and to make way, however often there is a kill."""
LIFE_S, LOOK_S = 200, 10
"""Of a worker, in its own time; a killed one's lease ends with it."""
ROOT = Path(__file__).parents[3]


def filled(store: SqlStore, hosts: int) -> None:
    """Hosts with certified units."""
    for number in range(hosts):
        host = make_host(f"h{number}", rack=f"r{number % 6}", feed="ab"[number % 2])
        certificate = make_certificate(host)
        made = (host, certificate, make_unit(host, certificate), make_agent(host))
        store.apply(Change(insert=made), now=START)


def claims_of(rng: random.Random, life: int, kills: int) -> list[Claim]:
    """Those of one life, of all sorts: large, small, those that make way and those that wish it."""
    made = []
    for number in range(life * CLAIMS // kills, (life + 1) * CLAIMS // kills):
        asked = START + timedelta(seconds=life * LIFE_S)
        urgent = rng.random() < 0.15
        made.append(
            make_claim(
                f"c{number:03}",
                tenant=f"t{number % 5}",
                cluster=f"k{number}",
                count=rng.choice((1, 1, 1, 2, 2, 3, 5)),
                created_at=asked,
                expires_at=asked + timedelta(seconds=rng.randrange(50, LIFE_S)),
                preemptible=rng.random() < 0.5,
                may_preempt=urgent,
                priority=10 if urgent else 0,
                grace_minutes=rng.choice((0, 1)),
            )
        )
    return made


def worker(url: str, first_second: int, seconds: int) -> subprocess.Popen[str]:
    public = KEY.public_key.public_bytes(Encoding.Raw, PublicFormat.Raw).hex()
    arguments = (url, public, str(first_second), str(seconds))
    return subprocess.Popen(
        [sys.executable, "-m", "tests.contract.store.claims_worker", *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )


def looked(process: subprocess.Popen[str], times: int) -> None:
    assert process.stdout is not None
    for _ in range(times):
        assert process.stdout.readline() == "looked\n"


def killed_at_random(store: SqlStore, url: str, rng: random.Random, kills: int) -> int:
    """Workers, one after the other; how many were killed before they were done."""
    died = 0
    for life in range(kills):
        store.apply(Change(insert=tuple(claims_of(rng, life, kills))), now=START)
        process = worker(url, life * LIFE_S, LIFE_S)
        try:
            looked(process, rng.randrange(LIFE_S // LOOK_S))
            time.sleep(rng.uniform(0.0, 0.5))  # somewhere within the next look, or before the first
        finally:
            process.kill()
        died += process.wait() != 0
    last = worker(url, kills * LIFE_S, LIFE_S)
    looked(last, LIFE_S // LOOK_S)
    assert last.wait() == 0
    return died


def held(claim: Claim) -> tuple[datetime, datetime]:
    assert claim.bound_at is not None
    assert claim.released_at is not None
    return claim.bound_at, claim.released_at


def overlapping(claims: list[Claim]) -> list[str]:
    """Units that two claims had at a time."""
    spans: dict[str, list[tuple[datetime, datetime, str]]] = defaultdict(list)
    for claim in claims:
        for unit_id in claim.unit_ids:
            spans[unit_id].append((*held(claim), claim.id))
    return [
        f"{unit_id}: {one[2]} and {two[2]}"
        for unit_id, found in spans.items()
        for one, two in zip(sorted(found), sorted(found)[1:], strict=False)
        if two[0] < one[1]
    ]


@pytest.mark.integration
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("kills", [3, pytest.param(20, marks=pytest.mark.long)])
def test_no_unit_is_claimed_twice_none_leaks_and_the_ledger_is_exact(
    request: pytest.FixtureRequest, url: str, kills: int
) -> None:
    seed = random.SystemRandom().randrange(2**32)
    sys.stdout.write(f"seed {seed}\n")
    rng = random.Random(seed)
    store = SqlStore.open(url)
    request.addfinalizer(store.close)
    filled(store, round(CLAIMS / kills / CLAIMS_PER_HOST))
    died = killed_at_random(store, url, rng, kills)
    claims = every(store, Claim)
    assert {claim.state for claim in claims} == {ClaimState.RELEASED}
    bound = [claim for claim in claims if claim.bound_at is not None]
    assert overlapping(bound) == []
    assert {(unit.claim, unit.state) for unit in every(store, ComputeUnit)} == {("", "available")}
    records = every(store, UsageRecord)
    written = {record.claim: record.unit_seconds for record in records}
    assert len(records) == len(written)
    assert written == {
        claim.id: (held(claim)[1] - held(claim)[0]).total_seconds() * len(claim.unit_ids)
        for claim in bound
    }
    assert len(bound) > CLAIMS / 4
    assert any(claim.notice for claim in bound), "nobody made way: the mix tests too little"
    told = sum(claim.notice is not None for claim in bound)
    sys.stdout.write(f"{died} of {kills} killed, {len(bound)} claims bound, {told} made way\n")
