"""`podyard key rewrap` killed by SIGKILL, again and again: every secret ends under one new key."""

from __future__ import annotations

import random
import signal
import subprocess
import time
from pathlib import Path

import pytest
from pydantic import SecretStr

from inventory.clock import SystemClock
from inventory.secrets import SecretBox, former_key
from inventory.statedir import StateDirectory
from inventory.store.protocol import Change
from inventory.store.sql import SqlStore
from tests.bed import PODYARD, ROOT
from tests.migrated import fresh_store

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

SECRETS = 6_000
DEATHS = 3


def test_killed_again_and_again_no_secret_is_lost(tmp_path: Path) -> None:
    state, rng = StateDirectory(tmp_path), random.Random(7)
    box = SecretBox.open(state.secret_key)
    old = state.secret_key.read_bytes()
    names = [(f"host-{number}", "bmc-password") for number in range(SECRETS)]
    store = fresh_store(tmp_path)
    sealed = {row: box.seal(*row, SecretStr(f"secret of {row[0]}")) for row in names}
    store.apply(Change(secrets=sealed), now=SystemClock().now())
    killed = 0
    while killed < DEATHS:
        process = command(tmp_path)
        while not former_key(state.secret_key).exists() and process.poll() is None:
            time.sleep(0.002)
        time.sleep(rng.uniform(0.0, 0.4) + (0.4 if killed else 0.0))
        process.kill()
        if process.wait() != -signal.SIGKILL:
            break
        killed += 1
        sample = rng.sample(names, 500)
        now = SecretBox.existing(state.secret_key)
        assert [opened(store, now, row) for row in sample] == [f"secret of {r[0]}" for r in sample]
    assert command(tmp_path).wait() == 0
    assert killed
    assert not former_key(state.secret_key).exists()
    assert state.secret_key.read_bytes() != old
    now = SecretBox.existing(state.secret_key)
    assert all(opened(store, now, row) == f"secret of {row[0]}" for row in names)
    assert [event.kind for event in store.events()][-1] == "secrets.rewrapped"
    store.close()


def command(state: Path) -> subprocess.Popen[bytes]:
    """One run of it."""
    return subprocess.Popen(
        [*PODYARD, "key", "rewrap", "--state", str(state)],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def opened(store: SqlStore, box: SecretBox, row: tuple[str, str]) -> str:
    """What a row holds."""
    return box.unseal(*row, store.secret(*row) or b"").get_secret_value()
