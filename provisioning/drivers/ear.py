"""What a driver tells of its exchanges, so that whoever paces the work can learn from them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


class End(Protocol):
    """Called once when an exchange has ended."""

    def __call__(self, *, answered: bool | None) -> None:
        """Answered in time and not put off; None: we ended it ourselves, and nobody knows."""


class Ear(Protocol):
    """Hears one connection's exchanges, and knows what they usually take."""

    @property
    def width(self) -> int:
        """How many reads this BMC may be asked at once."""

    def patience_s(self) -> float | None:
        """How long an answer may take before a read is asked once more; None: nobody knows yet."""

    def begin(self, method: str) -> End:
        """An exchange is begun."""


@dataclass(frozen=True, slots=True)
class Deaf:
    """Hears nothing and knows nothing."""

    width: int = 3

    def patience_s(self) -> float | None:
        """Nobody knows."""
        return None

    def begin(self, method: str) -> End:  # noqa: ARG002 - the port's
        """Nothing is remembered."""
        return _unheard


def _unheard(*, answered: bool | None) -> None:
    """Nobody listens."""


DEAF = Deaf()
