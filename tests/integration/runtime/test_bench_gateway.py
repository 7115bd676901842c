"""The gateway's bench, as small as it goes: nothing fails, and whatever was answered is metered."""

from __future__ import annotations

import pytest

from runtime.bench.gatewaying import Wish, run_gateway

pytestmark = pytest.mark.integration


async def test_every_answer_of_a_run_is_whole_and_metered_once() -> None:
    wish = Wish(
        rate=50, seconds=0.5, rounds=1, streams=40, tokens_per_second=10, ramp_s=1, hold_s=0.5
    )
    said = await run_gateway(wish)
    assert (said["failed"], said["streams_dropped"], said["not_journaled"]) == (0, 0, 0), said
    assert said["streams"] == 40
    assert said["requests"] > 100
