"""The settings of what reads cooling units. Each is documented in docs/reference/settings.md."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class CoolingSettings(BaseSettings):
    """Read by the composition root from `PODYARD_COOLING_…`."""

    model_config = SettingsConfigDict(env_prefix="PODYARD_COOLING_", frozen=True)

    units: Path | None = Field(default=None)
    """A file (JSON, for the service's user alone) of the cooling units that are read, and how."""
    every_s: float = Field(default=10.0, ge=1)
    """How often their leak detectors are read: liquid on a floor is found before it stands."""
    deadline_s: float = Field(default=10.0, gt=0)
    """Longest exchange with one of them."""
