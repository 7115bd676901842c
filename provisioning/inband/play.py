"""Configure hosts by ansible-runner: the only door to it.

Three traps are shut here. ansible-runner takes a folder called `inventory` for hosts to connect to
(ours is a Python package), so every run gets a fresh temporary directory *and* an explicit
inventory. Ansible templates strings, so every value travels as data that is marked unsafe: a host
called `{{ lookup('pipe', 'id') }}` stays a name. And a playbook inherits its caller's environment,
so it runs in a process of its own with an environment of three variables and no secret.

A simulated host is configured over a local connection, writing only under its own root directory.
That directory comes from the operator's import of the hall's hosts, never from what an agent
claims; the import takes none but a `…/hosts/<name>/root` of the service's own user.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import tempfile
from pathlib import Path

import yaml

from inventory.model import Host
from provisioning.world import PlayResult

PLAYBOOKS = Path(__file__).parent / "playbooks"
OUTPUT_MAX_CHARS = 400  # what a person needs of a failed task; the rest is in the run's log
RUN_DEADLINE_S = 900.0  # a base run takes 5 s here; package installs on a slow mirror 10 min


class UnsafeText(str):
    """A string that Ansible must never take for a template."""

    __slots__ = ()


class _Dumper(yaml.SafeDumper):
    """Writes UnsafeText with Ansible's `!unsafe` tag."""


_Dumper.add_representer(
    UnsafeText, lambda dumper, text: dumper.represent_scalar("!unsafe", str(text), style='"')
)


class AnsiblePlayer:
    """Runs the base playbook, each run in a process and a directory of its own."""

    def __init__(self, *, at_once: int = 16) -> None:
        self._places = asyncio.Semaphore(at_once)

    async def configure(self, host: Host, variables: dict[str, str]) -> PlayResult:
        """Run `base.yml` against a host. A playbook that fails is an answer, not an exception."""
        if not host.root:
            return PlayResult(
                ok=False,
                changed=0,
                task="connect",
                output=f"{host.name} has no root directory and no SSH address yet",
            )
        with tempfile.TemporaryDirectory(prefix="podyard-play-") as directory:
            prepare(Path(directory), host_root=host.root, variables=variables)
            async with self._places:
                return await _run(Path(directory))


class NoPlaybook:
    """For sites whose images come up as they are to be: there is nothing to converge."""

    async def configure(self, host: Host, variables: dict[str, str]) -> PlayResult:  # noqa: ARG002 - the port's
        """Nothing, which is told as nothing changed."""
        return PlayResult(ok=True, changed=0)


def prepare(directory: Path, *, host_root: str, variables: dict[str, str]) -> None:
    """Lay out ansible-runner's private data directory."""
    (directory / "env").mkdir()
    (directory / "hosts").mkdir()
    values = {name: UnsafeText(value) for name, value in variables.items()}
    extra = {"podyard": values, "host_root": UnsafeText(host_root)}
    (directory / "env" / "extravars").write_text(yaml.dump(extra, Dumper=_Dumper, width=1000))
    inventory = {
        "all": {
            "hosts": {
                "target": {
                    "ansible_connection": "local",
                    "ansible_python_interpreter": sys.executable,
                }
            }
        }
    }
    (directory / "hosts" / "hosts.json").write_text(json.dumps(inventory))


def runner_arguments(directory: Path) -> list[str]:
    """The command that runs a prepared directory; never without its explicit inventory."""
    return [
        sys.executable,
        "-m",
        "provisioning.inband.running",
        str(directory),
        str(directory / "hosts" / "hosts.json"),
        str(PLAYBOOKS / "base.yml"),
    ]


def environment(directory: Path) -> dict[str, str]:
    """Everything that a playbook's process inherits."""
    return {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), "/usr/bin", "/bin"]),
        "HOME": str(directory),
        "LANG": "C.UTF-8",
        "ANSIBLE_LOCAL_TEMP": str(directory / "local-tmp"),
        "ANSIBLE_REMOTE_TEMP": str(directory / "remote-tmp"),
        "ANSIBLE_HOME": str(directory / "ansible"),
    }


async def _run(directory: Path) -> PlayResult:
    process = await asyncio.create_subprocess_exec(
        *runner_arguments(directory),
        cwd=directory,
        env=environment(directory),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    try:
        out, err = await asyncio.wait_for(process.communicate(), RUN_DEADLINE_S)
    except TimeoutError:
        return PlayResult(
            ok=False, changed=0, task="run", output=f"no end within {RUN_DEADLINE_S:.0f} s"
        )
    finally:
        if process.returncode is None:  # timed out or cancelled: leave nothing behind
            os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
    return _result(process.returncode or 0, out, err)


def _result(code: int, out: bytes, err: bytes) -> PlayResult:
    try:
        found = json.loads(out.splitlines()[-1])
        return PlayResult(
            ok=bool(found["ok"]),
            changed=int(found["changed"]),
            task=str(found["task"]),
            output=str(found["output"])[:OUTPUT_MAX_CHARS],
        )
    except (ValueError, KeyError, IndexError):
        tail = err.decode(errors="replace")[-OUTPUT_MAX_CHARS:]
        return PlayResult(ok=False, changed=0, task="run", output=f"exit code {code}: {tail}")
