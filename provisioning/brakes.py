"""What keeps one mistake from becoming a whole hall's: how much may be lost at once.

Three brakes, each derived anew from the records. **Waves**: a plan's canaries must be ready before
the rest is started (`provisioning.wanted`). **Failure share**: when too many of the last hosts of a
pod ended with a person, nothing more of it is started. **Failure domains**: only so many hosts of
one rack, one feed, one scale-up domain and one site may be in an act that cannot be undone at the
same time.

The fleet-wide hold is the fourth; it is a person's, and stands in `inventory.holding`.

Pure. The number of a domain is taken from the open intents, which name their domains: an act that
was begun counts until it is settled, also when its controller died.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from inventory.model import Host, Intent
from inventory.states import HostState

if TYPE_CHECKING:
    from provisioning.settings import ProvisioningSettings

WINDOW = 20
"""How many of the last hosts count towards the failure share."""
FURTHER_MAX = 2 * WINDOW
"""How many of those on their way count as well, where they came further than the parked ones."""
WAY_UP = (
    HostState.REGISTERING,
    HostState.INSPECTING,
    HostState.MATCHING,
    HostState.PREPARING,
    HostState.BOOTING,
    HostState.CONFIGURING,
    HostState.ACCEPTING,
)
"""The states between enrolled and ready, as a host passes through them."""
_STEP = {state: step for step, state in enumerate(WAY_UP)}


@dataclass(frozen=True, slots=True)
class Limits:
    """How many hosts of one domain may be in an act that cannot be undone.

    Racks, feeds and scale-up domains are as large as they are built. Sites grow, and what is a
    small part of ten thousand hosts is a smaller one of twenty: a site's limit is a share of its
    hosts where that is more.
    """

    rack: int
    feed: int
    site: int
    scale_up: int
    site_share: float = 0.0
    site_hosts: Mapping[str, int] = field(default_factory=dict)
    """How many hosts a site has at least, as far as whoever asks knows it."""

    def of(self, domain: str) -> int:
        """The limit of a domain, by its kind."""
        match domain.partition(" ")[0]:
            case "rack":
                return self.rack
            case "feed":
                return self.feed
            case "scale-up":
                return self.scale_up
            case "site":
                hosts = self.site_hosts.get(domain.partition(" ")[2], 0)
                return max(self.site, int(self.site_share * hosts))
            case kind:
                raise ValueError(f"{kind} is no kind of failure domain")


def limits_of(settings: ProvisioningSettings, site_hosts: Mapping[str, int]) -> Limits:
    """As they are set, for sites of so many hosts."""
    return Limits(
        rack=settings.destructive_per_rack,
        feed=settings.destructive_per_feed,
        site=settings.destructive_per_site,
        scale_up=settings.destructive_per_scale_up,
        site_share=settings.destructive_share_of_site,
        site_hosts=site_hosts,
    )


def domains(host: Host) -> tuple[str, ...]:
    """What a host shares with others: `rack here/r1`. Names are unique within a site."""
    feeds = dict.fromkeys(feed for feed in (host.feed, host.feed_b) if feed)
    return (
        f"rack {host.site}/{host.rack}",
        *(f"feed {host.site}/{feed}" for feed in feeds),
        *([f"scale-up {host.site}/{host.link_domain}"] if host.link_domain else ()),
        f"site {host.site}",
    )


def busy(intents: Iterable[Intent], *, but: str = "") -> Counter[str]:
    """Domain to hosts with an open intent in it. `but`: the host that asks does not count."""
    found: dict[str, set[str]] = {}
    for intent in intents:
        if intent.state == "open" and intent.host_id != but:
            for domain in intent.arguments.get("domains", ()):
                found.setdefault(domain, set()).add(intent.host_id)
    return Counter({domain: len(hosts) for domain, hosts in found.items()})


class UnderWay:
    """The open intents as one controller knows them, counted as they come and go."""

    def __init__(self) -> None:
        self._open: dict[str, Intent] = {}
        self._acts: Counter[tuple[str, str]] = Counter()
        """Open intents of a host in a domain: a host with two counts once."""
        self.busy: Counter[str] = Counter()
        """Domain to hosts with an open intent in it: always this very object."""

    def hosts(self) -> frozenset[str]:
        """Those with an act under way."""
        return frozenset(intent.host_id for intent in self._open.values())

    def note(self, intent: Intent) -> bool:
        """One intent as it now is; whether it has just ended."""
        known = self._open.pop(intent.id, None)
        if known is not None:
            self._count(known, -1)
        if intent.state == "open":
            self._open[intent.id] = intent
            self._count(intent, 1)
            return False
        return known is not None

    def read(self, intents: Iterable[Intent]) -> None:
        """All that are open: what is not among them is not."""
        self._open.clear()
        self._acts.clear()
        self.busy.clear()
        for intent in intents:
            self.note(intent)

    def _count(self, intent: Intent, by: int) -> None:
        for domain in intent.arguments.get("domains", ()):
            act = (domain, intent.host_id)
            before = self._acts[act]
            self._acts[act] = before + by
            if before + by == 0:
                del self._acts[act]
            self.busy[domain] += (before + by > 0) - (before > 0)


def crowded(host: Host, taken: Mapping[str, int], limits: Limits) -> str:
    """Why this host must wait before it does what cannot be undone; empty when it need not."""
    for domain in domains(host):
        if taken.get(domain, 0) >= (most := limits.of(domain)):
            return f"waiting for its turn: {most} of {domain} are in an update, the most at once"
    return ""


def failure_share(peers: Sequence[Host], planned: frozenset[str], *, stop_share: float) -> str:
    """Why nothing more of a pod may be started; empty when something may.

    What counts is how the last hosts ended: ready, or with a person. While fewer than a window have
    ended, those on their way count as not failed, so that the first one alone stops nobody; that is
    what the canaries are for. A host that fails ends sooner than one that gets ready. So those who
    are further than where the parked ones stopped count as not failed, too: they have passed it,
    and without them the first to end would speak for a hundred that began together.
    """
    started = [p for p in peers if p.name in planned and p.state is not HostState.MATCHING]
    ended = sorted((p for p in started if _ended(p)), key=_ended_at)[-WINDOW:]
    parked = [p for p in ended if _parked(p)]
    if not parked:
        return ""
    further = min(FURTHER_MAX, _further_than(parked, started))
    counted = max(min(WINDOW, max(len(ended), len(started))), len(ended) + further)
    if counted > 1 and len(parked) / counted >= stop_share:
        names = ", ".join(p.name for p in parked[:5])
        return f"stopped: {len(parked)} of the last {counted} hosts are parked ({names})"
    return ""


def _further_than(parked: Iterable[Host], started: Iterable[Host]) -> int:
    """How many on their way up have left behind every state in which one of these was parked."""
    furthest = max(_step_of(p.state) for p in parked)
    return sum(1 for p in started if not _ended(p) and _STEP.get(p.state, -1) > furthest)


def _step_of(state: HostState) -> int:
    """Of a parked host: nobody on the way up is further than one that was parked beyond it."""
    return _STEP.get(state, len(WAY_UP))


def _parked(host: Host) -> bool:
    return host.problem is not None and host.problem.parked


def _ended(host: Host) -> bool:
    return _parked(host) or host.state is HostState.READY


def _ended_at(host: Host) -> datetime:
    problem = host.problem
    return problem.since if problem is not None and problem.parked else host.state_since
