"""Rounds that follow each other soon go over one connection; others connect anew."""

from __future__ import annotations

import pytest

from provisioning.drivers.redfish.transport import KEEPALIVE_S
from provisioning.telemetry.settings import SOON_S, TelemetrySettings


@pytest.mark.parametrize("every_s", [1, 2, SOON_S])
def test_a_connection_waits_for_the_next_round_where_that_is_soon(every_s: float) -> None:
    assert every_s < TelemetrySettings(every_s=every_s).keepalive_s <= 12


@pytest.mark.parametrize("every_s", [SOON_S + 1, 60, 300])
def test_no_connection_is_kept_for_as_long_as_a_bmc_hangs_up_after(every_s: float) -> None:
    assert TelemetrySettings(every_s=every_s).keepalive_s == KEEPALIVE_S
