"""Whose turn it is: pods share the free places, however many hosts each has.

The pod that has the fewest hosts at work goes first, and within a pod whoever has been due longest.
So a pod of five hosts is done in the time that its own work takes, beside one of five thousand.
Hosts that hold what others wait for (a place for an update, watts of a feed) go ahead of them:
while thousands wait for a place, whoever has one must not stand in their line. Every fourth turn is
the line's all the same, so that nobody waits for ever.
Pure: it is told who waits and who is at work, and names the next ones.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

AHEAD = 3
"""Turns of those that are ahead, for each one of the line."""


@dataclass(slots=True)
class Turns:
    """Everybody who waits, by pod."""

    _waiting: dict[str, deque[str]] = field(default_factory=dict)
    _pods: dict[str, str] = field(default_factory=dict)
    """Host to pod, of those who wait or are at work."""

    def waiting(self, due: Iterable[tuple[str, str]], *, ahead: Collection[str] = ()) -> None:
        """These wait, longest due first: host and pod. `ahead`: who holds what others need."""
        lines: dict[str, tuple[deque[str], deque[str]]] = {}
        for host, pod in due:
            lines.setdefault(pod, (deque(), deque()))[host in ahead].append(host)
            self._pods[host] = pod
        self._waiting = {pod: _merged(*line) for pod, line in lines.items()}

    def pick(self, room: int, *, busy: Collection[str]) -> list[str]:
        """The next ones, each named once until it is told again that it waits."""
        at_work = Counter(self._pods[host] for host in busy if host in self._pods)
        found: list[str] = []
        while len(found) < room and self._waiting:
            pod = min(self._waiting, key=lambda one: at_work[one])
            queue = self._waiting[pod]
            host = queue.popleft()
            if not queue:
                del self._waiting[pod]
            if host not in busy:
                found.append(host)
                at_work[pod] += 1
        if not self._waiting:
            self._pods = {host: self._pods[host] for host in (*busy, *found) if host in self._pods}
        return found


def _merged(line: deque[str], ahead: deque[str]) -> deque[str]:
    """Both in their order: of each four, three that are ahead."""
    if not ahead:
        return line
    found: deque[str] = deque()
    while ahead and line:
        for _ in range(min(AHEAD, len(ahead))):
            found.append(ahead.popleft())
        found.append(line.popleft())
    found.extend(ahead or line)
    return found
