"""The settings of discovery. Each is documented in docs/reference/settings.md."""

from __future__ import annotations

import math

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class DiscoverySettings(BaseSettings):
    """Read by the composition root from `PODYARD_DISCOVERY_…`."""

    model_config = SettingsConfigDict(env_prefix="PODYARD_DISCOVERY_", frozen=True)

    per_second: float = Field(default=50.0, gt=0, le=1000)
    """Addresses asked in a second: a /24 takes five, a /16 with one port 22 minutes."""
    deadline_s: float = Field(default=4.0, gt=0, le=30)
    """Longest that one address is waited for; BMCs that are at work answer in two or three."""

    @property
    def at_once(self) -> int:
        """Addresses asked at the same time at most.

        As many as can begin within a deadline: so an address that never answers holds a place that
        nobody else needs, and a network of silence is walked as fast as one full of BMCs.
        """
        return math.ceil(self.per_second * self.deadline_s) + 1
