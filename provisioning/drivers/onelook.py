"""One look at a host, in which each of its BMC's resources is read once.

The port's verbs stand for themselves: each finds its way from the host's System, so that an
observation of four verbs would read that one resource four times, over a network and at a BMC that
serve few reads at once. Within one look they share what was read, and tell of one moment. Changes
are no part of a look: whoever changes something reads afresh.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Protocol, cast, runtime_checkable


@runtime_checkable
class LooksOnce(Protocol):
    """A driver whose verbs can share what they read."""

    def one_look(self) -> AbstractContextManager[None]:
        """Until it ends, what was read is not read again, unless something is changed."""


def one_look(bmc: object) -> AbstractContextManager[None]:
    """A look at any BMC; where verbs share nothing, each reads for itself."""
    if not hasattr(bmc, "one_look"):  # asked at every look: a protocol's check costs ten times that
        return nullcontext()
    return cast("LooksOnce", bmc).one_look()
