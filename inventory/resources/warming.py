"""Reads the hosts' lines ahead after a start, so that nobody's first page pays for all of them.

A line costs 0.3 ms once, most of it parsing what was read of the hardware, and 0.01 ms from then
on: the first page of a thousand would take its client a third of a second. A few hosts at a time
with a rest between, so that a start never looks busy: 2,500 hosts are done in ten seconds.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass

from inventory.deps import ApiDeps
from inventory.errors import StoreUnavailable
from inventory.resources.hosts import HOSTS
from inventory.resources.lines import Lines
from inventory.resources.reading import Reader

log = logging.getLogger("podyard.warming")

PAGE = 50
REST_S = 0.2  # 50 lines are 15 ms of work: a twelfth of a core
HOSTS_MAX = 20_000
"""Half of what `Lines` holds: the other half is for what people really ask for."""


@dataclass(frozen=True)
class Warming:
    """Among the service's loops: ends with them, and does nothing once it is through."""

    deps: ApiDeps
    lines: Lines
    rest_s: float = REST_S

    async def run(self) -> None:
        """Read ahead, then rest for good: a loop that ended would end the service."""
        try:
            await self.read_ahead()
        except StoreUnavailable as error:
            log.info("hosts were not read ahead", extra={"cause": str(error)})
        await asyncio.Event().wait()

    async def read_ahead(self) -> None:
        """Every host's line, up to the limit."""
        reader, after = Reader(HOSTS), ""
        for _ in range(0, HOSTS_MAX, PAGE):
            after = await self.deps.in_thread(
                reader.read_ahead, self.deps, self.lines, after=after, limit=PAGE
            )
            if not after:
                return
            await asyncio.sleep(self.rest_s)
