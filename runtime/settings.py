"""The settings of the runtime. Each is documented in docs/reference/settings.md."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class RuntimeSettings(BaseSettings):
    """Read by the composition root from `PODYARD_RUNTIME_…`."""

    model_config = SettingsConfigDict(env_prefix="PODYARD_RUNTIME_", frozen=True)

    tick_s: float = Field(default=0.5, gt=0)
    """How often claims and clusters are looked at when nobody wakes the loop."""
    cluster_deadline_s: float = Field(default=10.0, gt=0)
    """Longest exchange with a cluster's dashboard; a busy head answers `/api/serve` in 2 s."""
    clusters_at_once: int = Field(default=32, ge=1)
    """Clusters worked on at the same time by one controller."""
    jobs_at_once: int = Field(default=8, ge=1, le=64)
    """Queued jobs that a cluster runs at the same time: each costs its head about 85 MB."""
    jobs_interval_s: float = Field(default=1.0, gt=0)
    """How often the queues of jobs are looked at."""
    jobs_kept: int = Field(default=10_000, ge=1, le=1_000_000)
    """Jobs that have ended, of each cluster: the oldest beyond these are forgotten, by Ray too."""
    jobs_kept_days: float = Field(default=30.0, gt=0)
    """How long a job that has ended is remembered at most."""
    probe_interval_s: float = Field(default=2.0, gt=0)
    """How often a settled cluster's nodes and applications are asked for."""
    probe_failures: int = Field(default=3, ge=1)
    """Lost probes in a row before a cluster is called degraded: one lost probe is no failure."""
    agent_silent_s: float = Field(default=60.0, gt=0)
    """An agent calls every 25 s at least; after this long, what it last said may be old."""
    simulated_cpus: int = Field(default=2, ge=1)
    """What Ray may plan with on one simulated host: several of them share one machine."""
    usage_interval_s: float = Field(default=2.0, gt=0)
    """How often the gateway's journal is read."""
    usage_batch: int = Field(default=500, ge=1)
    """Journal entries per transaction."""
    snapshot_interval_s: float = Field(default=1.0, gt=0)
    """How old the gateway's keys and routes may be: a revoked key works this much longer."""
