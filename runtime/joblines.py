"""Which jobs of a cluster are worth a look: those that it runs, and the heads of its lines.

Ten thousand jobs may wait. They stand in one line for each priority and each who asked, oldest
first, so a look reads only the front of each line, and further back where the front cannot begin.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from inventory.jobs import BEHIND, GOING, Job, JobState
from inventory.store.protocol import Store
from inventory.store.reading import every
from runtime.context import ClusterKey

FRONT = 50  # more than any head runs at once: a page takes about a millisecond
PAGES = 10
"""How far back a line is read that cannot begin: whoever stands behind 500 such waits."""


@dataclass(frozen=True, slots=True, order=True)
class Line:
    """Jobs that wait in the same line."""

    priority: int
    turn: str


def clusters_with_jobs(store: Store) -> dict[ClusterKey, tuple[Line, ...]]:
    """Every cluster for which a job waits or goes on, with its lines, the first ones first."""
    found: dict[ClusterKey, list[Line]] = defaultdict(list)
    for (turn,) in store.tally(Job, "turn"):
        if not turn:
            continue
        cluster, _, rest = turn.partition(" ")
        tenant, _, name = cluster.partition("/")
        lines = found[ClusterKey(tenant, name)]
        if rest != GOING:
            lines.append(Line(int(rest.partition(" ")[0].rstrip(BEHIND)), turn))
    return {key: tuple(sorted(lines, reverse=True)) for key, lines in found.items()}


def going(store: Store, key: ClusterKey) -> tuple[Job, ...]:
    """Jobs that Ray was given."""
    return tuple(every(store, Job, turn=f"{key} {GOING}"))


def to_stop(store: Store, key: ClusterKey) -> tuple[Job, ...]:
    """Jobs that wait and shall not begin any more."""
    found = every(store, Job, cluster=str(key), stop_wanted=1)
    return tuple(job for job in found if job.state is JobState.QUEUED)


def fronts(
    store: Store, lines: Iterable[Line], *, wanted: int, ready: Callable[[Job], bool]
) -> tuple[Job, ...]:
    """Jobs from the fronts of the lines: enough of the first priorities that could begin."""
    found: list[Job] = []
    free, last = wanted, None
    for line in lines:
        if free <= 0 and line.priority != last:
            break
        last = line.priority
        front = _front(store, line, wanted=wanted, ready=ready)
        found += front
        free -= sum(map(ready, front))
    return tuple(found)


def _front(store: Store, line: Line, *, wanted: int, ready: Callable[[Job], bool]) -> list[Job]:
    found: list[Job] = []
    for _ in range(PAGES):
        page = store.find(Job, turn=line.turn, after=found[-1].id if found else "", limit=FRONT)
        found += page
        if len(page) < FRONT or sum(map(ready, found)) >= wanted:
            break
    return found


def states_of(store: Store, jobs: Iterable[Job]) -> Mapping[str, JobState | None]:
    """How far everything is that these jobs wait for."""
    names = {name for job in jobs for name in job.after}
    known = store.get_many(Job, names) if names else {}
    return {name: known[name].state if name in known else None for name in names}
