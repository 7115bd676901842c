"""Faults of what stands between the grid and the hosts, and of what cools and joins them.

They strike no host but a feed (`feed/NAME`), or a machine by its name or by its rack (`rack/NAME`).
"""

from __future__ import annotations

from provisioning.simulator.kinds.registry import Subject

DISTRIBUTION = Subject("Power distribution, cooling and switches")


@DISTRIBUTION.fault("feed-dead")
def _feed_dead() -> None:
    """A feed has no voltage: its hosts run on their other one, or go dark with their BMCs."""


@DISTRIBUTION.fault("weak-breaker", ratio=0.5)
def _weak_breaker() -> None:
    """A feed's breaker opens as if its rating were `ratio` of what it says."""


@DISTRIBUTION.fault("pdu-off")
def _pdu_off() -> None:
    """Every outlet of a PDU is off; when that is over, all of them come back in one moment."""


@DISTRIBUTION.fault("failed-rectifier", slot="")
def _failed_rectifier() -> None:
    """A rectifier of a power shelf is Critical and delivers nothing."""


@DISTRIBUTION.fault("pump-fails", slot="")
def _pump_fails() -> None:
    """A pump of a CDU stands still: the flow of its loop falls by the pump's share."""


@DISTRIBUTION.fault("loop-leak", slot="", state="Critical")
def _loop_leak() -> None:
    """A leak detector of a CDU reports `state`: Critical, Warning or Unavailable."""


@DISTRIBUTION.fault("warm-supply", kelvin=12.0)
def _warm_supply() -> None:
    """A CDU's coolant leaves it `kelvin` warmer than designed."""


@DISTRIBUTION.fault("port-down", slot="")
def _port_down() -> None:
    """A port of a leaf switch is down and hears no neighbour."""
