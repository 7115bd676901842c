"""Decides on claims until it is killed: a process of its own, because a kill spares nothing.

    python -m tests.contract.store.claims_worker URL PUBLIC_KEY_HEX FIRST_SECOND SECONDS

Time is its own: each look is ten seconds later, from the first second given on, so that claims of
hours end within a test. It says `looked` after each look.
"""

from __future__ import annotations

import sys
from datetime import timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from inventory.store.sql import SqlStore
from pods.keys import keyring
from runtime.binding import Binding
from tests.unit.runtime_control.builders import START


def main(url: str, public_key: str, first_second: int, seconds: int) -> None:
    """Take the lease, then look again and again."""
    ring = keyring((Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_key)), "simulated"))
    store = SqlStore.open(url)
    began = START + timedelta(seconds=first_second)
    until = began + timedelta(seconds=seconds)
    fence = store.take_lease("runtime", f"w{first_second}", now=began, until=until, alone=True)
    if fence is None:
        raise SystemExit("the lease is held")
    binding = Binding(store, ring, fence)
    for second in range(0, seconds, 10):
        binding.step(began + timedelta(seconds=second))
        sys.stdout.write("looked\n")
        sys.stdout.flush()
    store.close()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
