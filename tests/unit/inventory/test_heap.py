"""A service asks the C library for few arenas, and lives where it has no such knob."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

from inventory.heap import bound_arenas

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
