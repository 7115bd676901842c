"""Whatever a playbook says, its run has a result, so that a try is counted."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from inventory.model import Host
from provisioning.inband import play
from provisioning.inband.running import MESSAGE_MAX_CHARS, message_of
from tests.make import make_host

ENDLESS = "print('{' + 'x' * (1 << 20), flush=True)"


def host(root: Path) -> Host:
    return make_host(root=str(root))


def test_failed_task_says_its_beginning_and_no_more() -> None:
    assert message_of({"res": {"stderr": "no space left " + "x" * 900_000}}).startswith("no space")
    assert len(message_of({"res": {"stderr": "x" * 900_000}})) == MESSAGE_MAX_CHARS
    assert len(message_of({"res": {"results": [{"failed": True, "a": "x" * 9000}]}})) == (
        MESSAGE_MAX_CHARS
    )


async def test_line_that_is_too_long_is_a_failed_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(play, "runner_arguments", lambda _folder: [sys.executable, "-c", ENDLESS])
    found = await play.AnsiblePlayer().configure(host(tmp_path), {})
    assert (found.ok, found.task) == (False, "run")
    assert found.output == f"it said a line of more than {play.LINE_MAX_BYTES} bytes"
