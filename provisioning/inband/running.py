"""The process in which one playbook runs: `python -m provisioning.inband.running DIR HOSTS PLAY`.

It is apart from the controller so that a playbook sees none of its memory and environment, and so
that it can be killed with everything it started. Its last line on stdout is the result as JSON.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import ansible_runner


def main(directory: str, hosts: str, playbook: str) -> int:
    """Run it and print the result."""
    run = ansible_runner.run(
        private_data_dir=directory, inventory=hosts, playbook=playbook, quiet=True
    )
    failed = _first_failure(run.events)
    stats = run.stats or {}
    result = {
        "ok": run.rc == 0,
        "changed": sum((stats.get("changed") or {}).values()),
        "task": failed.get("task", "") if run.rc else "",
        "output": _message(failed) if run.rc else "",
    }
    print(json.dumps(result))  # noqa: T201 - the result is this program's output
    return 0


def _first_failure(events: Any) -> dict[str, Any]:
    for event in events:
        if event.get("event") in {"runner_on_failed", "runner_on_unreachable"}:
            return dict(event.get("event_data", {}))
    return {}


def _message(event: dict[str, Any]) -> str:
    result = event.get("res", {})
    return str(result.get("msg") or result.get("stderr") or result or "no failed task on record")


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:4]))
