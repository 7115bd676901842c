"""A service's event loop has its turn soon, whatever its threads compute."""

from __future__ import annotations

import sys

import pytest

from inventory.threads import SWITCH_S, share_fairly


def test_threads_that_compute_hold_the_loop_up_for_half_a_millisecond() -> None:
    before = sys.getswitchinterval()
    try:
        share_fairly()
        assert sys.getswitchinterval() == pytest.approx(SWITCH_S)
    finally:
        sys.setswitchinterval(before)
