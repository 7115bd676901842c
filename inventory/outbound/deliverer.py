"""Bring every event to every receiver that asked for it, once as far as anybody can.

The events themselves are the outbox: they are written in the change that they tell of, so none is
told that did not happen and none that happened is forgotten. A webhook's `after_seq` says how far
it was queued; queueing and moving it are one change. A message keeps its id over all tries and
restarts, so that a receiver which answered and was not heard can tell the repetition.

One lane per receiver: a slow or dead one holds up itself alone.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from datetime import datetime

from pydantic import SecretStr

from inventory.clock import Clock
from inventory.errors import StaleWrite, StoreUnavailable
from inventory.model import Event
from inventory.outbound.receivers import KEY, PREVIOUS_KEY, delivery_id, hears
from inventory.outbound.schedule import next_try
from inventory.outbound.sending import Answer, Message, Sender, message_of
from inventory.secrets import SecretBox
from inventory.store.protocol import Change, Fence, Store
from inventory.store.query import Condition, Query
from inventory.store.reading import every
from inventory.threads import InThread
from inventory.webhooks import Delivery, Webhook

log = logging.getLogger("podyard.webhooks")

POLL_S = 1.0
QUEUE_BATCH = 500
SEND_BATCH = 16
"""Messages on their way to one receiver at a time."""


@dataclass(frozen=True, slots=True)
class Outbox:
    """What delivering works with."""

    store: Store
    secrets: SecretBox
    clock: Clock
    sender: Sender
    in_thread: InThread
    fence: Fence


@dataclass(slots=True)
class Deliverer:
    """Keeps one lane per webhook."""

    outbox: Outbox
    lanes: dict[str, asyncio.Task[None]] = field(default_factory=dict)

    async def run(self) -> None:
        """Until cancelled."""
        try:
            while True:
                await self._open_and_close_lanes()
                await self.outbox.clock.sleep(POLL_S)
        finally:
            for lane in self.lanes.values():
                lane.cancel()
            await asyncio.gather(*self.lanes.values(), return_exceptions=True)

    async def _open_and_close_lanes(self) -> None:
        outbox = self.outbox
        try:
            wanted = {
                w.id for w in await outbox.in_thread(every, outbox.store, Webhook) if w.enabled
            }
        except StoreUnavailable as error:  # the lanes that run notice it by themselves
            log.warning("webhooks cannot be read", extra={"cause": str(error)})
            return
        for webhook_id in set(self.lanes) - wanted:
            self.lanes.pop(webhook_id).cancel()
        for webhook_id in wanted:
            lane = self.lanes.get(webhook_id)
            if lane is None or lane.done():
                self.lanes[webhook_id] = asyncio.create_task(serve_lane(outbox, webhook_id))


async def serve_lane(outbox: Outbox, webhook_id: str) -> None:
    """One receiver's messages, until it is gone or switched off."""
    while True:
        try:
            turned = await turn(outbox, webhook_id)
        except (StoreUnavailable, StaleWrite) as error:  # nothing was lost; the next turn sees
            log.warning("webhook waits", extra={"webhook": webhook_id, "cause": str(error)})
            turned = False
        if turned is None:
            return
        if not turned:
            await outbox.clock.sleep(POLL_S)


async def turn(outbox: Outbox, webhook_id: str) -> bool | None:
    """Queue what is new and try what is due: True when there may be more, None when it ended."""
    webhook = await outbox.in_thread(outbox.store.get, Webhook, webhook_id)
    if webhook is None or not webhook.enabled:
        return None
    queued = await outbox.in_thread(queue, outbox, webhook)
    due = await outbox.in_thread(_due, outbox, webhook)
    if not due:
        return queued
    keys = await outbox.in_thread(signing_keys, outbox, webhook)
    answers = await asyncio.gather(*(_try(outbox, webhook, one, keys) for one in due))
    await outbox.in_thread(_record, outbox, webhook_id, list(zip(due, answers, strict=True)))
    return True


def queue(outbox: Outbox, webhook: Webhook) -> bool:
    """Queue the events after `after_seq`; True when there may be more of them."""
    now = outbox.clock.now()
    events = outbox.store.events(after=webhook.after_seq, limit=QUEUE_BATCH)
    if not events:
        return False
    fresh = tuple(_delivery(webhook, e, now) for e in events if hears(webhook, e))
    known = outbox.store.get_many(Delivery, [d.id for d in fresh])
    moved = webhook.model_copy(update={"after_seq": events[-1].seq})
    insert = tuple(d for d in fresh if d.id not in known)  # a replay may have come first
    outbox.store.apply(Change(insert=insert, replace=(moved,)), now=now, fence=outbox.fence)
    return len(events) == QUEUE_BATCH


def signing_keys(outbox: Outbox, webhook: Webhook) -> tuple[SecretStr, ...]:
    """The keys in force: the present one first, and the previous one while it is being changed."""
    until = webhook.previous_key_until
    changing = until is not None and outbox.clock.now() < until
    names = (KEY, PREVIOUS_KEY) if changing else (KEY,)
    sealed = ((name, outbox.store.secret(webhook.id, name)) for name in names)
    return tuple(outbox.secrets.unseal(webhook.id, name, one) for name, one in sealed if one)


def _delivery(webhook: Webhook, event: Event, now: datetime) -> Delivery:
    return Delivery(
        id=delivery_id(webhook, event.seq),
        webhook_id=webhook.id,
        event_seq=event.seq,
        next_at=now,
        created_at=now,
    )


def _due(outbox: Outbox, webhook: Webhook) -> list[tuple[Delivery, Event | None]]:
    now = outbox.clock.now()
    query = Query(
        conditions=(
            Condition("webhook_id", "exact", (webhook.id,)),
            Condition("state", "exact", ("pending",)),
            Condition("next_at", "lte", (now.timestamp(),)),
        ),
        ordering=(("next_at", False),),
        limit=SEND_BATCH,
    )
    found = outbox.store.search(Delivery, query).records
    return [(one, event_at(outbox.store, one.event_seq)) for one in found]


def event_at(store: Store, seq: int) -> Event | None:
    """One event by its number, or None when it is no longer kept."""
    found = store.events(after=seq - 1, limit=1)
    return found[0] if found and found[0].seq == seq else None


async def _try(
    outbox: Outbox,
    webhook: Webhook,
    one: tuple[Delivery, Event | None],
    keys: tuple[SecretStr, ...],
) -> Answer:
    delivery, event = one
    if event is None:
        return Answer(error="the event is no longer kept")
    message: Message = message_of(delivery.id, event)
    return await outbox.sender.send(webhook.url, message, keys, now=outbox.clock.now())


def _record(
    outbox: Outbox,
    webhook_id: str,
    tried: list[tuple[tuple[Delivery, Event | None], Answer]],
) -> None:
    now = outbox.clock.now()
    settled = tuple(settle(d, answer, lost=e is None, now=now) for (d, e), answer in tried)
    events = tuple(_given_up(one, now) for one in settled if one.state == "failed")
    outbox.store.apply(Change(replace=settled, events=events), now=now, fence=outbox.fence)
    if any(answer.gone for _, answer in tried):
        _switch_off(outbox, webhook_id, now)


def settle(delivery: Delivery, answer: Answer, *, lost: bool, now: datetime) -> Delivery:
    """The delivery after one more try."""
    attempts = delivery.attempts + 1
    if answer.delivered:
        state, at = "delivered", now
    elif lost or answer.gone:
        state, at = "failed", now
    else:
        again = next_try(delivery.id, failures=attempts, now=now, asked=answer.retry_after)
        state, at = ("pending", again) if again else ("failed", now)
    return delivery.model_copy(
        update={
            "state": state,
            "attempts": attempts,
            "next_at": at,
            "last_status": answer.status or None,
            "last_error": answer.error,
        }
    )


def _given_up(delivery: Delivery, now: datetime) -> Event:
    return Event(
        at=now,
        actor="webhooks",
        kind="webhook.failed",
        subject=f"webhook:{delivery.webhook_id}",
        new=delivery.id,
        why=delivery.last_error,
    )


def _switch_off(outbox: Outbox, webhook_id: str, now: datetime) -> None:
    """410: the receiver wants no more, as the specification has it."""
    webhook = outbox.store.get(Webhook, webhook_id)
    if webhook is None or not webhook.enabled:
        return
    why = "the receiver answered 410 Gone"
    off = webhook.model_copy(update={"enabled": False, "disabled_why": why})
    event = Event(
        at=now, actor="webhooks", kind="webhook.disabled", subject=f"webhook:{webhook.id}", why=why
    )
    outbox.store.apply(Change(replace=(off,), events=(event,)), now=now, fence=outbox.fence)
