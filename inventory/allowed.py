"""How long a host may stay in a state here: the default, or longer where its model needed it.

The controller tries remedies on a host that is late, and `podyard host why` says when that will be:
both by this, so that what people are told is what happens. Learned times never shorten what is
allowed, and the past of a pod's models is read once an hour at most.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from inventory.model import Host, Pod
from inventory.past import HOSTS_MAX, past_of
from inventory.states import ALLOWED_TIME_S, HostState
from inventory.store.outline import Row
from inventory.store.protocol import Store
from pods.expectation import Past, Step

SAMPLES_MIN = 20
"""Stays of the same model that must be known before they count: of fewer, one slow host decides."""
TIMES_P95 = 2.0
"""Twice what nineteen of twenty hosts needed: the slowest healthy one is not set apart for it."""
GOOD_FOR = timedelta(hours=1)
"""A model's times do not move faster than bring-ups end."""
LEARNED: Mapping[HostState, Step] = {
    HostState.PREPARING: "preparing",
    HostState.BOOTING: "booting",
    HostState.CONFIGURING: "configuring",
    HostState.ACCEPTING: "accepting",
}
"""States whose times are learned, with the step that is timed."""


def allowed_time_s(
    state: HostState, past: Mapping[Step, Sequence[float]], *, updates: int = 1
) -> float | None:
    """How long a host may stay; None: nobody waits for a host in this state.

    `past`: the seconds that hosts of this model took; `updates`: how many components are flashed.
    """
    default = ALLOWED_TIME_S.get(state)
    if default is None or state not in LEARNED:
        return default
    learned = _p95(past.get(LEARNED[state], ())) or 0.0
    if state is HostState.PREPARING:
        learned += (_p95(past.get("flashing", ())) or 0.0) * updates
    return max(default, TIMES_P95 * learned)


def _p95(samples: Sequence[float]) -> float | None:
    """The time within which nineteen of twenty were done; None of too few."""
    if len(samples) < SAMPLES_MIN:
        return None
    ordered = sorted(samples)
    return ordered[-(-len(ordered) * 19 // 20) - 1]


@dataclass(slots=True)
class LearnedTimes:
    """The allowed times of the hosts of some pods."""

    _past: dict[str, tuple[datetime, Past]] = field(default_factory=dict)
    _updates: dict[str, tuple[Row, Mapping[str, int]]] = field(default_factory=dict)
    """Components that each type of host in a pod is flashed with, as the pod was when it was read:
    its plan makes it the largest record of all, and whoever asks why a host waits asks often."""

    def here(self, store: Store, host: Host, *, now: datetime) -> float | None:
        """What this host's state may take, by what is on record of its pod. Blocks."""
        if host.state not in LEARNED:
            return ALLOWED_TIME_S.get(host.state)
        state = store.states(Pod, (host.pod,)).get(host.pod)
        read_at, _ = self._past.get(host.pod, (None, None))
        known = self._updates.get(host.pod)
        if known is not None and known[0] == state and read_at and now - read_at <= GOOD_FOR:
            return self.known(host, updates=known[1].get(host.host_type, 0))
        pod = store.get(Pod, host.pod)
        if pod is None or state is None:
            return ALLOWED_TIME_S.get(host.state)
        firmware = pod.spec_document.get("firmware", {})
        updates = {kind: len(items) for kind, items in firmware.items()}
        self._updates[host.pod] = (state, updates)
        return self.of(store, host, pod, updates=updates.get(host.host_type, 0), now=now)

    def of(
        self, store: Store, host: Host, pod: Pod, *, updates: int, now: datetime
    ) -> float | None:
        """What this host's state may take. Blocks: the past is read anew where it is old."""
        read_at, _ = self._past.get(pod.name, (None, None))
        if host.state in LEARNED and (read_at is None or now - read_at > GOOD_FOR):
            past = past_of(store, pod, store.find(Host, pod=pod.name, limit=HOSTS_MAX))
            self._past[pod.name] = (now, past)
        return self.known(host, updates=updates)

    def known(self, host: Host, *, updates: int) -> float | None:
        """The same, by what was read last."""
        _, past = self._past.get(host.pod, (None, {}))
        return allowed_time_s(host.state, past.get(host.host_type, {}), updates=updates)
