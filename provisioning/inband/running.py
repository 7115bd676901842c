"""The process in which one playbook runs: `… running DIR HOSTS PLAY PARENT [KEY]`.

It is apart from the controller so that a playbook sees none of its memory and environment, and so
that it can be killed with everything it started. Every task that begins is a line on stdout, as
JSON; the last line is the result. `PARENT` is the controller's process number: the run ends when
the controller does, so nothing has that memory for long. `KEY` is a descriptor that it inherited:
the account's private key, in memory.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ansible_runner

from provisioning.inband.reach import KEY_LINK

MESSAGE_MAX_CHARS = 4096
"""A compiler's whole output can be one message: the result is to stay one line that is read."""
SIGNAL_AT_PARENTS_END = 1
"""PR_SET_PDEATHSIG of prctl(2)."""
FAILED = {"runner_on_failed", "runner_on_unreachable"}


@dataclass
class Heard:
    """What the run said of itself."""

    changed: int = 0
    failed: dict[str, Any] = field(default_factory=dict)

    def __call__(self, event: dict[str, Any]) -> bool:
        """One event; False: it need not be kept in a file."""
        kind, data = event.get("event"), event.get("event_data", {})
        if kind == "playbook_on_task_start":
            say({"doing": task_of(data)})
        elif kind in FAILED and not data.get("ignore_errors") and not self.failed:
            self.failed = dict(data)
        elif kind == "playbook_on_stats":
            self.changed = sum((data.get("changed") or {}).values())
        return False


def main(directory: str, hosts: str, playbook: str, parent: str, key: str = "") -> int:
    """Run it and print the result."""
    end_with_parent(int(parent))
    if key:
        (Path(directory) / KEY_LINK).symlink_to(f"/proc/{os.getpid()}/fd/{int(key)}")
    heard = Heard()
    run = ansible_runner.run(
        private_data_dir=directory,
        inventory=hosts,
        playbook=playbook,
        quiet=True,
        event_handler=heard,
    )
    failed = bool(run.rc)
    say(
        {
            "ok": not failed,
            "changed": heard.changed,
            "task": task_of(heard.failed) if failed else "",
            "output": message_of(heard.failed) if failed else "",
        }
    )
    return 0


def end_with_parent(parent: int) -> None:
    """SIGTERM, by which a run ends with all that it started, also when the controller is killed.

    It may have been killed while this process still loaded Ansible: then no signal comes any more.
    """
    ctypes.CDLL(None, use_errno=True).prctl(SIGNAL_AT_PARENTS_END, signal.SIGTERM)
    if os.getppid() != parent:
        sys.exit(128 + signal.SIGTERM)


def say(line: dict[str, Any]) -> None:
    """One line, at once."""
    print(json.dumps(line), flush=True)  # noqa: T201 - lines are this program's output


def task_of(event: dict[str, Any]) -> str:
    """`nvidia: Start persistence`: the role and what it does."""
    role, task = event.get("role"), str(event.get("task", ""))
    return f"{role}: {task}" if role else task


def message_of(event: dict[str, Any]) -> str:
    """What the failed task said; of a loop, what the item that failed did."""
    result = event.get("res", {})
    failed = [one for one in result.get("results", ()) if isinstance(one, dict)]
    worst = next((one for one in failed if one.get("failed")), result)
    said = tuple(worst.get(name) for name in ("stderr", "module_stderr", "msg", "stdout"))
    message = next((str(one) for one in said if one), str(worst or "no failed task on record"))
    return message[:MESSAGE_MAX_CHARS]


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:6]))
