"""Configure hosts by ansible-runner: the only door to it.

Three traps are shut here. ansible-runner takes a folder called `inventory` for hosts to connect to
(ours is a Python package), so every run gets a fresh temporary directory *and* an explicit
inventory. Ansible templates strings, so every value travels as data that is marked unsafe: a host
called `{{ lookup('pipe', 'id') }}` stays a name. And a playbook inherits its caller's environment,
so it runs in a process of its own with an environment of a few variables and no secret.

A simulated host is configured over a local connection, writing only under its own root directory.
That directory comes from the operator's import of the hall's hosts, never from what an agent
claims; the import takes none but a `…/hosts/<name>/root` of the service's own user. Every other
host is configured over `ssh`, as `provisioning.inband.reach` lets it be reached.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from inventory.model import Host
from provisioning.inband.reach import ReachOf, SshReach, connection, key_in_memory
from provisioning.inband.roles import Role, rails_of, roles_of
from provisioning.inband.values import SiteValues
from provisioning.world import PlayResult

PLAYBOOKS = Path(__file__).parent / "playbooks"
OUTPUT_MAX_CHARS = 400  # what a person needs of a failed task; the rest is in the run's log
RUN_DEADLINE_S = 1800.0  # a base run takes 5 s here; a driver's packages on a slow mirror 20 min
LINE_MAX_BYTES = 256 * 1024
NO_WAY_IN = "has no root directory and no SSH address yet"


class UnsafeText(str):
    """A string that Ansible must never take for a template."""

    __slots__ = ()


class _Dumper(yaml.SafeDumper):
    """Writes UnsafeText with Ansible's `!unsafe` tag."""


_Dumper.add_representer(
    UnsafeText, lambda dumper, text: dumper.represent_scalar("!unsafe", str(text), style='"')
)


class AnsiblePlayer:
    """Runs the playbook, each run in a process and a directory of its own."""

    def __init__(
        self,
        *,
        at_once: int = 16,
        values: SiteValues | None = None,
        reach: ReachOf | None = None,
        deadline_s: float = RUN_DEADLINE_S,
    ) -> None:
        self._places = asyncio.Semaphore(at_once)
        self._values = values or SiteValues()
        self._reach = reach
        self._deadline_s = deadline_s
        self._doing: dict[str, str] = {}

    async def configure(self, host: Host, variables: dict[str, str]) -> PlayResult:
        """Run the host's roles. A playbook that fails is an answer, not an exception."""
        roles = roles_of(host.facts, self._values) if not host.root else ("base",)
        return await self._play(host, roles, variables)

    async def install_agent(self, host: Host) -> PlayResult:
        """Only what the agent needs; nothing where the site installs it in its own way."""
        if self._values.agent is None or host.root:
            return PlayResult(ok=True, changed=0)
        return await self._play(host, ("agent",), {"host": host.name})

    def doing(self, host_id: str) -> str:
        """The task that runs for a host now; empty when none does."""
        return self._doing.get(host_id, "")

    async def _play(
        self, host: Host, roles: Sequence[Role], variables: Mapping[str, str]
    ) -> PlayResult:
        reach = None
        if not host.root:
            reach = await self._reach(host) if self._reach is not None else None
            if reach is None:
                said = f"{host.name} {NO_WAY_IN}"
                return PlayResult(ok=False, changed=0, task="connect", output=said)

        def told(task: str) -> None:
            self._doing[host.id] = task

        with tempfile.TemporaryDirectory(prefix="podyard-play-") as directory:
            prepare(
                Path(directory),
                host_root=host.root,
                variables=variables,
                name=host.name,
                roles=roles,
                reach=reach,
                values=self._values,
                rails=rails_of(host.facts, self._values.rdma.speed_gbps_min)
                if self._values.rdma is not None
                else (),
            )
            self._doing[host.id] = "waits for its turn to be configured"
            key = key_in_memory(reach) if reach is not None else None
            try:
                async with self._places:
                    return await _run(
                        Path(directory), told=told, deadline_s=self._deadline_s, key=key
                    )
            finally:
                self._doing.pop(host.id, None)
                if key is not None:
                    os.close(key)


class NoPlaybook:
    """For sites whose images come up as they are to be: there is nothing to converge."""

    async def configure(self, host: Host, variables: dict[str, str]) -> PlayResult:  # noqa: ARG002 - the port's
        """Nothing, which is told as nothing changed."""
        return PlayResult(ok=True, changed=0)


def prepare(
    directory: Path,
    *,
    host_root: str,
    variables: Mapping[str, str],
    name: str = "",
    roles: Sequence[Role] = ("base",),
    reach: SshReach | None = None,
    values: SiteValues | None = None,
    rails: Sequence[str] = (),
) -> None:
    """Lay out ansible-runner's private data directory, readable by this user alone."""
    (directory / "env").mkdir()
    (directory / "hosts").mkdir()
    site = (values or SiteValues()).model_dump(mode="json")
    extra = {
        "podyard": unsafe({"name": name, "rails": list(rails), **variables}),
        "podyard_site": unsafe(site),
        "podyard_roles": list(roles),
        "podyard_live": reach is not None,
        "host_root": unsafe(host_root),
    }
    (directory / "env" / "extravars").write_text(yaml.dump(extra, Dumper=_Dumper, width=1000))
    local = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    target = local if reach is None else connection(reach, directory)
    inventory = {"all": {"hosts": {"target": target}}}
    (directory / "hosts" / "hosts.json").write_text(json.dumps(inventory))


def unsafe(value: Any) -> Any:
    """The same value with every text in it marked; names of fields are ours, or checked."""
    if isinstance(value, str):
        return UnsafeText(value) if value else value  # an empty one that is marked is read as null
    if isinstance(value, Mapping):
        return {key: unsafe(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [unsafe(one) for one in value]
    return value


def runner_arguments(directory: Path) -> list[str]:
    """The command that runs a prepared directory; never without its explicit inventory."""
    return [
        sys.executable,
        "-m",
        "provisioning.inband.running",
        str(directory),
        str(directory / "hosts" / "hosts.json"),
        str(PLAYBOOKS / "base.yml"),
        str(os.getpid()),
    ]


def environment(directory: Path) -> dict[str, str]:
    """Everything that a playbook's process inherits."""
    return {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), "/usr/bin", "/bin"]),
        "HOME": str(directory),
        "LANG": "C.UTF-8",
        "ANSIBLE_LOCAL_TEMP": str(directory / "local-tmp"),
        "ANSIBLE_HOME": str(directory / "ansible"),
        "ANSIBLE_PIPELINING": "True",
        "ANSIBLE_SSH_TRANSFER_METHOD": "piped",  # not every host offers sftp
        "ANSIBLE_SSH_ARGS": "",  # its own defaults; what is wanted stands in the inventory
        "ANSIBLE_SSH_CONTROL_PATH_DIR": str(directory / "cp"),
    }


async def _run(
    directory: Path, *, told: Callable[[str], None], deadline_s: float, key: int | None = None
) -> PlayResult:
    """`key`: a descriptor of the account's key, for this run's process alone."""
    process = await asyncio.create_subprocess_exec(
        *(*runner_arguments(directory), *([str(key)] if key is not None else ())),
        pass_fds=(key,) if key is not None else (),
        cwd=directory,
        env=environment(directory),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        limit=LINE_MAX_BYTES,
        start_new_session=True,
    )
    task = ""

    def heard(now: str) -> None:
        nonlocal task
        task = now
        told(now)

    try:
        async with asyncio.timeout(deadline_s):
            last, err = await asyncio.gather(_lines(process.stdout, heard), _rest(process.stderr))
            await process.wait()
    except TimeoutError:
        said = f"no end within {deadline_s:.0f} s"
        return PlayResult(ok=False, changed=0, task=task or "run", output=said)
    except ValueError:  # what a stream says of a line that is longer than its limit
        said = f"it said a line of more than {LINE_MAX_BYTES} bytes"
        return PlayResult(ok=False, changed=0, task=task or "run", output=said)
    finally:
        if process.returncode is None:  # timed out or cancelled: leave nothing behind
            os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
    return _result(process.returncode or 0, last, err)


async def _lines(stream: asyncio.StreamReader | None, heard: Callable[[str], None]) -> bytes:
    """Tell of every task that begins; the last line is the result."""
    last = b""
    async for line in stream or ():  # type: ignore[union-attr]  # a pipe was asked for
        last = line
        if line.startswith(b'{"doing"'):
            heard(str(json.loads(line)["doing"]))
    return last


async def _rest(stream: asyncio.StreamReader | None) -> bytes:
    """What it complained of, as far as anybody reads it."""
    kept = b""
    while stream is not None and (part := await stream.read(64 * 1024)):
        kept = (kept + part)[-4 * OUTPUT_MAX_CHARS :]
    return kept


def _result(code: int, last: bytes, err: bytes) -> PlayResult:
    try:
        found = json.loads(last)
        return PlayResult(
            ok=bool(found["ok"]),
            changed=int(found["changed"]),
            task=printable(str(found["task"])),
            output=printable(str(found["output"]))[:OUTPUT_MAX_CHARS],
        )
    except (ValueError, KeyError, TypeError):
        tail = printable(err.decode(errors="replace"))[-OUTPUT_MAX_CHARS:]
        return PlayResult(ok=False, changed=0, task="run", output=f"exit code {code}: {tail}")


def printable(text: str) -> str:
    """What a host said, as one line that no terminal takes for anything else."""
    return "".join(one if one.isprintable() else " " for one in text).strip()
