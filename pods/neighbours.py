"""What each port sees at its other end, held against the cabling plan.

A swap is found from either side, and from one sighting of the four that are possible: hosts report
LLDP before switches are reachable, and switches when hosts have no system yet. Every sighting that
is not planned ties two cables together, so cables that are mixed up fall into one group, however
many there are, and each group is one job for one pair of hands. Pure: no I/O.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from pods.cabling import Cable, End
from pods.match_finding import Mismatch, blocks, warns

Port = tuple[str, str]
"""Node and port, as in `Cabling.neighbours()`."""

Kind = Literal["swapped", "mixed", "elsewhere", "dark"]

SWAPPED_CABLES = 2


@dataclass(frozen=True, slots=True)
class Miscabling:
    """Cables that are not plugged as planned, with every end that must be looked at."""

    kind: Kind
    """`swapped`: two cables exchanged. `mixed`: more than two. `elsewhere`: an end leads to
    something that the plan does not know. `dark`: neither end sees anything."""
    cables: tuple[Cable, ...]
    seen: tuple[tuple[Port, Port], ...] = ()
    """The sightings that contradict the plan."""

    @property
    def ends(self) -> tuple[End, ...]:
        """Both ends of every cable concerned."""
        return tuple(end for cable in self.cables for end in (cable.a, cable.z))

    @property
    def labels(self) -> str:
        """What is printed on the cables."""
        return ", ".join(cable.label for cable in self.cables)

    def mismatch(self) -> Mismatch:
        """The same as a finding, with both ends of every cable named."""
        wanted = "; ".join(f"{c.label} from {_at(c.a)} to {_at(c.z)}" for c in self.cables)
        found = "; ".join(f"{a[0]} {a[1]} sees {b[0]} {b[1]}" for a, b in self.seen)
        say = warns if self.kind == "dark" else blocks
        return say(
            f"cabling.{'+'.join(cable.label for cable in self.cables)}",
            wanted,
            found or "no neighbour at either end",
            meaning=_MEANINGS[self.kind],
            remedy=self._remedy(),
        )

    def _remedy(self) -> str:
        if self.kind == "dark":
            return f"check plugs and transceivers of {self.labels} at both ends, then LLDP there"
        if self.kind == "elsewhere":
            return f"follow {self.labels} from both ends and plug it where the plan says"
        far = " and ".join(_at(cable.z) for cable in self.cables)
        if self.kind == "swapped":
            return f"exchange the plugs at {far}; or exchange them at the other ends, not both"
        return f"pull {self.labels} at {far}, and plug each by its label"


_MEANINGS: dict[Kind, str] = {
    "swapped": "two links lead to each other's place: rails are crossed, or hosts exchanged",
    "mixed": "several links lead to each other's places",
    "elsewhere": "the link leads to a port that the plan does not know",
    "dark": "nobody knows yet where this cable leads",
}


def miscablings(
    cables: Sequence[Cable], seen: Mapping[Port, Port], *, dark: bool = False
) -> tuple[Miscabling, ...]:
    """Every difference between the plan and what ports see, in the order of the plan.

    `seen` is port to neighbour, from hosts, switches or both; names may carry a domain. `dark`
    asks also for cables that nobody sees, which are most of them before a pod is powered.
    """
    plan = _Plan(cables)
    sightings = [(plan.known(port), plan.known(other)) for port, other in seen.items()]
    watched = {port for sighting in sightings for port in sighting}
    wrong = [pair for pair in sightings if plan.concerns(pair) and not plan.agrees(pair)]
    found = list(_groups(plan, wrong))
    if dark:
        found += [
            Miscabling("dark", (cable,)) for cable in cables if not watched & set(_ports(cable))
        ]
    return tuple(sorted(found, key=lambda one: plan.order[one.cables[0].label]))


class _Plan:
    """The plan, so that a port finds its cable however its node is spelled."""

    def __init__(self, cables: Sequence[Cable]) -> None:
        self.order = {cable.label: index for index, cable in enumerate(cables)}
        self.cable_of = {port: cable for cable in cables for port in _ports(cable)}
        self._spelled = {_folded(port): port for port in self.cable_of}
        self._nodes = {port[0].casefold() for port in self.cable_of}

    def known(self, port: Port) -> Port:
        """The plan's spelling of a port: LLDP may add a domain, and letters may differ in case."""
        node, name = port
        labels = node.casefold().split(".")
        shorter = (".".join(labels[:end]) for end in range(len(labels), 0, -1))
        short = next((one for one in shorter if one in self._nodes), node.casefold())
        return self._spelled.get(_folded((short, name)), port)

    def concerns(self, sighting: tuple[Port, Port]) -> bool:
        """Whether the plan knows either port: a management port is none of its business."""
        return any(port in self.cable_of for port in sighting)

    def agrees(self, sighting: tuple[Port, Port]) -> bool:
        """Whether these two are the ends of one planned cable."""
        one, other = (self.cable_of.get(port) for port in sighting)
        return one is not None and one is other and sighting[0] != sighting[1]


def _groups(plan: _Plan, wrong: Iterable[tuple[Port, Port]]) -> Iterator[Miscabling]:
    """Cables that wrong sightings tie together, each group once; a whole hall may be one group."""
    ties = _Ties()
    sightings: dict[str, list[tuple[Port, Port]]] = {}
    cables: dict[str, Cable] = {}
    for sighting in wrong:
        touched = [cable for port in sighting if (cable := plan.cable_of.get(port))]
        cables.update({cable.label: cable for cable in touched})
        sightings.setdefault(touched[0].label, []).append(sighting)
        for cable in touched:
            ties.tie(touched[0].label, cable.label)
    for group in ties.groups(cables):
        labels = sorted(group, key=plan.order.__getitem__)
        pairs = [pair for label in labels for pair in sightings.get(label, ())]
        yield Miscabling(
            _kind(plan, labels, pairs), tuple(cables[label] for label in labels), tuple(pairs)
        )


class _Ties:
    """Which cables belong together: each points to another of its group, one of them to itself."""

    def __init__(self) -> None:
        self._next: dict[str, str] = {}

    def tie(self, one: str, other: str) -> None:
        """These two are in one group from now on."""
        self._next[self._head(other)] = self._head(one)

    def groups(self, labels: Iterable[str]) -> Iterable[list[str]]:
        """Every group, as a list of its cables."""
        found: dict[str, list[str]] = {}
        for label in labels:
            found.setdefault(self._head(label), []).append(label)
        return found.values()

    def _head(self, label: str) -> str:
        """The one that points to itself; whoever is passed on the way points nearer to it."""
        self._next.setdefault(label, label)
        while self._next[label] != label:
            self._next[label] = label = self._next[self._next[label]]
        return label


def _kind(plan: _Plan, labels: Sequence[str], pairs: Iterable[tuple[Port, Port]]) -> Kind:
    if any(port not in plan.cable_of for pair in pairs for port in pair) or len(labels) == 1:
        return "elsewhere"
    return "swapped" if len(labels) == SWAPPED_CABLES else "mixed"


def _ports(cable: Cable) -> tuple[Port, Port]:
    return (cable.a.node, cable.a.port), (cable.z.node, cable.z.port)


def _folded(port: Port) -> Port:
    return port[0].casefold(), port[1].strip().casefold()


def _at(end: End) -> str:
    return f"{end.node} {end.port} (rack {end.rack} U{end.unit})"
