"""Jobs: work that tenants hand over and that must not be lost, however long it waits.

Ray starts at once whatever it is given and forgets it with its head. So what waits is kept here:
who asked, in which order, how often it may be tried again and for how long it may run. A job is
handed to Ray under an id that names the try, so a try that was handed over twice runs once.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import Field

from inventory.model import Name, Record

PRIORITY_MAX = 1000
RETRIES_MAX = 100
TURN = "waits for its turn"
GOING = "going"
"""Stands in a job's turn where it waits no longer."""
BEHIND = "+"
"""Follows the priority in the turn of a job that waits for others: it has a line of its own."""


class JobState(StrEnum):
    """How far a job is."""

    QUEUED = "queued"
    """It waits: for its turn, for other jobs, or for its cluster."""
    STARTING = "starting"
    """It is being handed to Ray; whether Ray has it is not certain yet."""
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    STOPPED = "stopped"


ENDED = frozenset({JobState.SUCCEEDED, JobState.FAILED, JobState.STOPPED})


class Job(Record):
    """Work for one of a tenant's clusters."""

    id: str
    """Later jobs have greater ids."""
    tenant: Name
    cluster: Name = "main"
    entrypoint: str
    runtime_env: dict[str, Any] = Field(default_factory=dict)
    """Ray's own description of what it needs: `env_vars`, `pip`, `working_dir` as an address. The
    values of variables are sealed apart."""
    metadata: dict[str, str] = Field(default_factory=dict)
    num_cpus: float = 0.0
    num_gpus: float = 0.0
    resources: dict[str, float] = Field(default_factory=dict)
    """What the entrypoint itself holds; its tasks ask for their own."""
    priority: int = 0
    retries: int = 0
    """How often it is tried again after its own failure. A host or a head that is lost costs
    none."""
    time_limit_s: float | None = None
    after: tuple[str, ...] = ()
    """Jobs that must have succeeded before."""
    asked_by: str = ""
    """Who submitted it: jobs of equal priority take turns between those who did."""
    state: JobState = JobState.QUEUED
    why: str = ""
    """What it waits for, or how it ended."""
    tries: int = 0
    """How often it was handed to Ray."""
    failures: int = 0
    """How often it failed by itself."""
    not_before: datetime | None = None
    stop_wanted: bool = False
    created_at: datetime
    started_at: datetime | None = None
    """Of this try."""
    ended_at: datetime | None = None
    version: int = 1

    @property
    def submission_id(self) -> str:
        """What Ray knows this try by."""
        return f"pyd-{self.id}-{self.tries}"

    @property
    def turn(self) -> str:
        """The line in which it stands: of its cluster, its priority and whoever asked for it."""
        if self.ended:
            return ""
        cluster = f"{self.tenant}/{self.cluster}"
        if self.state is not JobState.QUEUED:
            return f"{cluster} {GOING}"
        return f"{cluster} {self.priority:04d}{BEHIND if self.after else ''} {self.asked_by}"

    @property
    def submission_ids(self) -> tuple[str, ...]:
        """Every id that Ray may know it by."""
        return tuple(f"pyd-{self.id}-{number}" for number in range(1, self.tries + 1))

    @property
    def ended(self) -> bool:
        """True when nothing more will happen to it."""
        return self.state in ENDED
