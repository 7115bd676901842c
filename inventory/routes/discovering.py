"""Where BMCs may be, and walks over it: declared by admins, asked for by operators.

A walk is only written down here; whoever does the provisioning goes. It knocks at declared
networks alone and says nothing there that a stranger could not say.
"""

from __future__ import annotations

import ipaddress
import secrets
import uuid
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from pydantic import Field

from inventory.applying import NAME_FORM
from inventory.auth import Actor, Permission, require
from inventory.deps import ApiDeps, Deps
from inventory.errors import NotFound
from inventory.found_bmcs import BmcNetwork, Discovery
from inventory.model import Event
from inventory.outbound.bmc_address import Reach
from inventory.refusals import ERRORS, Refused
from inventory.resources.outcomes import wrong
from inventory.resources.recording import Who, who_of
from inventory.routes.shapes import Body, NamePath, View
from inventory.store.protocol import Change
from inventory.store.reading import every

router = APIRouter(tags=["onboarding"], responses=ERRORS)
Walker = Annotated[Actor, Depends(require(Permission.EXPECTED_WRITE))]
Declarer = Annotated[Actor, Depends(require(Permission.NETWORK_WRITE))]

PROBES_MAX = 65_536
"""Addresses times ports of one network: a /16 is an afternoon at a polite pace."""
PORTS_MAX = 256
NETWORKS_MAX = 256


class NetworkBody(Body):
    """A network of BMCs."""

    site: Annotated[str, Field(pattern=NAME_FORM)] = "here"
    cidr: Annotated[str, Field(max_length=64, description="As 10.20.0.0/22 or fd00:20::/118.")]
    ports: Annotated[
        tuple[Annotated[int, Field(ge=1, le=65535)], ...],
        Field(min_length=1, max_length=PORTS_MAX, description="Where Redfish may listen."),
    ] = (443,)
    ipmi_port: Annotated[
        int, Field(ge=0, le=65535, description="Where IPMI may listen (UDP); 0: do not ask.")
    ] = 623
    simulated: Annotated[
        bool, Field(description="Of simulated BMCs: only then may it be on loopback.")
    ] = False


class NetworkSaid(View):
    """A network as it is declared now."""

    name: str
    site: str
    cidr: str
    ports: tuple[int, ...]
    ipmi_port: int
    simulated: bool


class DiscoveryBody(Body):
    """Where to look."""

    networks: Annotated[
        tuple[Annotated[str, Field(pattern=NAME_FORM)], ...],
        Field(max_length=NETWORKS_MAX, description="Names of networks; none: all of them."),
    ] = ()


class DiscoverySaid(View):
    """One walk."""

    id: str
    state: str
    networks: tuple[str, ...]
    addresses: int
    asked: int
    answered: int
    matched: int
    why: str


@router.put("/api/bmc-networks/{name}")
async def put_bmc_network(
    request: Request, name: NamePath, body: NetworkBody, deps: Deps, actor: Declarer
) -> NetworkSaid:
    """Declare a network of BMCs, or declare it anew."""
    return await deps.in_thread(_put_network, deps, who_of(request, actor), name, body)


@router.delete("/api/bmc-networks/{name}", status_code=204)
async def remove_bmc_network(request: Request, name: NamePath, deps: Deps, actor: Declarer) -> None:
    """Take a declaration back. Hosts that have their BMC there stay as they are."""
    await deps.in_thread(_remove_network, deps, who_of(request, actor), name)


@router.post("/api/discoveries", status_code=202)
async def start_discovery(
    request: Request, body: DiscoveryBody, deps: Deps, actor: Walker
) -> DiscoverySaid:
    """Begin a walk over declared networks; ask for it by its id until it is done."""
    found = await deps.in_thread(_start, deps, who_of(request, actor), body)
    deps.wake()
    return found


@router.post("/api/discoveries/{name}/stop")
async def stop_discovery(
    request: Request, name: NamePath, deps: Deps, actor: Walker
) -> DiscoverySaid:
    """End a walk where it is; what it saw stays."""
    found = await deps.in_thread(_stop, deps, who_of(request, actor), name)
    deps.wake()
    return found


def probes_of(network: BmcNetwork) -> int:
    """How often a walk over it knocks at most."""
    return ipaddress.ip_network(network.cidr).num_addresses * len(network.ports)


def _put_network(deps: ApiDeps, who: Who, name: str, body: NetworkBody) -> NetworkSaid:
    before, now = deps.store.get(BmcNetwork, name), deps.clock.now()
    cidr = _checked_cidr(body)
    fields = body.model_dump() | {"cidr": cidr, "ports": tuple(dict.fromkeys(body.ports))}
    fresh = BmcNetwork(name=_checked_name(name), version=before.version if before else 1, **fields)
    _refuse_many(fresh)
    event = Event(
        at=now,
        actor=who.name,
        kind="network.declared",
        subject=f"bmc-network:{name}",
        old=before.cidr if before else "",
        new=cidr,
        why="simulated" if body.simulated else "",
    )
    change = Change(
        insert=() if before else (fresh,),
        replace=(fresh,) if before else (),
        events=(event,),
    )
    deps.store.apply(change, now=now)
    return NetworkSaid(**fresh.model_dump(exclude={"version"}))


def _checked_name(name: str) -> str:
    try:
        BmcNetwork(name=name, cidr="192.0.2.0/24")
    except ValueError as error:
        hint = "small letters, digits, dots and hyphens, 63 at most"
        raise wrong("name", name, "not a name", hint) from error
    return name


def _checked_cidr(body: NetworkBody) -> str:
    """The network as everybody writes it; refused where no BMC is."""
    try:
        network = ipaddress.ip_network(body.cidr.strip())
    except ValueError as error:
        hint = "write the network's first address and its length, as 10.20.0.0/22"
        raise wrong("cidr", body.cidr, f"not a network: {error}", hint) from error
    if not isinstance(network, ipaddress.IPv4Network | ipaddress.IPv6Network):
        raise TypeError("a network is of one of two kinds")
    reach = Reach(loopback=body.simulated)
    for edge in (network[0], network[-1]):
        fault = reach.fault(edge)
        if fault and network.num_addresses > 2 and edge == network[-1]:  # noqa: PLR2004
            fault = reach.fault(network[1])
        if fault:
            hint = "declare the networks of management controllers alone; loopback only with "
            raise wrong("cidr", body.cidr, fault, f"{hint}simulated: true")
    return str(network)


def _refuse_many(network: BmcNetwork) -> None:
    many = probes_of(network)
    if many > PROBES_MAX:
        raise wrong(
            "cidr",
            network.cidr,
            f"{many} addresses and ports to ask, and {PROBES_MAX} are the most",
            "declare the subnets that have BMCs, each by itself: a /16 at most with one port",
        )


def _remove_network(deps: ApiDeps, who: Who, name: str) -> None:
    network, now = deps.store.get(BmcNetwork, name), deps.clock.now()
    if network is None:
        raise NotFound(f"no BMC network {name!r}", hint="podyard bmc networks")
    event = Event(
        at=now,
        actor=who.name,
        kind="network.removed",
        subject=f"bmc-network:{name}",
        old=network.cidr,
    )
    change = Change(replace=(network,), remove=(network,), events=(event,))
    deps.store.apply(change, now=now)


def _start(deps: ApiDeps, who: Who, body: DiscoveryBody) -> DiscoverySaid:
    declared = {one.name: one for one in every(deps.store, BmcNetwork)}
    for name in body.networks:
        if name not in declared:
            raise wrong("networks", name, "there is no such BMC network", "podyard bmc networks")
    if not declared:
        raise Refused(
            409,
            "no-network",
            "no network of BMCs is declared, and nothing else is ever asked",
            hint="an admin declares one: podyard bmc network NAME CIDR",
        )
    for state in ("waiting", "running"):
        for other in every(deps.store, Discovery, state=state):
            raise Refused(
                409,
                "conflict",
                f"discovery {other.id} is under way",
                existing=other.id,
                hint=f"wait for it: podyard bmc discoveries; or podyard bmc stop {other.id}",
            )
    now = deps.clock.now()
    names = tuple(dict.fromkeys(body.networks)) or tuple(sorted(declared))
    walk = Discovery(
        id=str(uuid.uuid4()),
        networks=names,
        asked_by=who.name,
        seed=secrets.randbits(32),
        addresses=sum(probes_of(declared[name]) for name in names),
        created_at=now,
    )
    event = Event(
        at=now,
        actor=who.name,
        kind="discovery.asked",
        subject=f"discovery:{walk.id}",
        new=", ".join(names)[:200],
    )
    deps.store.apply(Change(insert=(walk,), events=(event,)), now=now)
    return _said(walk)


def _stop(deps: ApiDeps, who: Who, key: str) -> DiscoverySaid:
    walk, now = deps.store.get(Discovery, key), deps.clock.now()
    if walk is None:
        raise NotFound(f"no discovery {key!r}", hint="podyard bmc discoveries")
    if walk.state not in {"waiting", "running"}:
        return _said(walk)
    event = Event(
        at=now, actor=who.name, kind="discovery.ended", subject=f"discovery:{key}", new="stopped"
    )
    fresh = walk.model_copy(update={"state": "stopped", "ended_at": now})
    deps.store.apply(Change(replace=(fresh,), events=(event,)), now=now)
    return _said(fresh)


def _said(walk: Discovery) -> DiscoverySaid:
    return DiscoverySaid(**walk.model_dump(include=set(DiscoverySaid.model_fields)))
