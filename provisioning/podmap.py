"""What only a look at a whole pod shows: swapped cables, two trays in one slot.

Each host's step needs it and each would read every other host for it, which is quadratic in a
hall. So it is drawn once for all of them (`provisioning.livepod` says when), and a host whose facts
are younger than the drawing waits for the next one. Pure.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from inventory.model import Host
from pods.cabling import Cable, Cabling
from pods.match_finding import Mismatch
from pods.match_place import match_trays
from pods.neighbours import Port, miscablings


def findings_around(
    hosts: Collection[Host], cabling: Cabling | None
) -> dict[str, tuple[Mismatch, ...]]:
    """Slot to what is wrong around it."""
    found: defaultdict[str, list[Mismatch]] = defaultdict(list)
    for slot, mismatch in (*_trays(hosts), *_cables(hosts, cabling)):
        found[slot].append(mismatch)
    return {slot: tuple(mismatches) for slot, mismatches in found.items()}


def _trays(hosts: Iterable[Host]) -> Iterator[tuple[str, Mismatch]]:
    racks: defaultdict[str, list[Host]] = defaultdict(list)
    for host in hosts:
        if host.facts is not None:
            racks[host.rack].append(host)
    for inside in racks.values():
        positions = {host.slot: host.facts.position for host in inside if host.facts}
        for mismatch in match_trays(positions):
            slot, _, rest = mismatch.path.partition(".position.")
            yield slot, mismatch.model_copy(update={"path": f"position.{rest}"})


def _cables(hosts: Collection[Host], cabling: Cabling | None) -> Iterator[tuple[str, Mismatch]]:
    """Each finding at every host that has an end of one of its cables, or saw the wrong end."""
    if cabling is None:
        return
    slots = {host.slot for host in hosts}
    seen = sightings(hosts, cabling)
    if not seen:
        return
    for wrong in miscablings(cabling.cables, seen):
        ends = {end.node for end in wrong.ends} | {port[0] for pair in wrong.seen for port in pair}
        mismatch = wrong.mismatch()
        for slot in sorted(ends & slots):
            yield slot, mismatch


def sightings(hosts: Iterable[Host], cabling: Cabling) -> dict[Port, Port]:
    """What the hosts' ports see, each port spelled as the plan spells it.

    A host calls its ports by its operating system's or its adapter's names. A port whose name the
    plan does not know is the one that should see what it sees; where nothing of this host should,
    it is one of those of which nobody saw the right neighbour, in the order of the plan.
    """
    of_node: defaultdict[str, list[Cable]] = defaultdict(list)
    for cable in cabling.cables:
        of_node[cable.a.node].append(cable)
    seen: dict[Port, Port] = {}
    for host in hosts:
        if host.facts is not None and host.facts.neighbours:
            seen.update(_spelled(host.slot, host.facts.neighbours, of_node[host.slot]))
    return seen


def _spelled(
    node: str, neighbours: Mapping[str, Port], cables: Sequence[Cable]
) -> Iterator[tuple[Port, Port]]:
    known = {cable.a.port.casefold(): cable.a.port for cable in cables}
    due = {_folded((cable.z.node, cable.z.port)): cable.a.port for cable in cables}
    strange: list[Port] = []
    free = {cable.a.port: None for cable in cables}
    for port, (far, far_port) in sorted(neighbours.items()):
        other = (far, far_port)
        mine = known.get(port.casefold()) or due.get(_folded(other))
        if mine is None or mine not in free:
            strange.append(other)
            continue
        del free[mine]
        yield (node, mine), other
    left = iter(free)
    for number, other in enumerate(strange):
        yield (node, next(left, f"port {number + 1} that the plan does not know")), other


def _folded(port: Port) -> Port:
    """LLDP may add a domain to a switch's name."""
    return port[0].casefold().partition(".")[0], port[1].strip().casefold()
