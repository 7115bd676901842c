"""Performing an action twice, as if the record of the first time was lost; and which are so tried.

Whoever tries an action names it in a parameter of its test, so that it can be told that each is
tried by somebody.
"""

from __future__ import annotations

import importlib
from typing import Any

from inventory.model import Host
from provisioning.lifecycle.actions import Action
from provisioning.lifecycle.decision import Seen
from tests.unit.provisioning.one_host import Drawer


def every_action(base: type[Action] = Action) -> list[type[Action]]:
    """All that may be done to a host; what a test made up is none of it."""
    found = [one for kind in base.__subclasses__() for one in (kind, *every_action(kind))]
    return [kind for kind in found if kind.__module__.startswith("provisioning.")]


def doubled_in(file: str) -> set[type[Action]]:
    """The actions that the tests of a file are given."""
    module = importlib.import_module(f"tests.unit.provisioning.{file}")
    tests = [test for name, test in vars(module).items() if name.startswith("test_")]
    marks = [mark for test in tests for mark in getattr(test, "pytestmark", ())]
    return {kind for mark in marks for kind in _kinds(mark.args)}


def _kinds(given: Any) -> set[type[Action]]:
    if isinstance(given, type):
        return {given} if issubclass(given, Action) else set()
    if isinstance(given, list | tuple):
        return {kind for one in given for kind in _kinds(one)}
    return set()


def run_twice(there: Drawer, kind: type[Action]) -> list[Action]:
    """From now on this kind of action is performed, and once more as if nobody had noticed."""
    acting = there.controller.stepping.acting
    perform, seen_twice = acting.perform, []

    async def twice(host: Host, action: Action, seen: Seen, context: Any, *, reason: str) -> Any:
        outcome = await perform(host, action, seen, context, reason=reason)
        if not isinstance(action, kind):
            return outcome
        seen_twice.append(action)
        again = await there.controller.stepping.context_of(there.host())
        return await perform(there.host(), action, seen, again, reason=reason)

    acting.perform = twice  # type: ignore[method-assign]
    return seen_twice
