"""A service asks the C library for few arenas, and lives where it has no such knob."""

from __future__ import annotations

import asyncio
import platform
import subprocess
import sys
from typing import Any, cast

import pytest

from inventory import heap
from inventory.heap import GIVE_BACK_EVERY_S, bound_arenas, give_back, keep_giving_back

MANY_THREADS = """
import concurrent.futures, ctypes, threading
from inventory.heap import bound_arenas
if {bound}:
    bound_arenas()
malloc = ctypes.CDLL(None).malloc
malloc.restype, malloc.argtypes = ctypes.c_void_p, (ctypes.c_size_t,)
together = threading.Barrier(8)
def take(_):
    together.wait()
    return {{malloc(40_000) >> 26 for _ in range(8)}}
with concurrent.futures.ThreadPoolExecutor(8) as threads:
    print(len(set().union(*threads.map(take, range(8)))))
"""

BUSY_ONCE = """
from inventory.heap import give_back
def resident():
    return int(open("/proc/self/statm").read().split()[1]) * 4096 >> 20
held = [bytes(20_000) for _ in range(5_000)]
last = bytes(20_000)  # above all of them: the arena's end cannot come down
held.clear()
before = resident()
give_back()
print(before - resident())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has arenas")
def test_eight_threads_share_two_arenas() -> None:
    def arenas(*, bound: bool) -> int:
        script = MANY_THREADS.format(bound=bound)
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
        return int(done.stdout)

    assert arenas(bound=True) <= 3  # two, and the one that lies across a boundary
    assert arenas(bound=False) > 3


def test_it_says_whether_the_library_has_the_knob() -> None:
    assert bound_arenas() is (platform.libc_ver()[0] == "glibc")


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc keeps what was freed")
def test_what_was_freed_below_what_is_held_goes_back_to_the_system() -> None:
    done = subprocess.run([sys.executable, "-c", BUSY_ONCE], capture_output=True, check=True)
    assert int(done.stdout) > 60


async def test_it_is_given_back_every_few_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[float | str] = []

    class Counting:
        async def sleep(self, delay_s: float) -> None:
            said.append(delay_s)
            if len(said) > 4:
                raise asyncio.CancelledError

    monkeypatch.setattr(heap, "give_back", lambda: said.append("back"))
    with pytest.raises(asyncio.CancelledError):
        await keep_giving_back(cast("Any", Counting()))
    assert said == [GIVE_BACK_EVERY_S, "back"] * 2 + [GIVE_BACK_EVERY_S]


def test_a_library_that_cannot_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    assert give_back() is (platform.libc_ver()[0] == "glibc")
    monkeypatch.setattr(heap.ctypes, "CDLL", lambda _: object())
    assert give_back() is False
