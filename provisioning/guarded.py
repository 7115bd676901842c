"""The guarded action: how something that cannot be undone is done once.

No engine gives exactly-once against hardware: a crash, or a reply that was lost, leaves open
whether the act happened. The guard answers it by asking the hardware. An intent is durable *before*
the hardware is touched; while it is open nobody acts again until the question is settled:

- the effect is seen: done;
- the hardware is at it: wait;
- the hardware says that it failed: failed, a person decides; unless it says that the image never
  arrived, for then nothing was begun and it may be asked again;
- it was seen to begin, or its request was sent and the answer lost: it may be happening unseen, so
  it is waited for as long as such an act can take, and then a person decides: it never acts again.
  One case is known well enough to act once more, and only once: the BMC purged the update's task
  from its list, answered all the while, is at nothing, and reads the old version as before;
- there is no trace that a request was ever sent, and longer has passed than any request of an
  earlier life can be on its way (the grace): acting now is the first time;
- none of these: unknown. An unknown never acts. It parks for a person.

This module decides; `provisioning.acts` writes the intent and acts. Its tests include taking
each of these protections away and seeing a double in the simulator's journal.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from inventory.model import Intent
from provisioning.drivers.driveerase import DriveReading
from provisioning.drivers.protocol import TaskPhase, TaskReading
from provisioning.lifecycle.actions import EraseDrive, UpdateFirmware
from provisioning.lifecycle.decision import Seen

ACTS_MAX = 3
"""Proven not to have happened three times: another try would only repeat a BMC's fault."""
UNWATCHED_S = 30.0
"""Between two looks: no BMC that restarts, or whose power was lost, is back sooner."""


@dataclass(frozen=True, slots=True)
class Act:
    """No earlier life of this act is open: write an intent, then act."""


@dataclass(frozen=True, slots=True)
class Again:
    """Its task is gone and nothing was changed: once more, if a fresh session reads the same."""

    found: str


@dataclass(frozen=True, slots=True)
class Done:
    """The effect is there."""


@dataclass(frozen=True, slots=True)
class Pending:
    """It may be happening now: look again."""

    reason: str
    begun: bool = False
    """It was seen to be happening: to be remembered, for a BMC may forget it."""


@dataclass(frozen=True, slots=True)
class Failed:
    """It happened and did not work, or cannot be told."""

    reason: str


EraseSettlement = Act | Done | Pending | Failed
Settlement = EraseSettlement | Again


def settle_update(
    action: UpdateFirmware,
    intent: Intent | None,
    seen: Seen,
    *,
    grace_s: float,
    allowed_s: float,
) -> Settlement:
    """What became of a firmware update whose intent may have been left by an earlier life.

    `grace_s`: the longest that a request of an earlier life can be on its way. `allowed_s`: the
    longest that an update may take that cannot be watched.
    """
    if intent is None:
        return Act()
    component = action.item.component
    version = (seen.firmware or {}).get(component) or "unknown"
    if version == action.item.version:
        return Done()
    if intent.state == "done":
        return Failed(f"{action.step} was done before, and the version is {version} again")
    task = _task(intent, seen)
    if task is not None and task.phase is TaskPhase.RUNNING:
        return Pending(f"updating {component}: {task.percent or 0} %", begun=True)
    if any(t.phase is TaskPhase.RUNNING for t in seen.tasks):
        return Pending("another update is running on this BMC")
    if task is not None and task.phase is TaskPhase.FAILED:
        return _failed(intent, task, f"{component} is at {version}, not {action.item.version}")
    quiet_s = (seen.now - _last_touch(intent)).total_seconds()
    if quiet_s < grace_s:
        return Pending(f"settling: {grace_s - quiet_s:.0f} s until a lost request is ruled out")
    if task is not None and task.phase is TaskPhase.DONE:
        return Failed(
            f"the BMC says the update is done, and {component} is still {version}, "
            f"not {action.item.version}"
        )
    found = f"{component} is still {version}, not {action.item.version}"
    if may_have_begun(intent) and quiet_s < allowed_s:
        left_s = allowed_s - quiet_s
        return Pending(f"{component} may be updating unseen: looked for {left_s:.0f} s more")
    return _over_unseen(intent, version, found)


def settle_erase(
    action: EraseDrive,
    intent: Intent | None,
    seen: Seen,
    *,
    grace_s: float,
    allowed_s: float,
) -> EraseSettlement:
    """What became of an erase. Done means no more than this: what the drive holds is to be read.

    So what nobody can tell is neither asked of a person nor done again: the read will show it.
    """
    if intent is None:
        return Act()
    if intent.state == "done":
        return Done()
    if intent.arguments.get("unsent"):
        return Act()
    drive = next((d for d in seen.drives or () if d.serial == action.serial), None)
    task = _erase_task(intent, seen, where=drive.uri if drive is not None else "")
    quiet_s = (seen.now - _last_touch(intent)).total_seconds()
    if (drive is not None and drive.erasing) or (task and task.phase is TaskPhase.RUNNING):
        if quiet_s > allowed_s:
            return Failed(f"still not at its end after {quiet_s:.0f} s")
        percent = task.percent if task is not None else drive and drive.percent
        return Pending(f"erasing {action.slot}: {percent or 0} %", begun=True)
    if task is not None and task.phase is TaskPhase.FAILED:
        return Failed(f"refused: {task.message or 'no reason given'}")
    if task is not None and task.phase is TaskPhase.DONE:
        return Done()
    if quiet_s < grace_s:
        return Pending(f"settling: {grace_s - quiet_s:.0f} s until a lost request is ruled out")
    return _unwatched(intent, drive, left_s=allowed_s - quiet_s)


def _unwatched(intent: Intent, drive: DriveReading | None, *, left_s: float) -> EraseSettlement:
    """Nothing shows an erase, and no request can be on its way any more."""
    if drive is None:
        return Failed("its BMC does not show the drive any more")
    if may_have_begun(intent) and drive.erasing is None and left_s > 0:
        return Pending(f"{drive.slot} may be being erased unseen: {left_s:.0f} s more")
    return Done()


def _erase_task(intent: Intent, seen: Seen, *, where: str) -> TaskReading | None:
    """The task that its answer named; else a new one that is about this drive, or hides what of."""
    uri = intent.arguments.get("task", "")
    before = set(intent.arguments.get("tasks_before", ()))
    for task in seen.erasing:
        new = not uri and task.uri not in before
        if task.uri == uri or (new and (not task.about or task.about.startswith(f"{where}/"))):
            return task
    return None


def may_have_begun(intent: Intent) -> bool:
    """It was seen running, its task was named, or its request was sent and no answer came."""
    return any(intent.arguments.get(trace) for trace in ("begun", "task", "lost"))


def watched(intent: Intent, now: datetime) -> Intent:
    """The intent with this look noted, and whether the BMC was ever out of sight for long."""
    known = intent.arguments
    looked = known.get("looked_at")
    last = datetime.fromisoformat(looked) if looked else _last_touch(intent)
    unwatched = known.get("unwatched", False) or (now - last).total_seconds() > UNWATCHED_S
    noted = {**known, "looked_at": now.isoformat(), "unwatched": unwatched}
    return intent.model_copy(update={"arguments": noted})


def _over_unseen(intent: Intent, version: str, found: str) -> Settlement:
    """Nobody is at it, and nobody can be any more. What may be half written is not repeated.

    A BMC that lost one task loses more: that its second try shows none proves nothing.
    """
    known = intent.arguments
    if known.get("retried"):
        return Failed(f"the BMC lost sight of the update, and of one more try, and {found}")
    if not may_have_begun(intent):
        return _again(intent)
    seen_to_begin = bool(known.get("task") or known.get("begun"))
    unchanged = version == known.get("from") != "unknown"
    if seen_to_begin and unchanged and not known.get("unwatched"):
        return Again(found)
    return Failed(f"the BMC lost sight of the update, and {found}")


def _failed(intent: Intent, task: TaskReading, found: str) -> Settlement:
    """The hardware's own verdict; only an image that never arrived leaves nothing begun."""
    if task.nothing_written:
        return _again(intent)
    return Failed(f"the BMC says the update failed: {task.message or 'no reason given'}; {found}")


def _again(intent: Intent) -> Settlement:
    """It is proven that nothing happened; some BMCs prove it for ever."""
    if int(intent.arguments.get("acts", 0)) >= ACTS_MAX:
        return Failed(f"asked {ACTS_MAX} times, and nothing was ever seen to begin")
    return Act()


def _task(intent: Intent, seen: Seen) -> TaskReading | None:
    """Our task: by its URI if the reply arrived, else the one that was not there before."""
    uri = intent.arguments.get("task", "")
    before = set(intent.arguments.get("tasks_before", ()))
    for task in seen.tasks:
        if task.uri == uri or (not uri and task.uri not in before):
            return task
    return None


def _last_touch(intent: Intent) -> datetime:
    touched = intent.arguments.get("touched_at")
    return datetime.fromisoformat(touched) if touched else intent.created_at
