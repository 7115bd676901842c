"""How many requests a key may make: a token bucket each, in memory.

A bucket of a minute's requests refills steadily, so a burst up to the limit passes and the average
holds. It lives and dies with this process: a restart forgives at most one minute.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

SECONDS_PER_MINUTE = 60.0


@dataclass(slots=True)
class _Bucket:
    level: float
    at: float


@dataclass(frozen=True, slots=True)
class Allowance:
    """What became of one request."""

    allowed: bool
    limit: int
    """Requests a minute; 0: none set."""
    remaining: int = 0
    retry_after_s: float = 0.0
    reset_s: float = 0.0
    """Until the bucket is full again."""


class RequestLimits:
    """Buckets by key id."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._buckets: dict[str, _Bucket] = {}

    def take(self, key_id: str, per_minute: int) -> Allowance:
        """Count one request, unless it is one too many: a refused one is not counted."""
        if per_minute <= 0:
            return Allowance(allowed=True, limit=0)
        now = self._monotonic()
        bucket = self._buckets.setdefault(key_id, _Bucket(float(per_minute), now))
        rate = per_minute / SECONDS_PER_MINUTE
        bucket.level = min(float(per_minute), bucket.level + (now - bucket.at) * rate)
        bucket.at = now
        allowed = bucket.level >= 1.0
        if allowed:
            bucket.level -= 1.0
        return Allowance(
            allowed=allowed,
            limit=per_minute,
            remaining=int(bucket.level),
            retry_after_s=0.0 if allowed else (1.0 - bucket.level) / rate,
            reset_s=(per_minute - bucket.level) / rate,
        )

    def forget_all_but(self, key_ids: frozenset[str]) -> None:
        """Keys that are gone need no bucket."""
        for gone in self._buckets.keys() - key_ids:
            del self._buckets[gone]
