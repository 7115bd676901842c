"""`podyard serve` with a NetBox: the loop looks by itself, and the commands ask it to write."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.bed import PODYARD, ROOT, Bed, bed
from tests.beds.netbox_fake import FakeNetbox, fake_netbox

pytestmark = pytest.mark.integration


@pytest.fixture
def netbox(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FakeNetbox]:
    token = tmp_path / "token"
    token.touch(mode=0o600)
    with fake_netbox() as server:
        token.write_text(server.token)
        monkeypatch.setenv("PODYARD_NETBOX_URL", server.url)
        monkeypatch.setenv("PODYARD_NETBOX_TOKEN_FILE", str(token))
        yield server


def podyard(made: Bed, *words: str) -> Any:
    """One command as an operator, answered in JSON."""
    environment = {**os.environ, "PODYARD_STATE": str(made.directory / "service")}
    done = subprocess.run(
        [*PODYARD, "netbox", *words, "-o", "json"],
        check=False, capture_output=True, text=True, cwd=ROOT, env=environment, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_service_looks_and_the_commands_write(netbox: FakeNetbox) -> None:
    with bed() as made:
        made.start_service()
        made.login()
        made.wait(60, lambda: made.get("/api/netbox")["looked_at"])
        assert not netbox.changes, "nothing is written unless somebody asks"
        assert podyard(made, "check")["version"] == "4.7.3"
        planned = podyard(made, "plan")
        assert planned["counts"]["create"] == 6, "the custom fields and their choices"
        done = podyard(made, "apply", "--yes")
        assert done["applied"]["created"] == 6
        assert podyard(made, "drift", "--look")["steps"] == []
        assert podyard(made, "status")["problem"] == ""


def test_a_token_that_others_can_read_stops_the_start(netbox: FakeNetbox, tmp_path: Path) -> None:
    (tmp_path / "token").chmod(0o644)
    with bed() as made:
        process = made.start_service(ready=False)
        ends = time.monotonic() + 60
        while process.poll() is None and time.monotonic() < ends:
            time.sleep(0.1)
        assert process.poll() not in {0, None}
        assert "chmod 600" in made.last_words()
    assert netbox.log == []
