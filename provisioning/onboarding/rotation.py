"""The two phases of a new password, decided from what is stored and what opens the BMC.

The new password is stored as *pending* before the BMC hears of it, and the old one is given up only
after the new one has opened the BMC. So whenever the process dies, one of the two stored passwords
works, and which one is found out by logging in. A password that others know as well is given up
only after the BMC has refused it. Nothing here talks to anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from inventory.model import RotationPhase


class Opens(StrEnum):
    """Which of the stored passwords the BMC takes now."""

    UNASKED = "unasked"
    CURRENT = "current"
    PENDING = "pending"
    NEITHER = "neither"


class Old(StrEnum):
    """Whether the password that is to go still opens the BMC."""

    UNASKED = "unasked"
    REFUSED = "refused"
    OPENS = "opens"


@dataclass(frozen=True, slots=True)
class Known:
    """What this life of the process has learned. A new life knows nothing."""

    opens: Opens = Opens.UNASKED
    answer: str = ""
    """What the BMC said when it was given the pending password; empty: it was not asked."""
    shape: int = 0
    """Which shape of password comes next, when the BMC does not like the pending one's."""
    another: bool = False
    """Whether there is such a shape: the BMC refused the password, and nothing else was wrong."""
    old: Old = Old.UNASKED


@dataclass(frozen=True, slots=True)
class Rest:
    """Nothing is to be done."""


@dataclass(frozen=True, slots=True)
class StorePending:
    """Generate a password to the BMC's policy and store it beside the current one."""

    shape: int = 0


@dataclass(frozen=True, slots=True)
class Probe:
    """Log in with one stored password, and when it is refused with the other.

    The likelier one goes first, since a refused login counts towards the account's lock-out: the
    new one where the BMC answered that it took it, for some go on taking the old one for a while.
    """

    first: Opens


@dataclass(frozen=True, slots=True)
class SetPending:
    """Tell the BMC the pending password, once; whatever it answers, it is probed afterwards."""


@dataclass(frozen=True, slots=True)
class ProveClosed:
    """Log in with the password that others know: the BMC must refuse it by now."""


@dataclass(frozen=True, slots=True)
class StillOpen:
    """The BMC takes both: nothing is lost, and nothing won. It is looked at again."""


@dataclass(frozen=True, slots=True)
class Promote:
    """The pending password opened the BMC: it is the current one from now on."""


@dataclass(frozen=True, slots=True)
class GiveUp:
    """The BMC was asked, and the current password still opens it: the host goes on with that."""

    why: str


@dataclass(frozen=True, slots=True)
class Stuck:
    """Somebody else changed the account: a person gives the right password."""


RotationStep = (
    Rest | StorePending | Probe | SetPending | ProveClosed | StillOpen | Promote | GiveUp | Stuck
)


def decide_rotation(
    phase: RotationPhase, known: Known, *, factory: bool = False, held: bool = False
) -> RotationStep:
    """What comes next.

    `factory`: others know the current password as well. `held`: nothing may be changed, but what
    was changed is still recorded.
    """
    if phase == "":
        return Rest()
    if phase == "asked":
        return Rest() if held else StorePending(known.shape)
    match known.opens:
        case Opens.UNASKED:
            took = bool(known.answer) and not known.another
            return Probe(Opens.PENDING if took else Opens.CURRENT)
        case Opens.CURRENT if known.another and not held:
            return StorePending(known.shape)
        case Opens.CURRENT if known.answer:
            return GiveUp(known.answer)
        case Opens.CURRENT:
            return Rest() if held else SetPending()
        case Opens.PENDING:
            return _proven(known.old) if factory else Promote()
        case Opens.NEITHER:
            return Stuck()


def _proven(old: Old) -> RotationStep:
    match old:
        case Old.UNASKED:
            return ProveClosed()
        case Old.REFUSED:
            return Promote()
        case Old.OPENS:
            return StillOpen()
