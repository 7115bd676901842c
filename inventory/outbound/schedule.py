"""When an undelivered message is tried again, and when it is given up.

The waits are those that the Standard Webhooks specification recommends: quick at first, since most
receivers are only restarting, then slow for three days, since some are down for a weekend. Each
wait is lengthened by up to a tenth, spread by the message's own id, so that a receiver which comes
back is not met by everything at once; no randomness, so that a test can tell the time.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

WAITS = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
"""After the first failure, the second, …; one more failure and it is given up."""
RETRY_AFTER_MAX = timedelta(hours=24)
SPREAD = 0.1


def next_try(
    delivery_id: str, *, failures: int, now: datetime, asked: timedelta | None = None
) -> datetime | None:
    """When to try again after this many failures, or None: it is given up.

    `asked` is the receiver's own wish (`Retry-After`): honoured when it is later, up to a day.
    """
    if failures > len(WAITS):
        return None
    digest = hashlib.sha256(f"{delivery_id}/{failures}".encode()).digest()
    wait = WAITS[failures - 1] * (1 + SPREAD * digest[0] / 255)
    return now + max(wait, min(asked or timedelta(), RETRY_AFTER_MAX))
