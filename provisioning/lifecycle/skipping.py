"""What a person may say need not be waited for, and for how long that is believed.

A skip never makes a host ready with something unproven: floors, firmware, identity and mismatches
cannot be skipped, only waiting for other hosts and work that a person did by hand. It holds for the
stay in which it was said: a host that comes to the same state again is asked about anew.
"""

from __future__ import annotations

from typing import Literal

from inventory.model import Host

What = Literal["canary", "clean", "configure", "update"]


def has_skipped(host: Host, what: What) -> bool:
    """Whether a person said so since the host came to its present state."""
    said = host.skipped
    return said is not None and said.what == what and said.at >= host.state_since
