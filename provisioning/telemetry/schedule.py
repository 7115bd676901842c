"""When each host is read: spread over the period, and apart from those that do not answer.

Every host has a moment of its own in the period, from a seed and its id, so that a thousand BMCs
are not all asked in one second, and a restart asks them in the same order. A BMC that did not
answer is asked again after twice the time, and then twice that, in a lane of its own: it waits
among its like and takes nobody's turn.
"""

from __future__ import annotations

import hashlib
import heapq
import math
from collections.abc import Collection
from dataclasses import dataclass

DOUBLINGS_MAX = 10


@dataclass(slots=True)
class _Turn:
    due: float
    failures: int = 0
    busy: bool = False


class Schedule:
    """Whose turn it is. Knows ids and moments, and does nothing itself."""

    def __init__(self, *, every_s: float, longest_s: float, seed: int) -> None:
        self._every_s = every_s
        self._longest_s = longest_s
        self._seed = seed
        self._turns: dict[str, _Turn] = {}
        self._lanes: tuple[list[tuple[float, str]], list[tuple[float, str]]] = ([], [])

    def follow(self, hosts: Collection[str], *, now: float) -> list[str]:
        """These are the hosts from now on; which ones are no more."""
        wanted = set(hosts)
        gone = [host for host in self._turns if host not in wanted]
        for host in gone:
            del self._turns[host]
        for host in wanted - self._turns.keys():
            self._put(host, _Turn(due=self._next(host, now)))
        return gone

    def take(self, *, now: float, room: int, suspects_room: int) -> list[str]:
        """Whose turn it is, at most so many of each lane; each is busy until `done`."""
        return [
            *self._take(self._lanes[0], now, room),
            *self._take(self._lanes[1], now, suspects_room),
        ]

    def done(self, host: str, *, now: float, answered: bool) -> None:
        """It was read, or was not."""
        turn = self._turns.get(host)
        if turn is None:
            return
        turn.busy = False
        turn.failures = 0 if answered else turn.failures + 1
        if answered:
            turn.due = self._next(host, now)
        else:
            pause_s = self._every_s * 2 ** min(turn.failures, DOUBLINGS_MAX)
            turn.due = now + min(pause_s, self._longest_s) * (0.9 + 0.2 * self.share(host))
        self._put(host, turn)

    def hurry(self, host: str, *, now: float) -> None:
        """Something happened there: it is due now, unless it does not answer anyway."""
        turn = self._turns.get(host)
        if turn is not None and not turn.busy and not turn.failures and turn.due > now:
            turn.due = now
            self._put(host, turn)

    def is_suspect(self, host: str) -> bool:
        """Whether it did not answer last time."""
        turn = self._turns.get(host)
        return turn is not None and turn.failures > 0

    def late_s(self, *, now: float) -> float:
        """How long the next healthy host has been waiting: the backlog, in time."""
        lane = self._lanes[0]
        return max(0.0, now - lane[0][0]) if lane else 0.0

    def _take(self, lane: list[tuple[float, str]], now: float, room: int) -> list[str]:
        found: list[str] = []
        while lane and lane[0][0] <= now and len(found) < room:
            due, host = heapq.heappop(lane)
            turn = self._turns.get(host)
            # What is no more, is busy, or was put in again for another moment is passed over.
            if turn is not None and not turn.busy and turn.due == due:
                turn.busy = True
                found.append(host)
        return found

    def _put(self, host: str, turn: _Turn) -> None:
        self._turns[host] = turn
        heapq.heappush(self._lanes[1 if turn.failures else 0], (turn.due, host))

    def _next(self, host: str, now: float) -> float:
        """Its own moment in the period, the next time it comes."""
        offset = self.share(host) * self._every_s
        periods = math.floor((now - offset) / self._every_s) + 1
        return periods * self._every_s + offset

    def share(self, host: str) -> float:
        """Its own place between nothing and one, the same in every life."""
        mark = hashlib.sha256(f"{self._seed}/{host}".encode()).digest()
        return int.from_bytes(mark[:4]) / 2**32
