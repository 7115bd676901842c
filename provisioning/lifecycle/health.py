"""How well a host is, out of what its BMC tells of its parts: beside the state, never instead."""

from __future__ import annotations

from collections.abc import Iterator

from inventory.states import Health
from pods.facts import HardwareFacts

_GRAVE = {"Critical": Health.CRITICAL, "Warning": Health.WARNING, "OK": Health.OK}
_ORDER = (Health.CRITICAL, Health.WARNING, Health.OK)


def health_of(facts: HardwareFacts | None) -> Health:
    """The worst that any part says of itself; Unknown where no part says anything.

    A supply without input is a warning, not a fault: the other feed carries the host.
    """
    said = set(_readings(facts)) if facts is not None else set()
    return next((one for one in _ORDER if one in said), Health.UNKNOWN)


def _readings(facts: HardwareFacts) -> Iterator[Health]:
    for told in (
        *(one.health for one in facts.power_supplies),
        *(one.health for one in facts.cooling),
        *(one.state for one in facts.leak_detectors),
    ):
        if told in _GRAVE:
            yield _GRAVE[told]
    if any(one.input_status == "LossOfInput" for one in facts.power_supplies):
        yield Health.WARNING
