"""How well a host is, out of what its parts say."""

from __future__ import annotations

from typing import Any

import pytest

from inventory.states import Health
from pods.facts import CoolingPartFact, LeakDetectorFact, PowerSupplyFact
from provisioning.lifecycle.health import health_of
from tests.make import make_facts

FAN = CoolingPartFact(slot="Fan.1", kind="fan", health="OK")


@pytest.mark.parametrize(
    ("parts", "health"),
    [
        ({}, Health.UNKNOWN),
        ({"cooling": (FAN,)}, Health.OK),
        ({"cooling": (FAN, FAN.model_copy(update={"health": "Warning"}))}, Health.WARNING),
        (
            {"cooling": (FAN,), "leak_detectors": (LeakDetectorFact(slot="L", state="Critical"),)},
            Health.CRITICAL,
        ),
        (
            {"power_supplies": (PowerSupplyFact(slot="P", input_status="LossOfInput"),)},
            Health.WARNING,
        ),
        ({"leak_detectors": (LeakDetectorFact(slot="L", state="Unavailable"),)}, Health.UNKNOWN),
    ],
)
def test_the_worst_that_any_part_says_counts(parts: dict[str, Any], health: Health) -> None:
    assert health_of(make_facts(**parts)) is health


def test_a_host_that_nobody_read_is_unknown() -> None:
    assert health_of(None) is Health.UNKNOWN
