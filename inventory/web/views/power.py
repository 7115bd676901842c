"""Watts against budgets: what is held on each feed, and how near that is to its limit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from inventory.model import Pod
from inventory.places import PowerFeed
from inventory.web.views.hosts import HostLine
from inventory.web.views.looks import Tone, watts

METER_PX = 300
TIGHT_SHARE = 0.95
"""From here on the next start may have to wait."""
HALF = 0.5

FeedName = tuple[str, str]
"""Site and feed."""


@dataclass(frozen=True, slots=True)
class Meter:
    """One feed's watts as a bar with its words."""

    name: str
    held_watts: float
    budget_watts: float | None
    width: float
    tone: Tone
    told: str

    @property
    def share(self) -> float:
        """Of the budget; 0 where it is not known."""
        return self.held_watts / self.budget_watts if self.budget_watts else 0.0


def held_by_feed(hosts: Iterable[HostLine]) -> dict[FeedName, float]:
    """Reserved watts per feed. A host on two feeds draws half from each while both live."""
    held: dict[FeedName, float] = {}
    for host in hosts:
        second = host.feed_b if host.feed_b != host.feed else ""
        share = HALF if second else 1.0
        for feed in (host.feed, second):
            if feed:
                key = (host.site, feed)
                held[key] = held.get(key, 0.0) + share * host.reserved_watts
    return held


def budgets(feeds: Iterable[PowerFeed], pods: Iterable[Pod]) -> dict[FeedName, float]:
    """What each feed may carry: as its record says, else as a pod's spec designs it."""
    found: dict[FeedName, float] = {}
    for pod in pods:
        for name, feed in pod.spec_document.get("feeds", {}).items():
            found[pod.site, name] = (
                feed["rated_amps"]
                * feed["volts"]
                * feed.get("phases", 1) ** 0.5
                * feed.get("continuous_limit", 0.8)
            )
    return found | {(feed.site, feed.name): feed.continuous_watts for feed in feeds}


def meters(
    held: Mapping[FeedName, float], limits: Mapping[FeedName, float], *, sites: bool = False
) -> tuple[Meter, ...]:
    """One bar per feed, the fullest first; `sites`: name the site too."""
    found = [
        meter(f"{site} {feed}" if sites else f"feed {feed}", watts_held, limits.get((site, feed)))
        for (site, feed), watts_held in held.items()
    ]
    return tuple(sorted(found, key=lambda one: (-one.share, one.name)))


def meter(name: str, held_watts: float, budget_watts: float | None) -> Meter:
    """One bar."""
    share = held_watts / budget_watts if budget_watts else 0.0
    tone: Tone = "stop" if share > 1 else "warn" if share >= TIGHT_SHARE else "work"
    limit = f" of {watts(budget_watts)}, {share:.0%}" if budget_watts else ", budget not known"
    return Meter(
        name=name,
        held_watts=held_watts,
        budget_watts=budget_watts,
        width=round(METER_PX * min(share, 1.0), 1),
        tone=tone,
        told=f"{watts(held_watts)}{limit}",
    )
