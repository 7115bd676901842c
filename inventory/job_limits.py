"""How many jobs may wait and run below a quota, and how many do.

As with units, a job counts for its tenant's quota and for every one above it, so the next that a
tenant hands over has to fit all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

from inventory.jobs import Job, JobState
from inventory.quotas import TenantQuota
from inventory.store.protocol import Store
from inventory.store.reading import every

WAITING = (JobState.QUEUED,)
RUNNING = (JobState.STARTING, JobState.RUNNING)


@dataclass(frozen=True, slots=True)
class JobLimit:
    """What one quota says about a tenant's jobs."""

    quota: str
    most: int
    held: int

    @property
    def room(self) -> int:
        """How many more there may be; none when a limit was lowered below what is there."""
        return max(0, self.most - self.held)


def waiting_limit(store: Store, tenant: str) -> JobLimit | None:
    """The limit that leaves the least room for jobs that wait; None: there is none."""
    return _tightest(store, tenant, WAITING, lambda quota: quota.jobs_queued_max)


def running_limit(store: Store, tenant: str) -> JobLimit | None:
    """The limit that leaves the least room for jobs that run; None: there is none."""
    return _tightest(store, tenant, RUNNING, lambda quota: quota.jobs_running_max)


def top_quota(store: Store, tenant: str) -> str:
    """The uppermost quota that counts a tenant's jobs; the tenant itself where it has none."""
    return [tenant, *(quota.name for quota in _upwards(store, tenant))][-1]


def names_below(store: Store, name: str) -> set[str]:
    """The quota's own name and every one below it: tenants are among them."""
    found, new = {name}, {name}
    while new:
        new = {one.name for up in new for one in every(store, TenantQuota, parent=up)} - found
        found |= new
    return found


def _tightest(
    store: Store,
    tenant: str,
    states: Collection[JobState],
    most_of: Callable[[TenantQuota], int | None],
) -> JobLimit | None:
    limits = [
        JobLimit(quota.name, most, _held(store, quota.name, states))
        for quota in _upwards(store, tenant)
        if (most := most_of(quota)) is not None
    ]
    return min(limits, key=lambda limit: limit.room, default=None)


def _held(store: Store, name: str, states: Collection[JobState]) -> int:
    return sum(
        store.count(Job, tenant=below, state=state.value)
        for below in names_below(store, name)
        for state in states
    )


def _upwards(store: Store, tenant: str) -> Iterator[TenantQuota]:
    name = tenant
    while name and (quota := store.get(TenantQuota, name)):
        yield quota
        name = quota.parent
