"""A person at the API while a bring-up runs: a few requests a second, and how long each took."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import httpx

EVERY_S = 0.25


@dataclass(slots=True)
class Probe:
    """One client, one request after the other."""

    client: httpx.AsyncClient
    paths: Sequence[str]
    took_s: list[float] = field(default_factory=list)
    failed: int = 0

    async def run(self) -> None:
        """Until cancelled. The pause between two requests is the same however long one took."""
        for path in itertools.cycle(self.paths):
            began = time.monotonic()
            try:
                reply = await self.client.get(path)
            except httpx.HTTPError:
                self.failed += 1
            else:
                self.failed += reply.is_error
                self.took_s.append(time.monotonic() - began)
            await asyncio.sleep(EVERY_S)

    def at_ms(self, share: float) -> float | None:
        """A percentile of what was answered."""
        return percentile_ms(self.took_s, share)


def percentile_ms(values: Sequence[float], share: float) -> float | None:
    """Of seconds, in milliseconds; None of nothing."""
    if not values:
        return None
    ordered = sorted(values)
    return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))] * 1000, 1)
