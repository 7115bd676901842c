"""One round with NetBox: load, look, take over, write, remember. Blocking: it runs in a thread.

No database session is held while NetBox is asked. What was written is remembered afterwards; a
round that is cut off leaves nothing undone for ever, because the next one starts from what both
sides hold.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from inventory.clock import Clock
from inventory.errors import Conflict, StaleWrite
from inventory.model import Event, Host
from inventory.netbox.applying import Applied, apply
from inventory.netbox.client import NetBoxClient
from inventory.netbox.diff import Link, plan
from inventory.netbox.kinds import PORTS
from inventory.netbox.mapping import FieldMapping, refuse_unknown_status
from inventory.netbox.plan import SyncPlan
from inventory.netbox.projection import project
from inventory.netbox.pulling import Pull, links_after, pulls
from inventory.netbox.reading import read_snapshot
from inventory.netbox.records import load_records
from inventory.netbox.wanted import Ours, Wanted
from inventory.netbox_links import NetBoxLink
from inventory.store.protocol import Change, Fence, Store

ACTOR = "netbox"
WRITE_TRIES = 10  # waiting hosts are written about once a second each


@dataclass(frozen=True, slots=True)
class Order:
    """What a round is to do."""

    pull: bool = False
    push: bool = False
    delete: bool = False
    digest: str = ""
    """Only this plan may be done; empty: whatever it is."""
    hosts: frozenset[str] | None = None
    """Only these hosts, by id; None: everything."""


@dataclass(frozen=True, slots=True)
class Round:
    """What came of it."""

    version: str
    plan: SyncPlan
    pulled: tuple[Pull, ...] = ()
    """Taken over, or (without `pull`) what would be."""
    applied: Applied | None = None
    requests_that_wrote: int = 0


@dataclass(frozen=True, slots=True)
class Site:
    """What every round works with."""

    store: Store
    clock: Clock
    mapping: FieldMapping
    owner: str
    simulated: bool = False
    checked: set[str] = field(default_factory=set)
    """Versions of NetBox whose choices were checked against the mapping."""


def go_round(
    site: Site, order: Order, connect: Callable[[], NetBoxClient], *, fence: Fence | None = None
) -> Round:
    """Do it. NetBoxError when NetBox does not allow it, Conflict when the plan is another one."""
    client = connect()
    try:
        return _go_round(site, order, client, fence)
    finally:
        client.close()


def _go_round(site: Site, order: Order, client: NetBoxClient, fence: Fence | None) -> Round:
    version = ".".join(str(part) for part in client.version())
    if version not in site.checked:
        refuse_unknown_status(site.mapping, client.choices("device", "status"))
        site.checked.add(version)
    records = load_records(site.store, simulated=site.simulated)
    everything = project(records, site.mapping, owner=site.owner)
    ours = Ours.of(site.owner, everything)
    wanted = _narrowed(everything, order.hosts)
    known = {link.id: link for link in records.links}
    snapshot = read_snapshot(
        client,
        wanted,
        ours=ours,
        links={ident: link.netbox_id for ident, link in known.items()},
        whole=order.hosts is None,
    )
    found = plan(
        wanted,
        snapshot,
        site.mapping,
        ours=ours,
        links={ident: Link(link.netbox_id, link.told) for ident, link in known.items()},
        unseen=frozenset(host.id for host in records.hosts if host.facts is None),
        delete=order.delete,
    )
    if order.digest and order.digest != found.digest:
        raise Conflict(
            f"the plan is another one by now: {found.digest}",
            hint="look at it with `podyard netbox plan`, and apply that",
        )
    taken = tuple(pulls(found, records.hosts, site.mapping))
    if order.pull:
        for pull in taken:
            _take(site, pull, fence)
    applied = apply(found, client) if order.push else None
    if order.pull or order.push:
        memory = links_after(
            wanted,
            snapshot.of("device"),
            known,
            applied.ids if applied else found.matched,
            applied,
            now=site.clock.now(),
        )
        _remember(site, wanted if snapshot.whole else (), known, memory, fence=fence)
    if applied is not None and client.written:
        _tell(site, applied, fence)
    return Round(version, found, taken, applied, client.written)


def _narrowed(wanted: Sequence[Wanted], hosts: frozenset[str] | None) -> list[Wanted]:
    """Only what belongs to some hosts, with everything that it may refer to."""
    if hosts is None:
        return list(wanted)
    parts = {"device", "module-bay", "module", "ip-address", *PORTS}
    return [
        one
        for one in wanted
        if one.kind != "cable" and (one.kind not in parts or one.ident.split("/")[1] in hosts)
    ]


def _take(site: Site, pull: Pull, fence: Fence | None) -> None:
    """One field of one host, whoever else writes that host at the moment."""
    for _ in range(WRITE_TRIES):
        host = site.store.get(Host, pull.host_id)
        if host is None:
            return
        now = site.clock.now()
        event = Event(
            at=now, actor=ACTOR, kind="netbox.pulled", subject=f"host:{host.name}",
            old=str(pull.old or ""), new=str(pull.new or ""), why=f"{pull.field} in NetBox",
        )  # fmt: skip
        changed = host.model_copy(update={pull.field: pull.new})
        try:
            site.store.apply(Change(replace=(changed,), events=(event,)), now=now, fence=fence)
        except StaleWrite:
            continue
        return


def _remember(
    site: Site,
    whole: Sequence[Wanted],
    known: Mapping[str, NetBoxLink],
    memory: tuple[list[NetBoxLink], list[NetBoxLink]],
    *,
    fence: Fence | None,
) -> None:
    """Links that are new, that changed, and (after a look at everything) that mean nothing more."""
    new, changed = memory
    named = {one.ident for one in whole}
    gone = tuple(link for ident, link in known.items() if whole and ident not in named)
    if new or changed or gone:
        change = Change(insert=tuple(new), replace=tuple(changed), remove=gone)
        site.store.apply(change, now=site.clock.now(), fence=fence)


def _tell(site: Site, applied: Applied, fence: Fence | None) -> None:
    now = site.clock.now()
    said = f"created {applied.created}, changed {applied.changed}, deleted {applied.deleted}"
    event = Event(
        at=now, actor=ACTOR, kind="netbox.pushed", subject="netbox", new=said,
        why=f"{len(applied.failed)} refused" if applied.failed else "",
    )  # fmt: skip
    site.store.apply(Change(events=(event,)), now=now, fence=fence)
