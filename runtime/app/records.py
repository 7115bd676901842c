"""The loops that work on records alone: webhooks, NetBox and what is kept for how long."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Awaitable
from typing import TYPE_CHECKING

from inventory.errors import Invalid
from inventory.leases import LeaseKeeper
from inventory.netbox.settings import NetBoxSettings
from inventory.outbound import standby
from inventory.outbound.deliverer import Outbox
from inventory.outbound.sending import Sender
from inventory.outbound.settings import WebhookSettings
from inventory.retention import Retention, RetentionSettings
from runtime.app.parts import Parts, owner, take_lease

if TYPE_CHECKING:
    from inventory.netbox.sync import NetBoxSync


def webhook_loop(parts: Parts) -> Awaitable[None]:
    """Deliveries to webhooks; where several services share a database, one of them."""

    def outbox(keeper: LeaseKeeper, sender: Sender) -> Outbox:
        return Outbox(
            store=parts.store,
            secrets=parts.box,
            clock=parts.clock,
            sender=sender,
            in_thread=asyncio.to_thread,
            fence=keeper.fence,
        )

    return standby.deliver(
        lambda: take_lease(parts, standby.LEASE),
        outbox,
        WebhookSettings().networks,
        parts.clock.sleep,
    )


def netbox_of(parts: Parts) -> NetBoxSync | None:
    """The sync with NetBox, where one is configured."""
    settings = NetBoxSettings()
    if not settings.url:
        return None
    try:
        from inventory.netbox.sync import NetBoxSync  # noqa: PLC0415 - pynetbox is an extra
    except ImportError as error:
        raise Invalid(
            "PODYARD_NETBOX_URL is set and pynetbox is not installed",
            hint="pip install 'podyard[netbox]'",
        ) from error
    return NetBoxSync(
        parts.store,
        parts.clock,
        settings,
        in_thread=asyncio.to_thread,
        worker=owner(),
        alone=parts.is_embedded,
    )


def retention(parts: Parts) -> Retention:
    """What deletes records that were kept for long enough."""
    return Retention(
        store=parts.store,
        clock=parts.clock,
        settings=RetentionSettings(),
        owner=f"{socket.gethostname()}/{os.getpid()}",
        in_thread=asyncio.to_thread,
    )
