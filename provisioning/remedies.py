"""What is tried, in which order, when a host stays in a state for longer than such a state takes.

Looking again is what the loop does anyway. When that was not enough for as long as the state may
take, the remedies of its ladder are tried one after the other, each once for each stay and each
with time to work: a fresh session, a restart of the BMC, power off and a new boot, and at last the
host is set apart for a person. The ladders are data, for people to read and to argue about.

What is tried is written down before it is done, so that a crash in the middle never tries it twice.
Nothing is tried while something that cannot be undone may be happening, and a host is never reset:
its power goes off, is seen off, and comes on with the next boot.

Pure: how long a state may take comes in as a number (`inventory.allowed`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from inventory.model import Host, Problem, Tried
from inventory.states import HostState

READ_AGAIN = "read again"
OVERSTAYED = "overstayed"
PASSED_OVER = "not possible"


class Remedy(StrEnum):
    """Everything that may be tried, as people are told it."""

    FRESH_SESSION = "a fresh session"
    RESTART_BMC = "restart the BMC"
    BOOT_AGAIN = "power off, see it off, boot again"
    SET_APART = "set it apart for a person"


@dataclass(frozen=True, slots=True)
class Rung:
    """One remedy, and how long its effect is waited for before the next one."""

    remedy: Remedy
    wait_s: float


@dataclass(frozen=True, slots=True)
class Next:
    """The next remedy and when it is due."""

    rung: Rung
    at: datetime


_SESSION = Rung(Remedy.FRESH_SESSION, 60.0)  # a dozen looks at the pace of the slowest state
_RESTART = Rung(Remedy.RESTART_BMC, 300.0)  # BMCs are away for 90-180 s, then read their sensors
_APART = Rung(Remedy.SET_APART, 0.0)
_BOOT = Rung(Remedy.BOOT_AGAIN, 60.0)  # it leaves the state; this only bounds one that does not

LADDERS: Mapping[HostState, tuple[Rung, ...]] = {
    HostState.REGISTERING: (_SESSION, _RESTART, _APART),
    HostState.INSPECTING: (_SESSION, _RESTART, _APART),
    HostState.PREPARING: (_SESSION, _RESTART, _APART),
    HostState.BOOTING: (_SESSION, _RESTART, _BOOT, _APART),
    HostState.CONFIGURING: (_BOOT, _APART),
    HostState.ACCEPTING: (_SESSION, _BOOT, _APART),
    HostState.CLEANING: (_SESSION, _RESTART, _APART),
}
"""What is tried in each state. A state without a ladder is only told of: in matching, draining and
repairing a host waits for people or for others, and nothing done to it would help."""

ONCE = frozenset({Remedy.RESTART_BMC, Remedy.BOOT_AGAIN})
"""What is not tried in each state anew, but once over all states of one way up."""


def late_since(host: Host, allowed_s: float | None) -> datetime | None:
    """When the host's time in its state runs out; None in a state without a limit."""
    if allowed_s is None:
        return None
    return counted_from(host) + timedelta(seconds=allowed_s)


def counted_from(host: Host) -> datetime:
    """Since when the host's own time counts."""
    return max(host.counted_from or host.state_since, host.state_since)


def stay(host: Host) -> tuple[Tried, ...]:
    """The remedies that were tried since the host came to its present state."""
    return tuple(one for one in host.tried if one.at > host.state_since)


def next_remedy(host: Host, allowed_s: float | None) -> Next | None:
    """The next rung and when it is due; None where no ladder helps, or its end was reached."""
    late = late_since(host, allowed_s)
    ladder = LADDERS.get(host.state, ())
    done = stay(host)
    if late is None or len(done) >= len(ladder):
        return None
    if not done:
        return Next(ladder[0], late)
    return Next(ladder[len(done)], max(late, done[-1].at + timedelta(seconds=_pause_s(host))))


def _pause_s(host: Host) -> float:
    """What was not possible needs no time to work."""
    done = stay(host)
    rung = LADDERS[host.state][len(done) - 1]
    return 0.0 if done[-1].outcome.startswith(PASSED_OVER) else rung.wait_s


def mend(
    host: Host,
    *,
    allowed_s: float | None,
    now: datetime,
    open_steps: frozenset[str] = frozenset(),
    reachable: bool = True,
) -> Remedy | None:
    """The remedy to try now; None while it is not late enough, or while trying could do harm."""
    if host.certificate_id:
        return None  # it is in the offer, and may have a claim
    upcoming = next_remedy(host, allowed_s)
    if upcoming is None or upcoming.at > now:
        return None
    remedy = upcoming.rung.remedy
    return None if open_steps and not _harmless(remedy, reachable=reachable) else remedy


def _harmless(remedy: Remedy, *, reachable: bool) -> bool:
    """What may be tried while something that cannot be undone was begun and is not settled.

    A session is only ours. A BMC that restarts, or a host that boots, could meet a flash in the
    middle; and a host is not set apart while somebody can watch how the flash ends.
    """
    return remedy is Remedy.FRESH_SESSION or (remedy is Remedy.SET_APART and not reachable)


def why_never(remedy: Remedy, host: Host) -> str:
    """Why a remedy is passed over on this host; empty when it may be tried."""
    if remedy not in ONCE:
        return ""
    done = any(one.remedy == remedy.value and not one.outcome for one in host.tried)
    return f"{PASSED_OVER}: it was done once already on this way up" if done else ""


def overstayed(host: Host, allowed_s: float | None, now: datetime) -> Problem | None:
    """What is said of a host that is late; None while it is not."""
    late = late_since(host, allowed_s)
    if late is None or now <= late:
        return None
    upcoming = next_remedy(host, allowed_s)
    stayed_s = (now - counted_from(host)).total_seconds()
    waits = f": {host.waiting}" if host.waiting else ""
    return Problem(
        kind=OVERSTAYED,
        message=f"{host.state} for {stayed_s:.0f} s; allowed are {allowed_s:.0f} s{waits}",
        since=late,
        tried=told(host),
        next_step=upcoming.rung.remedy.value if upcoming else READ_AGAIN,
        next_at=max(upcoming.at, now) if upcoming else now,
    )


def apart(host: Host, allowed_s: float | None, now: datetime) -> tuple[str, str]:
    """The message and the remedy of a host on which everything was tried."""
    trouble = host.problem
    why = trouble.message if trouble is not None and trouble.kind != OVERSTAYED else host.waiting
    stayed_s = (now - counted_from(host)).total_seconds()
    message = (
        f"{host.state} for {stayed_s:.0f} s, allowed are {allowed_s or 0:.0f} s; tried: "
        f"{', '.join(told(host))}; last: {why or 'at work'}"
    )
    return message, f"look at the host's console and its BMC, then podyard host retry {host.name}"


def told(host: Host) -> tuple[str, ...]:
    """What was tried in this stay, in words."""
    done = (f"{one.remedy} ({one.outcome})" if one.outcome else one.remedy for one in stay(host))
    return (READ_AGAIN, *done)
