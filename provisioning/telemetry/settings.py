"""The settings of telemetry. Each is documented in docs/reference/settings.md."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from provisioning.drivers.redfish.transport import KEEPALIVE_S

SOON_S = 8.0
"""Rounds that follow each other within this go over one connection."""


class TelemetrySettings(BaseSettings):
    """Read by the composition root from `PODYARD_TELEMETRY_…`."""

    model_config = SettingsConfigDict(env_prefix="PODYARD_TELEMETRY_", frozen=True)

    every_s: float = Field(default=60.0, ge=1)
    """How often a host is read: one to three requests to its BMC."""
    round_s: float = Field(default=30.0, gt=0)
    """Longest round of one host, its log included; a log of 200 entries may take 20 s."""
    log_every_s: float = Field(default=900.0, ge=10)
    """How often a BMC's log is read; an event of the BMC has it read sooner."""
    at_once: int = Field(default=32, ge=1, le=1024)
    """Hosts read at the same time; a healthy BMC answers in under a second."""
    suspects_at_once: int = Field(default=8, ge=1, le=256)
    """Hosts tried at the same time that did not answer last time: they wait among themselves."""
    backoff_s: float = Field(default=900.0, ge=1)
    """Longest pause between two tries of a BMC that does not answer."""
    flush_s: float = Field(default=10.0, gt=0)
    """How often what was read is written down: so much is lost when the process is killed."""
    streams: int = Field(default=256, ge=0)
    """BMCs whose events are listened to at the same time; 0: none. All the others are polled."""
    push: bool = Field(default=True)
    """Whether BMCs that are not listened to are asked to send their events to the agents' door."""
    subscription_every_s: float = Field(default=900.0, ge=10)
    """How often it is looked whether a BMC still knows that it was asked."""
    wear_every_s: float = Field(default=3600.0, ge=10)
    """How often counters of errors and of wear are read: links, memory, drives."""
    events_per_minute: int = Field(default=30, ge=1)
    """Events taken in of one BMC; what comes beyond is counted and dropped."""
    raw_hours: int = Field(default=48, ge=48, le=24 * 31)
    """How long readings are kept as they were read; a day is rolled up when it is over."""
    rollup_days: int = Field(default=366, ge=2)
    """How long five-minute rollups are kept."""
    log_days: int = Field(default=90, ge=1)
    """How long lines of BMCs' logs are kept."""
    seed: int = Field(default=1)
    """Spreads hosts over the period: the same seed, the same moment for each."""

    @property
    def keepalive_s(self) -> float:
        """How long a connection waits for the next round: until then, where that is soon.

        BMCs hang up after 10 to 60 s of silence, so beyond some seconds each round connects anew.
        """
        soon = self.every_s <= SOON_S
        return self.every_s + SOON_S / 2 if soon else KEEPALIVE_S
