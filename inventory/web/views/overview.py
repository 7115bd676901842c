"""The site at a glance: problems first, then hosts by state, power against budget, and pods."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from inventory.model import Pod
from inventory.web.views.hosts import HostLine
from inventory.web.views.looks import MEANINGS, SYMBOLS, WORST_FIRST, Tone

BAR_PX = 1000
PROBLEMS_SHOWN = 12


@dataclass(frozen=True, slots=True)
class Share:
    """One tone's part of a bar."""

    tone: Tone
    symbol: str
    meaning: str
    count: int
    x: float
    width: float


@dataclass(frozen=True, slots=True)
class PodLine:
    """One pod and how far it is."""

    name: str
    site: str
    spec: str
    bring_up: str
    simulated: bool
    hosts: int
    ready: int
    parked: int
    shares: tuple[Share, ...]


def shares(hosts: Iterable[HostLine], *, width: float = BAR_PX) -> tuple[Share, ...]:
    """How many hosts have which tone, the worst first, as parts of one bar."""
    counts = Counter(host.look.tone for host in hosts)
    total = sum(counts.values())
    found: list[Share] = []
    x = 0.0
    for tone in WORST_FIRST:
        if counts[tone]:
            part = width * counts[tone] / total
            found.append(
                Share(
                    tone, SYMBOLS[tone], MEANINGS[tone], counts[tone], round(x, 2), round(part, 2)
                )
            )
            x += part
    return tuple(found)


def problems(hosts: Iterable[HostLine]) -> tuple[HostLine, ...]:
    """Hosts that need a person first, then those with a problem, the oldest first."""
    order: dict[Tone, int] = {"stop": 0, "warn": 1, "hand": 2}
    return tuple(
        sorted(
            (host for host in hosts if host.look.tone in order),
            key=lambda host: (order[host.look.tone], host.since, host.name),
        )
    )


def pod_lines(pods: Sequence[Pod], hosts: Iterable[HostLine]) -> tuple[PodLine, ...]:
    """Pods with the states of their hosts."""
    by_pod: dict[str, list[HostLine]] = {}
    for host in hosts:
        by_pod.setdefault(host.pod, []).append(host)
    return tuple(_pod_line(pod, by_pod.get(pod.name, [])) for pod in pods)


def _pod_line(pod: Pod, hosts: list[HostLine]) -> PodLine:
    return PodLine(
        name=pod.name,
        site=pod.site,
        spec=pod.spec,
        bring_up=pod.bring_up,
        simulated=pod.simulated,
        hosts=len(hosts),
        ready=sum(host.look.tone == "good" for host in hosts),
        parked=sum(host.look.tone == "stop" for host in hosts),
        shares=shares(hosts, width=160),
    )
