"""How often somebody may ask: token buckets in memory, and waiting that grows with failures.

Both live in this process and are bounded: who was not seen for longest is forgotten first, so a
flood of invented names costs memory for a fixed number of them. A restart forgives at most one
bucket. Several processes each allow as much: the limits protect the service, they do not bill.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta

REMEMBERED_MAX = 20_000
"""Names at most; with their buckets about 5 MiB."""


@dataclass(frozen=True, slots=True)
class Rate:
    """So many at once, and so many more every second."""

    burst: int
    per_s: float

    @classmethod
    def per_minute(cls, count: int) -> Rate:
        """A minute's worth at once, refilled steadily."""
        return cls(burst=count, per_s=count / 60)


@dataclass(frozen=True, slots=True)
class Allowance:
    """What became of one request."""

    allowed: bool
    limit: int
    remaining: int
    retry_after_s: float
    reset_s: float
    """Until the whole burst is there again."""

    def headers(self) -> dict[str, str]:
        """As draft-ietf-httpapi-ratelimit-headers and RFC 9110 (`Retry-After`) spell it."""
        told = {
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Remaining": str(self.remaining),
            "RateLimit-Reset": str(math.ceil(self.reset_s)),
        }
        if not self.allowed:
            told["Retry-After"] = str(max(1, math.ceil(self.retry_after_s)))
        return told


@dataclass(slots=True)
class _Bucket:
    level: float
    at: datetime


class Buckets:
    """One bucket a name."""

    def __init__(self, *, remembered_max: int = REMEMBERED_MAX) -> None:
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()
        self._remembered_max = remembered_max

    def take(self, name: str, rate: Rate, *, now: datetime) -> Allowance:
        """Count one, unless it is one too many: a refused one is not counted."""
        bucket = self._buckets.get(name)
        if bucket is None:
            bucket = self._buckets[name] = _Bucket(float(rate.burst), now)
            while len(self._buckets) > self._remembered_max:
                self._buckets.popitem(last=False)
        self._buckets.move_to_end(name)
        passed_s = max(0.0, (now - bucket.at).total_seconds())  # a clock may be set back
        bucket.level = min(float(rate.burst), bucket.level + passed_s * rate.per_s)
        bucket.at = now
        allowed = bucket.level >= 1.0
        if allowed:
            bucket.level -= 1.0
        return Allowance(
            allowed=allowed,
            limit=rate.burst,
            remaining=int(bucket.level),
            retry_after_s=0.0 if allowed else (1.0 - bucket.level) / rate.per_s,
            reset_s=(rate.burst - bucket.level) / rate.per_s,
        )

    def __len__(self) -> int:
        return len(self._buckets)


@dataclass(frozen=True, slots=True)
class _Failures:
    count: int
    until: datetime


class Backoff:
    """Waiting after failures: none for the first few, then doubling up to a limit.

    The name may be one that does not exist: it waits just the same, so waiting tells nobody which
    accounts there are.
    """

    def __init__(
        self,
        *,
        free: int = 5,
        first: timedelta = timedelta(seconds=1),
        longest: timedelta = timedelta(minutes=5),
        remembered_max: int = REMEMBERED_MAX,
    ) -> None:
        self._free = free
        self._first = first
        self._longest = longest
        self._remembered_max = remembered_max
        self._failures: OrderedDict[str, _Failures] = OrderedDict()

    def wait_s(self, name: str, *, now: datetime) -> float:
        """How long this name must wait still; 0: it may try."""
        known = self._failures.get(name)
        return 0.0 if known is None else max(0.0, (known.until - now).total_seconds())

    def failed(self, name: str, *, now: datetime) -> None:
        """Count a failure."""
        known = self._failures.pop(name, None)
        count = 1 + (known.count if known else 0)
        over = max(0, count - self._free)
        doubled = self._first * 2 ** min(over - 1, 30) if over else timedelta()
        self._failures[name] = _Failures(count, now + min(self._longest, doubled))
        while len(self._failures) > self._remembered_max:
            self._failures.popitem(last=False)

    def succeeded(self, name: str) -> None:
        """Forget the failures."""
        self._failures.pop(name, None)
