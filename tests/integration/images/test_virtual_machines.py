"""`make demo-vm` on one machine, whose service is killed in the middle of the write."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from provisioning.images.programs import missing
from tests.bed import ROOT
from tests.beds.virtual_machine import absent
from tests.demo_vm import NEEDED

DEADLINE_S = 5400.0

pytestmark = [
    pytest.mark.integration,
    pytest.mark.long,
    pytest.mark.timeout(DEADLINE_S + 60),
    pytest.mark.skipif(os.geteuid() != 0, reason="images are built as root"),
    pytest.mark.skipif(bool(absent()), reason=absent() or "there is QEMU"),
    pytest.mark.skipif(
        bool(missing(NEEDED)), reason=f"images need more programs: {' '.join(missing(NEEDED))}"
    ),
]


def test_a_service_that_was_killed_while_a_disk_was_written_writes_it_no_second_time(
    tmp_path: Path,
) -> None:
    command = [sys.executable, "-m", "tests.demo_vm", "--exit", "-o", "json", "--hosts", "1"]
    done = subprocess.run(
        [*command, "--kill", "write", "--state", str(tmp_path / "s")],
        check=False,
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=DEADLINE_S,
    )

    assert done.returncode == 0, done.stderr[-4000:]
    told = json.loads(done.stdout)
    assert (told["simulated"], told["firmware"]) == (False, "OVMF")
    assert (told["hosts"], told["ready"], told["certificates_verified"]) == (1, 1, 1)
    assert told["image"]["verified_on_host"]
    assert told["service_killed"] == 1
    # The journal of who started the machine: once to write, once to run.
    assert (told["starts_from_cd"], told["starts_from_disk"]) == (1, 1)
    assert told["off_at_the_end"]
