"""The README's first command, as a stranger would run it: a fresh clone, an ordinary user.

The user is made for the test and cannot read root's home; nothing that this checkout installed
helps it. Afterwards no process of that user is left, and so no port.
"""

from __future__ import annotations

import json
import os
import pwd
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.integration, pytest.mark.ray, pytest.mark.timeout(1500)]

ROOT = Path(__file__).resolve().parent.parent.parent
USER = "podyard-visitor"


@dataclass(frozen=True)
class Visitor:
    """An ordinary user with a clone."""

    home: Path
    uid: int

    @property
    def clone(self) -> Path:
        """Where the project is."""
        return self.home / "podyard"

    def start(self, *command: str) -> subprocess.Popen[str]:
        """Run something in the clone."""
        path = f"{self.home}/bin:/usr/local/bin:/usr/bin:/bin"
        kept = {"PATH": path, "HOME": str(self.home), "LANG": "C.UTF-8"}
        passed = ("SSL_CERT_FILE", "PIP_CERT", "PIP_INDEX_URL", "UV_INDEX_URL", "UV_DEFAULT_INDEX")
        for name in passed:  # how this machine reaches its package registry
            if name in os.environ:
                kept[name] = os.environ[name]
        return subprocess.Popen(
            ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--init-groups", *command],
            cwd=self.clone,
            env=kept,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def processes(self) -> list[str]:
        """Everything that this user runs, on any terminal, in any namespace."""
        done = subprocess.run(
            ["ps", "-o", "pid=,args=", "-u", str(self.uid)],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        return [line for line in done.stdout.splitlines() if line.strip()]

    def settled(self) -> list[str]:
        """What is still there once the kernel has had a moment to reap."""
        for _ in range(50):
            if not (left := self.processes()):
                return []
            time.sleep(0.1)
        return left


@pytest.fixture(scope="module")
def visitor() -> Iterator[Visitor]:
    """Made for this module and removed with everything that it owns."""
    if os.geteuid() != 0 or shutil.which("useradd") is None:
        pytest.skip("only root can make the ordinary user that this test needs")
    subprocess.run(["userdel", "-rf", USER], capture_output=True, check=False)
    subprocess.run(["useradd", "-m", USER], check=True, capture_output=True)
    entry = pwd.getpwnam(USER)
    made = Visitor(Path(entry.pw_dir), entry.pw_uid)
    subprocess.run(
        ["git", "clone", "-q", f"file://{ROOT}", str(made.clone)],
        check=True, capture_output=True,
    )  # fmt: skip
    subprocess.run(["chown", "-R", f"{USER}:{USER}", str(made.home)], check=True)
    prepared = made.start("make", "venv")
    _, complaint = prepared.communicate(timeout=1200)
    assert prepared.returncode == 0, complaint[-4000:]
    try:
        yield made
    finally:
        subprocess.run(["pkill", "-KILL", "-u", str(made.uid)], check=False)
        subprocess.run(["userdel", "-rf", USER], capture_output=True, check=False)


def demo(visitor: Visitor, *, deadline_s: float = 900) -> dict[str, Any]:
    """`make demo ARGS="--exit -o json"`; the object on its last line, and the story with it."""
    process = visitor.start("make", "demo", "ARGS=--exit -o json")
    out, err = process.communicate(timeout=deadline_s)
    assert process.returncode == 0, err[-4000:]
    return {**json.loads(out.splitlines()[-1]), "story": err}


def test_make_demo_shows_the_whole_chain_and_leaves_nothing(visitor: Visitor) -> None:
    told = demo(visitor)

    assert told["simulated"] is True
    assert (told["hosts"], told["ready"], told["units"]) == (4, 3, 3)
    assert told["certificates_verified"] == 3
    assert [p["host"] for p in told["parked"]] == ["r1-h3"]
    assert "memory" in told["parked"][0]["reason"]
    assert told["parked"][0]["remedy"]
    assert told["plan"]["digest"].startswith("sha256:")
    assert 0 < told["plan"]["peak_watts"] <= told["plan"]["budget_watts"]
    assert told["cluster"] == {"nodes": 2, "auth": "token", "isolated": True}
    assert told["model"]
    assert told["answer"]
    assert told["usage"]["prompt_tokens"] > 0
    assert told["usage"]["completion_tokens"] > 0
    assert told["usage"]["unit_seconds"] > 0
    assert visitor.settled() == []


def test_ctrl_c_leaves_nothing_and_the_next_start_resumes(visitor: Visitor) -> None:
    process = visitor.start(".venv/bin/podyard", "demo", "--exit", "-o", "json")
    state = visitor.home / ".local/state/podyard/demo"
    for _ in range(600):
        journal = state / "hall" / "journal.jsonl"
        if journal.exists() and '"power.on"' in journal.read_text():
            break
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err[-4000:]
    assert "Traceback" not in err
    assert visitor.settled() == []

    told = demo(visitor)

    assert (told["ready"], told["units"]) == (3, 3)
    assert told["answer"]
    assert visitor.settled() == []


@pytest.fixture
def no_user_namespaces(visitor: Visitor) -> Iterator[None]:
    """A machine whose `unshare` is refused, for one test: this kernel cannot be told to."""
    refusing = visitor.home / "bin" / "unshare"
    refusing.parent.mkdir()
    refusing.write_text("#!/bin/sh\necho 'unshare: Operation not permitted' >&2\nexit 1\n")
    refusing.chmod(0o755)
    refusing.parent.chmod(0o755)
    try:
        yield
    finally:
        shutil.rmtree(refusing.parent)


@pytest.mark.long
@pytest.mark.usefixtures("no_user_namespaces")
def test_without_user_namespaces_it_says_that_ray_listens_everywhere(visitor: Visitor) -> None:
    """Everything still works, less isolated, and neither the figures nor the story hide it."""
    told = demo(visitor)

    assert told["cluster"] == {"nodes": 2, "auth": "token", "isolated": False}
    assert "ALL interfaces" in told["story"]
    assert told["answer"]
    assert visitor.settled() == []
