"""What a service has in hand, sampled over time, and whether it grows."""

from __future__ import annotations

import os
import signal
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

TOLD_WITHIN_S = 180.0
"""Long, for a machine that does much else: half an hour of samples must not be lost to one."""
GROWTH_MAX = 0.02
"""Of a level, over the whole time: less than this is nobody's leak in half an hour."""
SIGMAS = 3.0
ENOUGH = 3
"""Points of a trend."""


@dataclass
class Samples:
    """What was in hand, moment by moment."""

    samples: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    only_told: frozenset[str] = frozenset()
    """What follows the churn, and by itself says nothing."""

    def add(self, at: float, found: dict[str, float]) -> None:
        """Everything at one moment."""
        for name, value in found.items():
            self.samples.setdefault(name, []).append((at, value))

    def growth(self, *, warm_up: float = 0.3) -> dict[str, str]:
        """What grew beyond its noise after the warm-up, in words."""
        said = {}
        for name, points in self.samples.items():
            if name in self.only_told:
                continue
            kept = points[int(len(points) * warm_up) :]
            grown, noise, level = trend(kept)
            if grown > max(SIGMAS * noise, GROWTH_MAX * level):
                said[name] = f"grew by {grown:.1f} +- {noise:.1f} from {level:.1f}"
        return said

    def told(self, *, warm_up: float = 0.3) -> str:
        """Every trend, for people."""
        lines = []
        for name, points in self.samples.items():
            kept = points[int(len(points) * warm_up) :]
            if len(kept) < ENOUGH:
                continue
            grown, noise, level = trend(kept)
            lines.append(f"{name:<13} {level:8.1f}  grew by {grown:+.2f} +- {noise:.2f}")
        return "\n".join(lines)


@dataclass
class Watch(Samples):
    """Samples of one service and of the BMCs that it talks to."""

    service: int = 0
    state: Path = Path()
    hall: int = 0
    hall_state: Path = Path()

    def look(self) -> dict[str, float]:
        """One sample of everything."""
        proc = Path("/proc") / str(self.service)
        found = {
            "memory_mib": anonymous_mib(str(self.service)),
            "files": float(len(list((proc / "fd").iterdir()))),
            "threads": float(len(list((proc / "task").iterdir()))),
            "tasks": told(self.service, self.state / "tasks"),
            "bmc_sessions": told(self.hall, self.hall_state / "sessions"),
            "forgotten": float((self.hall_state / "forgotten-sessions").read_text()),
        }
        self.add(time.monotonic(), found)
        return found


def anonymous_mib(process: str) -> float:
    """Memory that is a process's own, by the kernel."""
    lines = (Path("/proc") / process / "status").read_text().splitlines()
    status = dict(line.split(":", 1) for line in lines if ":" in line)
    return int(status["RssAnon"].split()[0]) / 1024


def told(process: int, file: Path) -> float:
    """A number that a process writes down when it is asked to."""
    file.unlink(missing_ok=True)
    os.kill(process, signal.SIGUSR1)
    ends = time.monotonic() + TOLD_WITHIN_S
    while time.monotonic() < ends:
        if file.exists():
            return float(file.read_text())
        time.sleep(0.05)
    raise AssertionError(f"{file} was not written")


def trend(points: Sequence[tuple[float, float]]) -> tuple[float, float, float]:
    """Growth over the whole time by least squares, its standard error, and the mean."""
    times, values = [at for at, _ in points], [value for _, value in points]
    level = statistics.fmean(values)
    slope, start = statistics.linear_regression(times, values)
    span = times[-1] - times[0]
    left = [value - start - slope * at for at, value in points]
    spread = sum((at - statistics.fmean(times)) ** 2 for at in times)
    error = (sum(one**2 for one in left) / max(1, len(points) - 2) / spread) ** 0.5
    return slope * span, error * span, level
