"""What an approver is shown of a plan cannot rewrite itself on the terminal."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from typer.testing import CliRunner

from pods import catalogue
from pods.plan import PlannedHost, plan_bring_up
from provisioning import cli


@contextmanager
def nobody() -> Iterator[None]:
    yield None


def test_a_plan_to_approve_cannot_act_on_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = catalogue.load("lab-4")
    slots = [slot.slot for _, slot in spec.slots()]
    hosts = [PlannedHost(name=f"h{n}\x9b2J\u202e", slot=slot) for n, slot in enumerate(slots)]
    plan = plan_bring_up(spec, pod="lab\x9b1A", hosts=hosts).model_dump(mode="json")

    def planned(*_: Any, **__: Any) -> dict[str, Any]:
        return {"plan": plan, "left_out": []}

    monkeypatch.setattr(cli, "service", nobody)
    monkeypatch.setattr(cli, "planned", planned)
    shown = CliRunner().invoke(cli.pod_app, ["up", "lab", "--digest", "another"]).stderr
    assert "h0" in shown
    assert [c for c in shown if not c.isprintable() and c != "\n"] == []
