"""The two phases of a BMC's new certificate, decided from what is stored and what the BMC shows.

The certificate is stored as *pending* before the BMC is given it, and the pin is moved only after
the BMC has shown it. So whenever the process dies, the BMC shows one of two certificates that are
on record, and which one is found out by a handshake that tells the BMC nothing. The same one is
installed again, never another: of two requests on their way either may be the last to arrive.
Nothing here talks to anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from inventory.model import RotationPhase


class Shows(StrEnum):
    """Which of the two certificates the BMC shows now."""

    UNASKED = "unasked"
    CURRENT = "current"
    PENDING = "pending"
    NEITHER = "neither"


@dataclass(frozen=True, slots=True)
class Known:
    """What this life of the process has learned. A new life knows nothing."""

    shows: Shows = Shows.UNASKED
    refused: str = ""
    """What the BMC said when it refused the pending certificate."""
    took: bool = False
    """It answered that it took it."""


@dataclass(frozen=True, slots=True)
class Rest:
    """Nothing is to be done."""


@dataclass(frozen=True, slots=True)
class StorePending:
    """Let the BMC make a key, sign what it asks for, and store that beside the current pin."""


@dataclass(frozen=True, slots=True)
class Shake:
    """A handshake under either pin: which certificate is shown?"""


@dataclass(frozen=True, slots=True)
class Install:
    """Give the BMC the pending certificate; whatever it answers, it is looked at afterwards."""


@dataclass(frozen=True, slots=True)
class Promote:
    """The BMC shows the pending one: it is the pin from now on."""


@dataclass(frozen=True, slots=True)
class GiveUp:
    """The BMC refused it and shows the one that is pinned: the host goes on with that."""

    why: str


@dataclass(frozen=True, slots=True)
class NotYet:
    """It took the certificate and shows the old one: some show it after a restart alone."""


@dataclass(frozen=True, slots=True)
class Changed:
    """It shows a third one: somebody else answers, or changed it."""


RenewalStep = Rest | StorePending | Shake | Install | Promote | GiveUp | NotYet | Changed


def decide_renewal(phase: RotationPhase, known: Known, *, held: bool = False) -> RenewalStep:
    """What comes next. `held`: nothing may be changed, but what was changed is still recorded."""
    if phase == "":
        return Rest()
    if phase == "asked":
        return Rest() if held else StorePending()
    match known.shows:
        case Shows.UNASKED:
            return Shake()
        case Shows.CURRENT if known.refused:
            return GiveUp(known.refused)
        case Shows.CURRENT if known.took:
            return NotYet()
        case Shows.CURRENT:
            return Rest() if held else Install()
        case Shows.PENDING:
            return Promote()
        case Shows.NEITHER:
            return Changed()
