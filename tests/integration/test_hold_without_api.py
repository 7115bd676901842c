"""The fleet hold with the API down: a file, made by hand, against controllers that are at work."""

from __future__ import annotations

import time

import pytest

from provisioning.simulator.journal import Entry
from tests.bed import Bed, bed

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

ACTS = frozenset(
    {
        "boot.override",
        "firmware.update.start",
        "media.eject",
        "media.insert",
        "power.off",
        "power.on",
    }
)
"""What somebody asked of the hardware; what it does by itself afterwards is no act."""
UNDER_WAY_S = 8.0
"""A request that was sent before the file was there has arrived by then, also on a busy machine."""
STILL_S = 10.0


def acts(entries: list[Entry]) -> list[Entry]:
    """What was done to hosts."""
    return [one for one in entries if one["what"] in ACTS]


def controllers_alone(one: Bed) -> None:
    """The same service without its API: nobody can be asked any more."""
    one.kill_service()
    one.start_service(role="provisioning", ready=False)


def test_a_file_made_by_hand_holds_controllers_whose_api_is_down() -> None:
    with bed(speed=1.0) as one:
        one.start_hall()
        one.start_service()
        one.login()
        one.apply_pod()
        one.approve(one.plan()["digest"])
        controllers_alone(one)
        one.wait(120, lambda: acts(one.journal))
        assert not one.answers()

        (one.directory / "service" / "hold").touch()
        time.sleep(UNDER_WAY_S)
        held_at = one.journal[-1]["seq"]
        done = len(acts(one.journal))
        time.sleep(STILL_S)

        later = [e for e in acts(one.journal) if e["seq"] > held_at]
        assert later == []
        assert one.processes["service"].poll() is None
        # It was in the middle of something: without the hold more would have come.
        (one.directory / "service" / "hold").unlink()
        one.wait(120, lambda: len(acts(one.journal)) > done)
