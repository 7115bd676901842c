"""Webhooks: who is told of events, with which key, what became of it, and telling it once more."""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request
from pydantic import Field

from inventory.auth import Actor, Permission, require
from inventory.deps import ApiDeps, Deps
from inventory.errors import Conflict
from inventory.event_kinds import refuse_unheard
from inventory.model import Event
from inventory.outbound.address import url_fault
from inventory.outbound.receivers import (
    KEY,
    OVERLAP,
    OWN_KINDS,
    PREVIOUS_KEY,
    delivery_id,
    hears,
    new_key,
)
from inventory.outbound.settings import WebhookSettings
from inventory.refusals import ERRORS, Refused
from inventory.routes.shapes import (
    NAME_FORM,
    After,
    Body,
    Limit,
    NamePath,
    Page,
    View,
    as_it_is,
    only,
    read_page,
)
from inventory.store.protocol import PAGE_MAX, Change
from inventory.store.reading import every
from inventory.webhooks import Delivery, Webhook

router = APIRouter(prefix="/api/webhooks", tags=["webhooks"], responses=ERRORS)
Reader = Annotated[Actor, Depends(require(Permission.WEBHOOK_READ))]
Writer = Annotated[Actor, Depends(require(Permission.WEBHOOK_WRITE))]

WEBHOOKS_MAX = 100
"""Each has a lane of its own that asks the store once a second."""
REPLAY_MAX = 10_000
SEQ_MAX = 2**63 - 1


class WebhookBody(Body):
    """A receiver to make."""

    name: Annotated[str, Field(pattern=NAME_FORM)]
    url: Annotated[str, Field(max_length=2048, description="https, on the public internet.")]
    kinds: Annotated[
        tuple[str, ...],
        Field(max_length=64, description="Kinds of events, `host.*` for a family; none: all."),
    ] = ()


class WebhookPatch(Body):
    """What may be changed; switching it on again starts at the events of that moment."""

    url: Annotated[str, Field(max_length=2048)] | None = None
    kinds: Annotated[tuple[str, ...], Field(max_length=64)] | None = None
    enabled: bool | None = None


class NewKey(View):
    """A webhook and its signing key, which is shown this once."""

    webhook: Webhook
    key: str = Field(description="`whsec_…`: give it to the receiver. Kept sealed, shown once.")


class ReplayBody(Body):
    """Which events to tell once more."""

    after: Annotated[int, Field(ge=0, le=SEQ_MAX, description="Events after this number.")]
    until: Annotated[int, Field(ge=1, le=SEQ_MAX)] | None = None


class Replayed(View):
    """How many messages were queued."""

    queued: int
    last: int = Field(description="The last event looked at: go on after it when there are more.")


@router.get("")
async def list_webhooks(
    request: Request, deps: Deps, _actor: Reader, *, after: After = "", limit: Limit = 100
) -> Page[Webhook]:
    """Receivers, without their keys."""
    return await deps.in_thread(
        lambda: read_page(
            deps,
            Webhook,
            request,
            show=as_it_is,
            key=lambda one: one.id,
            after=after,
            limit=limit,
            filters={},
        )
    )


@router.post("", status_code=201)
async def create_webhook(body: WebhookBody, deps: Deps, actor: Writer) -> NewKey:
    """Make a receiver. It hears of what happens from now on."""
    return await deps.in_thread(_create, deps, body, actor)


@router.get("/{name}")
async def get_webhook(name: NamePath, deps: Deps, _actor: Reader) -> Webhook:
    """One receiver."""
    return await deps.in_thread(_named, deps, name)


@router.patch("/{name}")
async def change_webhook(name: NamePath, body: WebhookPatch, deps: Deps, actor: Writer) -> Webhook:
    """Change where it is, what it hears, or switch it off and on."""
    return await deps.in_thread(_change, deps, name, body, actor)


@router.delete("/{name}")
async def delete_webhook(name: NamePath, deps: Deps, actor: Writer) -> Webhook:
    """Remove a receiver with its keys and what was still to be sent."""
    return await deps.in_thread(_delete, deps, name, actor)


@router.post("/{name}/rotate")
async def rotate_key(name: NamePath, deps: Deps, actor: Writer) -> NewKey:
    """Give it a new key. For a day the previous one signs beside it."""
    return await deps.in_thread(_rotate, deps, name, actor)


@router.post("/{name}/replay")
async def replay(name: NamePath, body: ReplayBody, deps: Deps, actor: Writer) -> Replayed:
    """Tell events once more, under the ids that they had."""
    return await deps.in_thread(_replay, deps, name, body, actor)


@router.get("/{name}/deliveries")
async def list_deliveries(
    name: NamePath,
    request: Request,
    deps: Deps,
    _actor: Reader,
    *,
    state: Annotated[Literal["", "pending", "delivered", "failed"], Query()] = "",
    after: After = "",
    limit: Limit = 100,
) -> Page[Delivery]:
    """What became of each message."""

    def found() -> Page[Delivery]:
        return read_page(
            deps,
            Delivery,
            request,
            show=as_it_is,
            key=lambda one: one.id,
            after=after,
            limit=limit,
            filters={"webhook_id": _named(deps, name).id, "state": state},
        )

    return await deps.in_thread(found)


def _create(deps: ApiDeps, body: WebhookBody, actor: Actor) -> NewKey:
    _refuse_url(body.url)
    _refuse_kinds(body.kinds)
    if deps.store.find(Webhook, name=body.name):
        raise Conflict(f"webhook {body.name} exists already", hint="see `podyard webhook list`")
    if deps.store.count(Webhook) >= WEBHOOKS_MAX:
        raise Conflict(
            f"there are {WEBHOOKS_MAX} webhooks already",
            hint="remove one: podyard webhook delete NAME",
        )
    now = deps.clock.now()
    webhook = Webhook(
        id=secrets.token_hex(8),
        name=body.name,
        url=body.url,
        kinds=body.kinds,
        after_seq=deps.store.last_event(),
        created_at=now,
        created_by=actor.name,
    )
    key = new_key()
    deps.store.apply(
        Change(
            insert=(webhook,),
            events=(_event(now, actor, "webhook.created", webhook),),
            secrets={(webhook.id, KEY): deps.secrets.seal(webhook.id, KEY, key)},
        ),
        now=now,
    )
    return NewKey(webhook=webhook, key=key.get_secret_value())


def _named(deps: ApiDeps, name: str) -> Webhook:
    return only(
        deps.store.find(Webhook, name=name), what="webhook", name=name, command="webhook list"
    )


def _change(deps: ApiDeps, name: str, body: WebhookPatch, actor: Actor) -> Webhook:
    webhook = _named(deps, name)
    update = body.model_dump(exclude_unset=True, exclude_none=True)
    _refuse_url(update.get("url", ""))
    _refuse_kinds(update.get("kinds", ()))
    if update.get("enabled") and not webhook.enabled:
        update |= {"disabled_why": "", "after_seq": deps.store.last_event()}
    elif update.get("enabled") is False and webhook.enabled:
        update |= {"disabled_why": f"switched off by {actor.name}"}
    fresh = webhook.model_copy(update=update)
    if fresh == webhook:
        return webhook
    now = deps.clock.now()
    event = _event(now, actor, "webhook.changed", webhook, why=", ".join(sorted(update)))
    deps.store.apply(Change(replace=(fresh,), events=(event,)), now=now)
    return _named(deps, name)


def _delete(deps: ApiDeps, name: str, actor: Actor) -> Webhook:
    webhook = _named(deps, name)
    now = deps.clock.now()
    deps.store.apply(
        Change(
            remove=(webhook, *every(deps.store, Delivery, webhook_id=webhook.id)),
            events=(_event(now, actor, "webhook.deleted", webhook),),
            forget_secrets=(webhook.id,),
        ),
        now=now,
    )
    return webhook


def _rotate(deps: ApiDeps, name: str, actor: Actor) -> NewKey:
    webhook = _named(deps, name)
    old = deps.secrets.unseal(webhook.id, KEY, deps.store.secret(webhook.id, KEY) or b"")
    key, now = new_key(), deps.clock.now()
    fresh = webhook.model_copy(update={"previous_key_until": now + OVERLAP})
    deps.store.apply(
        Change(
            replace=(fresh,),
            events=(_event(now, actor, "webhook.key-rotated", webhook),),
            secrets={
                (webhook.id, KEY): deps.secrets.seal(webhook.id, KEY, key),
                (webhook.id, PREVIOUS_KEY): deps.secrets.seal(webhook.id, PREVIOUS_KEY, old),
            },
        ),
        now=now,
    )
    return NewKey(webhook=_named(deps, name), key=key.get_secret_value())


def _replay(deps: ApiDeps, name: str, body: ReplayBody, actor: Actor) -> Replayed:
    webhook = _named(deps, name)
    if not webhook.enabled:
        raise Conflict(
            f"webhook {name} is switched off ({webhook.disabled_why})",
            hint=f"switch it on first: podyard webhook enable {name}",
        )
    now, after, queued, left = deps.clock.now(), body.after, 0, REPLAY_MAX
    until = min(body.until or SEQ_MAX, webhook.after_seq)  # later ones are queued anyway
    while left > 0 and after < until:
        events = deps.store.events(after=after, limit=min(left, PAGE_MAX))
        if not events:
            break
        wanted = [e for e in events if e.seq <= until and hears(webhook, e)]
        deps.store.apply(_once_more(deps, webhook, wanted, now), now=now)
        queued, left, after = queued + len(wanted), left - len(events), events[-1].seq
    event = _event(now, actor, "webhook.replayed", webhook, why=f"{queued} after {body.after}")
    deps.store.apply(Change(events=(event,)), now=now)
    return Replayed(queued=queued, last=min(after, until))


def _once_more(deps: ApiDeps, webhook: Webhook, events: list[Event], now: datetime) -> Change:
    """The same deliveries as the first time, due again."""
    ids = {delivery_id(webhook, event.seq): event.seq for event in events}
    known = deps.store.get_many(Delivery, ids)
    again = {"state": "pending", "attempts": 0, "next_at": now}
    return Change(
        replace=tuple(one.model_copy(update=again) for one in known.values()),
        insert=tuple(
            Delivery(id=i, webhook_id=webhook.id, event_seq=seq, next_at=now, created_at=now)
            for i, seq in ids.items()
            if i not in known
        ),
    )


def _refuse_url(url: str) -> None:
    networks = WebhookSettings().networks
    if url and (fault := url_fault(url, networks)):
        raise Refused(
            422,
            "invalid",
            f"this receiver may not be called: {fault}",
            path="url",
            value=url[:200],
            hint="give an https URL on the public internet, or have the operator allow its "
            "network by PODYARD_WEBHOOKS_NETWORKS",
        )


def _refuse_kinds(kinds: tuple[str, ...]) -> None:
    for kind in kinds:
        refuse_unheard(kind, path="kinds", untold=OWN_KINDS)


def _event(now: datetime, actor: Actor, kind: str, webhook: Webhook, *, why: str = "") -> Event:
    return Event(at=now, actor=actor.name, kind=kind, subject=f"webhook:{webhook.name}", why=why)
