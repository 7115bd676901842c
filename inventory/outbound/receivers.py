"""Which events a receiver hears of, and its signing keys: what decides, and touches nothing.

A key is `whsec_` and base64, as the Standard Webhooks specification has it. While a key is being
changed both sign, so that a receiver may take up the new one when it likes.
"""

from __future__ import annotations

import base64
import secrets
from datetime import timedelta

from pydantic import SecretStr

from inventory.event_kinds import fits
from inventory.model import Event
from inventory.webhooks import Webhook

KEY_BYTES = 32  # the specification asks for 24 to 64
KEY = "signing-key"
PREVIOUS_KEY = "previous-signing-key"
OVERLAP = timedelta(hours=24)
OWN_KINDS = "webhook."
"""Events about webhooks are told to none: a failing receiver would hear of its own failing."""


def new_key() -> SecretStr:
    """A signing key."""
    return SecretStr("whsec_" + base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode())


def hears(webhook: Webhook, event: Event) -> bool:
    """True when this receiver asked for such events."""
    if event.kind.startswith(OWN_KINDS):
        return False
    return not webhook.kinds or any(fits(form, event.kind) for form in webhook.kinds)


def delivery_id(webhook: Webhook, seq: int) -> str:
    """The same for the same event and receiver, always: queued twice is queued once."""
    return f"msg_{webhook.id}_{seq}"
