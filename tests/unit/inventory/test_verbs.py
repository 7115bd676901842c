"""Every word that people may say of a host, in every state: what it changes, or why not."""

from __future__ import annotations

from typing import Any

import pytest

from inventory.model import Host, Problem, Skipped
from inventory.states import HostState, PowerState
from inventory.store.protocol import Change
from inventory.verbs import NEEDS_WHY, NotNow, Verb, Wish, fields_of
from tests.unit.inventory.conftest import Site
from tests.unit.inventory.records import NOW, make_host, make_intent

S = HostState
UP = (S.REGISTERING, S.INSPECTING, S.MATCHING, S.PREPARING, S.BOOTING, S.CONFIGURING, S.ACCEPTING)
DOWN = (S.DRAINING, S.CLEANING, S.REPAIRING)
PARKED = Problem(kind="boot-failed", message="no agent", since=NOW, remedy="look at its console")

REFUSED: dict[Verb, dict[HostState, tuple[str, str]]] = {
    Verb.ABORT: {
        S.ENROLLED: ("state", "enrolled"),
        S.READY: ("state", "ready"),
        S.RETIRED: ("state", "retired"),
    },
    Verb.PAUSE: {S.RETIRED: ("state", "retired")},
    Verb.RESUME: {
        **dict.fromkeys(HostState, ("paused", "")),
        S.RETIRED: ("state", "retired"),
    },
    Verb.RETRY: {S.RETIRED: ("state", "retired")},
    Verb.SKIP: {state: ("state", state.value) for state in HostState if state is not S.MATCHING},
    Verb.QUARANTINE: {S.RETIRED: ("state", "retired")},
}
"""Which verb is refused in which state of a host without trouble, by which field and value."""

EFFECTS: dict[Verb, dict[str, Any]] = {
    Verb.ABORT: {"target": "enrolled", "paused": "", "quarantine": ""},
    Verb.PAUSE: {"paused": "because"},
    Verb.RETRY: {"problem": None, "paused": "", "quarantine": "", "tried": ()},
    Verb.SKIP: {"problem": None},
    Verb.QUARANTINE: {"quarantine": "because", "paused": ""},
}


def host_in(state: HostState, **changes: Any) -> Host:
    target = "enrolled" if state in {S.ENROLLED, S.DRAINING, S.CLEANING} else "ready"
    return make_host(state=state, **{"target": target, **changes})


def asked(verb: Verb, host: Host, **wish: Any) -> Any:
    whole = {"by": "ann", "at": NOW, "why": "because", **wish}
    return fields_of(Wish(verb, **whole), host)


@pytest.mark.parametrize("state", HostState)
@pytest.mark.parametrize("verb", Verb)
def test_every_verb_in_every_state_has_its_effect_or_says_which_field_speaks_against_it(
    verb: Verb, state: HostState
) -> None:
    answer = asked(verb, host_in(state))

    refused = REFUSED[verb].get(state)
    if refused is not None:
        assert isinstance(answer, NotNow), answer
        assert (answer.path, answer.value) == refused
        assert "podyard " in answer.hint
        assert answer.message
    else:
        assert not isinstance(answer, NotNow), answer
        assert {name: answer[name] for name in EFFECTS[verb]} == EFFECTS[verb]
        assert "state" not in answer  # only the controller moves a host


@pytest.mark.parametrize("state", [state for state in HostState if state is not S.RETIRED])
@pytest.mark.parametrize("verb", [Verb.ABORT, Verb.PAUSE, Verb.RETRY, Verb.QUARANTINE])
def test_a_parked_host_has_a_way_out_in_every_state(verb: Verb, state: HostState) -> None:
    answer = asked(verb, host_in(state, problem=PARKED))

    if verb is Verb.ABORT and state in {S.READY, S.ENROLLED}:
        assert isinstance(answer, NotNow)  # it is at rest: `want` moves it
    else:
        assert not isinstance(answer, NotNow), answer


@pytest.mark.parametrize("verb", sorted(NEEDS_WHY))
def test_what_others_find_must_say_why(verb: Verb) -> None:
    answer = asked(verb, host_in(S.MATCHING), why="  ")

    assert isinstance(answer, NotNow)
    assert answer.path == "why"
    assert "--why" in answer.hint


@pytest.mark.parametrize(
    ("state", "problem", "steps", "what"),
    [
        (S.MATCHING, None, (), "canary"),
        (S.CONFIGURING, "configure-failed", (), "configure"),
        (S.CLEANING, "update-unsettled", ("firmware:BIOS:2",), "update"),
        (S.PREPARING, "wrong-host", ("firmware:BIOS:2",), "update"),
    ],
)
def test_what_may_be_skipped(
    state: HostState, problem: str | None, steps: tuple[str, ...], what: str
) -> None:
    parked = PARKED.model_copy(update={"kind": problem}) if problem else None

    answer = asked(Verb.SKIP, host_in(state, problem=parked), open_steps=steps)

    assert answer["skipped"] == Skipped(what=what, why="because", by="ann", at=NOW)


@pytest.mark.parametrize(
    ("state", "kind"),
    [
        (S.MATCHING, "spec-mismatch"),
        (S.ACCEPTING, "acceptance-failed"),
        (S.ACCEPTING, "changed-since-inspection"),
        (S.PREPARING, "not-in-plan"),
        (S.REGISTERING, "wrong-host"),
        (S.BOOTING, "bios-not-applied"),
        (S.READY, "certificate-suspended"),
    ],
)
def test_what_proves_a_host_is_never_skipped(state: HostState, kind: str) -> None:
    answer = asked(Verb.SKIP, host_in(state, problem=PARKED.model_copy(update={"kind": kind})))

    assert isinstance(answer, NotNow)
    assert (answer.path, answer.value) == ("problem.kind", kind)


def test_a_paused_host_is_resumed_and_its_time_counts_from_then() -> None:
    answer = asked(Verb.RESUME, host_in(S.BOOTING, paused="technician"))

    assert answer == {"paused": "", "counted_from": NOW}


async def test_a_verb_is_an_event_with_its_reason_and_a_line_in_the_change_log(
    site: Site, admin: str
) -> None:
    site.put(make_host(state=S.BOOTING))

    reply = await site.ask(
        "POST", "/api/hosts/r1-h1/pause", {"why": "technician at the rack"}, key=admin
    )

    assert reply.status_code == 200, reply.text
    assert reply.json()["paused"] == "technician at the rack"
    (event,) = site.store.events(subject="host:r1-h1")
    assert (event.kind, event.why) == ("host.pause", "technician at the rack")
    changes = (await site.ask("GET", "/api/object-changes", key=admin)).json()["results"]
    assert len(changes) == 1


@pytest.mark.parametrize(
    ("verb", "body", "status", "path"),
    [
        ("resume", {}, 409, "paused"),
        ("pause", {"why": ""}, 422, "why"),
        ("skip", {"why": "x"}, 409, "state"),
        ("quarantine", {"why": "x", "who": "me"}, 422, "who"),
    ],
)
async def test_a_refused_verb_names_field_value_and_hint(
    site: Site, admin: str, verb: str, body: dict[str, str], status: int, path: str
) -> None:
    site.put(make_host(state=S.BOOTING))

    reply = await site.ask("POST", f"/api/hosts/r1-h1/{verb}", body, key=admin)

    assert reply.status_code == status, reply.text
    error = reply.json()["error"]
    assert error["path"] == path
    assert error["hint"]
    assert site.store.events(subject="host:r1-h1") == []


async def test_a_later_wish_ends_a_pause_and_a_quarantine(site: Site, admin: str) -> None:
    site.put(make_host(state=S.BOOTING, paused="x", quarantine="y"))

    reply = await site.ask("POST", "/api/hosts/r1-h1/target", {"target": "enrolled"}, key=admin)

    assert (reply.json()["paused"], reply.json()["quarantine"]) == ("", "")


@pytest.mark.parametrize("state", HostState)
async def test_forget_in_every_state(site: Site, admin: str, state: HostState) -> None:
    """At rest and off it goes; else it must be left alone first, and then it goes anywhere."""
    site.put(make_host(state=state, power=PowerState.OFF, reserved_watts=0))
    reply = await site.ask("DELETE", "/api/hosts/r1-h1", key=admin)
    if state in {S.ENROLLED, S.RETIRED, S.REPAIRING}:
        assert reply.status_code == 200, reply.text
        return
    error = reply.json()["error"]
    assert (reply.status_code, error["path"], error["value"]) == (409, "state", state.value)
    assert "podyard host" in error["hint"]
    apart = await site.ask("POST", "/api/hosts/r1-h1/quarantine", {"why": "x"}, key=admin)
    assert apart.status_code == 200, apart.text
    assert (await site.ask("DELETE", "/api/hosts/r1-h1", key=admin)).status_code == 200


async def test_a_quarantined_host_can_be_forgotten_but_not_in_the_middle_of_an_update(
    site: Site, admin: str
) -> None:
    host = make_host(state=S.PREPARING, quarantine="smoke")
    intent = make_intent(host_id=host.id)
    site.put(host, intent)
    path = "/api/hosts/r1-h1?even_if_on=true"

    reply = await site.ask("DELETE", path, key=admin)
    assert reply.status_code == 409, reply.text
    assert reply.json()["error"]["kind"] == "unsettled"
    assert "podyard host skip r1-h1" in reply.json()["error"]["hint"]

    done = intent.model_copy(update={"state": "done"})
    site.store.apply(Change(replace=(done,)), now=NOW)
    assert (await site.ask("DELETE", path, key=admin)).status_code == 200
    assert site.store.find(Host) == []
