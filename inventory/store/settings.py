"""The settings of the store. Each is documented in docs/reference/settings.md."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class StoreSettings(BaseSettings):
    """Read by the composition root from `PODYARD_STORE_…`."""

    model_config = SettingsConfigDict(env_prefix="PODYARD_STORE_", frozen=True)

    connections: int = Field(default=8, ge=1, le=200)
    """Connections kept open to the database: one for each thread that a small machine uses."""
    connections_max: int = Field(default=24, ge=1, le=400)
    """Connections at most: PostgreSQL's own limit is 100 for everybody."""
    connection_wait_s: float = Field(default=10.0, gt=0, le=300)
    """How long a caller waits for one of them before the store counts as away."""
    connect_s: float = Field(default=5.0, ge=1, le=60)
    """How long PostgreSQL may take to answer a new connection."""
    statement_s: float = Field(default=30.0, gt=0, le=3600)
    """Longest statement; a page of 1,000 hosts out of 100,000 takes well under one second."""
    lock_wait_s: float = Field(default=10.0, gt=0, le=300)
    """How long a writer waits for another one: ten times the longest transaction seen at 10,000
    hosts."""
