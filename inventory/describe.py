"""Writes the API's description: `python -m inventory.describe > docs/reference/openapi.json`.

It needs no service and no state: the app is built on a store in memory that nobody will ask.
"""

from __future__ import annotations

import asyncio
import sys

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from inventory.api import build_api, openapi_text
from inventory.clock import SystemClock
from inventory.deps import ApiDeps
from inventory.secrets import SecretBox
from inventory.store.sql import SqlStore


def description() -> str:
    """The description as it is checked in."""
    store = SqlStore.open("sqlite://")
    try:
        deps = ApiDeps(
            store=store,
            clock=SystemClock(),
            secrets=SecretBox(AESGCM.generate_key(bit_length=256)),
            in_thread=asyncio.to_thread,
            wake=lambda: None,
        )
        return openapi_text(build_api(deps))
    finally:
        store.close()


if __name__ == "__main__":
    sys.stdout.write(description())
