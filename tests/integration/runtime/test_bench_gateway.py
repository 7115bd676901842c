"""The gateway's bench, as small as it goes: nothing fails, and whatever was answered is metered."""

from __future__ import annotations

import dataclasses
import sys

import pytest

from runtime.bench.gatewaying import Wish, run_gateway
from runtime.bench.peers import Peer, PeerError, peers_of

pytestmark = pytest.mark.integration


SMALL = Wish(rate=50, seconds=0.5, rounds=1, streams=40, tokens_per_second=10, ramp_s=1, hold_s=0.5)


async def test_every_answer_of_a_run_is_whole_and_metered_once() -> None:
    said = await run_gateway(SMALL)
    assert (said["failed"], said["streams_dropped"], said["not_journaled"]) == (0, 0, 0), said
    assert said["streams"] == 40
    assert said["requests"] > 100


@pytest.mark.ray
async def test_another_gateway_is_measured_beside_it() -> None:
    wish = dataclasses.replace(SMALL, streams=1, peers=peers_of(["ray-serve"], litellm_program=""))
    beside = (await run_gateway(wish))["peers"]["ray-serve"]
    assert beside["failed"] == 0, beside
    assert 0 < beside["rate"] <= wish.rate
    assert beside["added_p50_ms"] > 0
    assert beside["requests_per_second_per_core"] > 0
    assert beside["rss_mb"] > 100


async def test_a_peer_that_does_not_start_says_why() -> None:
    command = [sys.executable, "-c", "raise SystemExit('no such table')"]
    wish = dataclasses.replace(SMALL, streams=1, peers=(Peer("broken", lambda _: command),))
    with pytest.raises(PeerError, match=r"(?s)peer broken ended.*no such table"):
        await run_gateway(wish)
