"""A virtual fleet shared by several controllers, as several share a real one: pod by pod.

Each has a process, records, an event loop and a judge of its own, so that two cores work on one
run. What is the whole site's (how much may be flashed at once) is divided between them beforehand,
which never allows more than one controller would be allowed, and sometimes less. Each part's run
follows from the seed alone; the whole run's digest is that of the parts' digests, in their order.
"""

from __future__ import annotations

import contextlib
import gc
import hashlib
import logging
import multiprocessing
import resource
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Any

from provisioning.bench.bring_up import Part, Progress, Run, Wish, bring_up_part
from provisioning.bench.design import pods_of
from provisioning.bench.judge import EXAMPLES_MAX

SENT_EVERY_S = 0.5
SUMS = (
    "hosts",
    "ready",
    "parked",
    "lost",
    "double_destructive",
    "false_ready",
    "over_budget",
    "over_limits",
    "black_holed",
    "pods",
    "feeds",
    "flashes",
    "journal_lines",
    "exchanges",
    "sessions_left",
    "writes",
    "helped",
    "bugs",
)
WORST = ("virtual_seconds", "fullest_feed")
KIB_PER_MIB = 1024


class PartLost(RuntimeError):
    """A controller's process ended without saying how its run went."""

    def __init__(self, part: Part, exit_code: int | None) -> None:
        super().__init__(f"controller {part.number + 1} of {part.of} ended with {exit_code}")
        self.hint = "most often there was no memory left: fewer hosts, or a larger machine"


@dataclass(frozen=True, slots=True)
class _Ended:
    run: Run
    cpu_s: float
    memory_mib: int


def bring_up(
    wish: Wish, heard: Callable[[Progress], None] = lambda _progress: None
) -> dict[str, Any]:
    """Run the whole fleet, in this process when one controller has it all."""
    count = max(1, min(wish.controllers, pods_of(wish.hosts, wish.pod_hosts)))
    parts = [Part(number, count) for number in range(count)]
    ended = [_measured(wish, parts[0], heard)] if count == 1 else _side_by_side(wish, parts, heard)
    return _together(wish, ended)


def _together(wish: Wish, ended: Sequence[_Ended]) -> dict[str, Any]:
    """What all parts say as one."""
    said = [one.run.said for one in ended]
    ready = sorted(at_s for one in ended for at_s in one.run.ready_at_s)
    parked: Counter[str] = Counter()
    for one in said:
        parked.update(one["parked_for"])
    return {
        **{name: sum(one[name] for one in said) for name in SUMS},
        **{name: max(one[name] for one in said) for name in WORST},
        "journal_digest": _digest([one["journal_digest"] for one in said]),
        "flashes_at_once": _at_once([one["flashes_at_once"] for one in said]),
        "seed": wish.seed,
        "faults": wish.faults,
        "controllers": len(said),
        "parked_for": dict(parked.most_common()),
        "ready_p50_s": _at(ready, 0.50),
        "ready_p99_s": _at(ready, 0.99),
        "findings": [found for one in said for found in one["findings"]][:EXAMPLES_MAX],
        "cpu_seconds": round(sum(one.cpu_s for one in ended), 1),
        "memory_mib": sum(one.memory_mib for one in ended),
    }


def _at_once(parts: Sequence[dict[str, int]]) -> dict[str, int]:
    """No rack or feed is in two parts; the site's is at most what the parts' highest add up to."""
    found = {kind: max(part[kind] for part in parts) for kind in parts[0]}
    return {**found, "site": sum(part["site"] for part in parts)}


def _digest(digests: Sequence[str]) -> str:
    if len(digests) == 1:
        return digests[0]
    return f"sha256:{hashlib.sha256(chr(10).join(digests).encode()).hexdigest()}"


def _at(values: Sequence[float], share: float) -> float | None:
    return round(values[min(len(values) - 1, int(share * len(values)))], 1) if values else None


def _measured(wish: Wish, part: Part, heard: Callable[[Progress], None]) -> _Ended:
    began = time.process_time()
    run = bring_up_part(wish, part, heard)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // KIB_PER_MIB
    return _Ended(run, time.process_time() - began, memory)


def _side_by_side(
    wish: Wish, parts: Sequence[Part], heard: Callable[[Progress], None]
) -> list[_Ended]:
    context = multiprocessing.get_context("spawn")
    running: dict[Connection, tuple[Part, SpawnProcess]] = {}
    try:
        for part in parts:
            ours, theirs = context.Pipe(duplex=False)
            process = context.Process(target=_work, args=(wish, part, theirs), daemon=True)
            with _deaf():
                process.start()
            theirs.close()
            running[ours] = (part, process)
        return _gathered(running, heard)
    finally:
        for connection, (_, process) in running.items():
            process.terminate()
            process.join()
            connection.close()


@contextlib.contextmanager
def _deaf() -> Iterator[None]:
    """A process that is started now never hears Ctrl-C: it is its parent's, which then ends it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _gathered(
    running: dict[Connection, tuple[Part, SpawnProcess]], heard: Callable[[Progress], None]
) -> list[_Ended]:
    """Until every part has said how its run went."""
    ended: dict[int, _Ended] = {}
    last: dict[int, Progress] = {}
    while len(ended) < len(running):
        open_ones = [one for one, (part, _) in running.items() if part.number not in ended]
        for ready in wait(open_ones):
            connection = next(one for one in open_ones if one is ready)
            part, process = running[connection]
            try:
                news = connection.recv()
            except EOFError:
                process.join()
                raise PartLost(part, process.exitcode) from None
            if isinstance(news, _Ended):
                ended[part.number] = news
            else:
                last[part.number] = news
                heard(_sum(list(last.values())))
    return [ended[number] for number in sorted(ended)]


def _sum(parts: Sequence[Progress]) -> Progress:
    """The whole is as far as its last part."""
    return Progress(
        hosts=sum(one.hosts for one in parts),
        ready=sum(one.ready for one in parts),
        parked=sum(one.parked for one in parts),
        virtual_s=min(one.virtual_s for one in parts),
    )


def _work(wish: Wish, part: Part, out: Connection) -> None:
    """What a process of its own does."""
    logging.getLogger("podyard").setLevel(logging.CRITICAL)
    gc.disable()  # a hall is millions of objects and no cycles: searching took an eighth of a run
    sent = 0.0

    def tell(progress: Progress) -> None:
        nonlocal sent
        if time.monotonic() - sent >= SENT_EVERY_S:
            sent = time.monotonic()
            with contextlib.suppress(BrokenPipeError):
                out.send(progress)

    out.send(_measured(wish, part, tell))
    out.close()
