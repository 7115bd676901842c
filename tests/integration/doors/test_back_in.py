"""A site whose every key is gone lets whoever holds its directory back in, and nobody else."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

from inventory.clock import SystemClock
from inventory.model import ApiKey
from inventory.store.protocol import Change
from inventory.store.reading import every
from inventory.store.sql import SqlStore
from tests.bed import PODYARD, ROOT, Bed, bed

pytestmark = pytest.mark.integration


def podyard(state: Path, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PODYARD_STATE": str(state), **env}
    return subprocess.run(
        [*PODYARD, *words],
        check=False, capture_output=True, text=True, cwd=ROOT, env=environment, timeout=120,
    )  # fmt: skip


def stop(made: Bed) -> None:
    process = made.processes["service"]
    process.send_signal(signal.SIGTERM)
    process.wait(60)


def test_recovery_and_a_restart_let_the_machines_owner_back_in() -> None:
    with bed() as made:
        state = made.directory / "service"
        made.start_service()
        made.login()
        assert made.call("GET", "/api/hosts", Host="evil.example").status_code == 400
        (state / "client.json").unlink()
        done = podyard(state, "key", "recover", "-o", "json")
        assert done.returncode == 0, done.stderr
        made.key = json.loads((state / "client.json").read_text())["key"]
        assert "pyd_" not in done.stdout + done.stderr
        assert len(made.get("/api/keys")["results"]) == 3
        verified = podyard(state, "audit", "verify", "-o", "json")
        assert json.loads(verified.stdout)["faults"] == []

        stop(made)
        store, now = SqlStore.open(f"sqlite:///{state / 'podyard.db'}"), SystemClock().now()
        ended = [k.model_copy(update={"revoked_at": now}) for k in every(store, ApiKey)]
        store.apply(Change(replace=tuple(ended)), now=now)
        store.close()
        made.start_service()
        made.login()
        assert made.get("/api/keys")["count"] == 5


def test_recovery_needs_the_directory_and_the_database(tmp_path: Path) -> None:
    nothing = podyard(tmp_path / "none", "key", "recover")
    assert nothing.returncode == 1
    assert "hint: give the service's directory with --state" in nothing.stderr
    state = tmp_path / "state"
    (state / "keys").mkdir(parents=True)
    (state / "keys" / "secrets.key").write_bytes(b"k" * 32)
    (state / "keys" / "secrets.key").chmod(0o600)
    away = podyard(
        state, "key", "recover", "--database", "postgresql+psycopg://podyard@127.0.0.1:1/podyard"
    )
    assert away.returncode == 1
    assert "no key was made: the database did not answer" in away.stderr
    assert "hint: run it where the service's database answers" in away.stderr
    assert not (state / "client.json").exists()
