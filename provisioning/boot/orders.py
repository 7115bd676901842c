"""Orders that cannot be taken back, and the leave that a host needs for them.

A boot that writes an image or erases drives carries its orders on its medium, and begins with them
when its agent was enrolled. Minutes lie between the medium and that moment: a person may hold the
fleet meanwhile, a controller may lose its lease, and a host may have been swapped. So the agent's
enrolment is the moment at which such a boot asks, and it is let in only with a leave that the
controller gave just now, by the rules of everything that cannot be undone. Until then it is told to
come back, which every agent does.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from inventory.model import BootRecord

LEAVE_VALID = timedelta(seconds=120)
"""An agent asks again within half a minute; what was right longer ago is asked anew."""
STEP = "inband:"
"""What the intents of such boots are called, before the name of their medium."""


def destroys(boot: BootRecord) -> bool:
    """Whether what runs in this boot writes over a disk, or may."""
    return boot.purpose == "deploy" or (boot.purpose == "read-drives" and bool(boot.erase))


def step_of(boot: BootRecord) -> str:
    """The name of its intent: each medium is one act."""
    return f"{STEP}{boot.purpose}:{boot.media_id[:12]}"


def may_begin(boot: BootRecord, *, now: datetime) -> bool:
    """Whether the controller gave its leave a moment ago."""
    given = boot.leave_given_at
    return given is not None and now - given <= LEAVE_VALID


def asks_for_leave(boot: BootRecord | None) -> bool:
    """Whether an agent asked since the last leave was given."""
    if boot is None or boot.leave_asked_at is None:
        return False
    return boot.leave_given_at is None or boot.leave_given_at < boot.leave_asked_at
