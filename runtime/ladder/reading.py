"""What a tool said, as measurements: the shape that every parser ends in.

A tool that printed nothing usable has measured nothing. Its exit code is not asked here: a tool may
end well and have measured nothing, and end badly after it told why.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

from pods.acceptance import Measurement

NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
SAID_MAX_CHARS = 300


class ToolSaidNothingError(Exception):
    """The output of a tool holds no result, or says that it failed."""


def each(test: str, unit: str, values: Mapping[str, float]) -> tuple[Measurement, ...]:
    """One measurement for each part, and the worst of them for the host."""
    strange = [part for part, value in values.items() if not math.isfinite(value) or value < 0]
    if not values or strange:
        raise ToolSaidNothingError(f"{test}: {', '.join(strange) or 'no part'} was not measured")
    whole = Measurement(test=test, value=min(values.values()), unit=unit)
    parts = (
        Measurement(test=test, value=value, unit=unit, part=part) for part, value in values.items()
    )
    return (whole, *parts) if len(values) > 1 else (whole,)


def one(test: str, unit: str, value: float) -> tuple[Measurement, ...]:
    """A figure of the whole host."""
    if not math.isfinite(value) or value < 0:
        raise ToolSaidNothingError(f"{test}: {value} is not a measurement")
    return (Measurement(test=test, value=value, unit=unit),)


def told(text: str) -> str:
    """The end of what a tool said, for a person: one line, nothing that a terminal acts upon."""
    line = re.sub(r"\s+", " ", "".join(c if c.isprintable() else " " for c in text)).strip()
    return line[-SAID_MAX_CHARS:] or "it printed nothing"
