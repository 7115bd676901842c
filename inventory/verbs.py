"""What people may say of a host, in every state: what each word changes on its record, or why not.

A verb never moves a host's state: it writes what is wished, and the controller goes there by its
own rules, after it has driven to a known end whatever cannot be undone. A later wish replaces an
earlier one: wanting a host somewhere, aborting and retrying end a pause and a quarantine.

Pure, so that one table can try every verb in every state.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from inventory.model import Host, Skipped
from inventory.states import HostState

Fields = Mapping[str, object]


class Verb(StrEnum):
    """The words."""

    ABORT = "abort"
    PAUSE = "pause"
    RESUME = "resume"
    RETRY = "retry"
    SKIP = "skip"
    QUARANTINE = "quarantine"


NEEDS_WHY = frozenset({Verb.PAUSE, Verb.SKIP, Verb.QUARANTINE})
"""Who finds the host like this tomorrow must be told why."""


@dataclass(frozen=True, slots=True)
class NotNow:
    """Why a verb is refused: the field that speaks against it, its value, and what to do."""

    path: str
    value: str
    message: str
    hint: str


@dataclass(frozen=True, slots=True)
class Wish:
    """Who says what, when and why. `open_steps`: acts that were begun and not settled."""

    verb: Verb
    by: str
    at: datetime
    why: str = ""
    open_steps: Collection[str] = ()


def fields_of(wish: Wish, host: Host) -> Fields | NotNow:
    """What the verb changes on the record, or why it is refused."""
    if host.state is HostState.RETIRED:
        return NotNow(
            "state",
            host.state.value,
            f"host {host.name} is retired, and stays it",
            f"podyard host forget {host.name} frees its slot",
        )
    if wish.verb in NEEDS_WHY and not wish.why.strip():
        return NotNow(
            "why",
            wish.why,
            f"{wish.verb} needs a reason",
            f"podyard host {wish.verb} {host.name} --why TEXT",
        )
    match wish.verb:
        case Verb.ABORT:
            return _aborted(host)
        case Verb.PAUSE:
            return {"paused": wish.why.strip()}
        case Verb.RESUME:
            return _resumed(host, wish)
        case Verb.RETRY:
            return retried(host, wish.at)
        case Verb.SKIP:
            return _skipped(host, wish)
        case Verb.QUARANTINE:
            return {"quarantine": wish.why.strip(), "paused": ""}


def _aborted(host: Host) -> Fields | NotNow:
    """Back to rest, clean: what is under way ends first, and nothing new begins."""
    idle = host.state is HostState.ENROLLED and host.target == "enrolled"
    if host.state is HostState.READY or idle:
        return NotNow(
            "state",
            host.state.value,
            f"host {host.name} is {host.state}: nothing is under way that could be aborted",
            f"podyard host want {host.name} enrolled takes it out of the offer",
        )
    return {"target": "enrolled", "maintenance": "", "paused": "", "quarantine": ""}


def _resumed(host: Host, wish: Wish) -> Fields | NotNow:
    if not host.paused:
        return NotNow(
            "paused",
            "",
            f"host {host.name} is not paused",
            f"podyard host why {host.name} says what it waits for",
        )
    return {"paused": "", "counted_from": wish.at}


def retried(host: Host, at: datetime) -> Fields:
    """What retry changes. A part may have been replaced: facts that parked a host are read anew."""
    again: dict[str, object] = {"facts": None} if host.state is HostState.MATCHING else {}
    parked = host.problem is not None and host.problem.parked
    if parked and host.state in {HostState.INSPECTING, HostState.BOOTING}:
        again = {"boot": None}  # its tries are used up; a host still on is switched off first
    repaired = {"target": "ready", "maintenance": ""} if host.target == "repairing" else {}
    return {
        "problem": None,
        "acceptance_order": "",
        "waiting": "",
        "paused": "",
        "quarantine": "",
        "tried": (),
        "setbacks": 0,
        "leak": "",
        "counted_from": at,
        **again,
        **repaired,
    }


def _skipped(host: Host, wish: Wish) -> Fields | NotNow:
    """Only waiting for others, and work that a person did by hand: never what proves the host."""
    problem = host.problem
    kind = problem.kind if problem is not None else ""
    if wish.open_steps and problem is not None:
        return _skips("update", wish)
    if host.state is HostState.CONFIGURING and kind == "configure-failed":
        return _skips("configure", wish)
    if host.state is HostState.MATCHING and problem is None:
        return _skips("canary", wish)
    if host.state is HostState.CLEANING and kind == "no-bmc":
        return _skips("clean", wish)
    if problem is not None:
        return NotNow(
            "problem.kind",
            kind,
            f"{kind} cannot be skipped: a host is only ready when it was proven",
            problem.remedy or f"podyard host why {host.name}",
        )
    return NotNow(
        "state",
        host.state.value,
        f"host {host.name} waits for nothing in {host.state} that could be skipped",
        "only the canary's turn, a failed configuration done by hand, and an update that "
        f"nobody can settle are skipped; see podyard host why {host.name}",
    )


def _skips(what: str, wish: Wish) -> Fields:
    said = Skipped.model_validate(
        {"what": what, "why": wish.why.strip(), "by": wish.by, "at": wish.at}
    )
    return {"skipped": said, "problem": None, "waiting": ""}
