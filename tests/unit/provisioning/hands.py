"""A clock that is moved by hand: no time passes by itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from tests.make import NOW


@dataclass
class Hands:
    """What time it is, until somebody says otherwise."""

    at: datetime = NOW

    def now(self) -> datetime:
        """The time."""
        return self.at

    async def sleep(self, delay_s: float) -> None:
        """Time passes."""
        self.at += timedelta(seconds=delay_s)
