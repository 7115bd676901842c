"""The tutorial does what it says: its commands are run in order, its answers are looked for.

The page is the script. A `console` block's `$ ` lines are run by one shell after another that share
folder and exported variables; the other lines are what the reader was promised, where `…` stands
for anything. A block after `<!-- terminal: NAME -->` runs until `<!-- interrupt: NAME … -->`. Only
the ports are other ones.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "tutorial.md"
STEP = re.compile(
    r"<!-- (?P<mark>terminal|interrupt): (?P<names>[^>]+?) -->|"
    r"^```console\n(?P<block>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
COMMAND_S, START_S, STOP_S = 180, 60, 40
PORTS = ("8470", "8471", "8480")
SERVE = "podyard serve"


@dataclass(frozen=True)
class Command:
    """One command and what the page promises of its answer."""

    text: str
    promised: tuple[str, ...]
    terminal: str = ""


@dataclass(frozen=True)
class Interrupt:
    """Ctrl-C in these terminals, one after the other."""

    terminals: tuple[str, ...]


def steps(page: str) -> Iterator[Command | Interrupt]:
    """What a reader does, in order."""
    terminal = ""
    for found in STEP.finditer(page):
        if found["mark"] == "terminal":
            terminal = found["names"]
        elif found["mark"] == "interrupt":
            yield Interrupt(tuple(found["names"].split()))
        else:
            yield from commands(found["block"], terminal)
            terminal = ""


def commands(block: str, terminal: str) -> Iterator[Command]:
    """Commands of a block: `$ ` begins one, a backslash goes on, the rest is promised."""
    text, promised = "", list[str]()
    for line in block.splitlines():
        if text.endswith("\\"):
            text = text[:-1] + line.strip()
        elif line.startswith("$ "):
            if text:
                yield Command(text, tuple(promised), terminal)
            text, promised = line[2:], []
        else:
            promised.append(line)
    yield Command(text, tuple(promised), terminal)


def missing(promised: tuple[str, ...], output: str) -> list[str]:
    """Promised lines that are not in the output, whatever its width and line breaks."""
    said = re.sub(r"\s+", "", output)
    patterns = {
        line: ".*?".join(re.escape(re.sub(r"\s+", "", part)) for part in line.split("…"))
        for line in promised
    }
    return [line for line, pattern in patterns.items() if not re.search(pattern, said)]


@dataclass
class Reader:
    """Somebody who types the page, with free ports."""

    folder: Path
    ports: dict[str, str]
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def follow(self, step: Command | Interrupt) -> None:
        """Do one step and hold the page to its word."""
        match step:
            case Interrupt(terminals):
                for name in terminals:
                    self.interrupt(name)
            case Command(terminal=""):
                self.run(step)
            case Command():
                self.start(step)

    def run(self, command: Command) -> None:
        """One command in the third terminal."""
        saved = self.folder / ".shell"
        script = (
            f"[ -e {saved} ] && . {saved}\nset -o pipefail\n{self.with_ports(command.text)}\n"
            f"code=$?\ndeclare -px > {saved}\nexit $code\n"
        )
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=self.folder,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=COMMAND_S,
            check=False,
        )
        output = done.stdout.decode()
        assert done.returncode == 0, f"$ {command.text}\n{output}\n{self.last_words()}"
        self.hold(command, output)

    def start(self, command: Command) -> None:
        """One command in a terminal of its own; wait for what it promises."""
        log = self.folder / f"{command.terminal}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                ["bash", "-c", f"exec {self.with_ports(command.text)}"],
                cwd=self.folder,
                env=self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.running[command.terminal] = process
        ends = time.monotonic() + START_S
        while missing(self.promised(command), log.read_text()) and time.monotonic() < ends:
            assert process.poll() is None, log.read_text()
            time.sleep(0.2)
        self.hold(command, log.read_text())

    def interrupt(self, name: str) -> None:
        """Ctrl-C, and it ends by itself and well."""
        process = self.running.pop(name)
        process.send_signal(signal.SIGINT)
        try:
            code = process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            raise
        assert code == 0, (self.folder / f"{name}.log").read_text()[-2000:]

    def hold(self, command: Command, output: str) -> None:
        lost = missing(self.promised(command), output)
        assert not lost, f"$ {command.text}\npromised {lost}, said:\n{output}"

    def promised(self, command: Command) -> tuple[str, ...]:
        return tuple(self.with_ports(line) for line in command.promised)

    def with_ports(self, text: str) -> str:
        for told, real in self.ports.items():
            text = text.replace(f"127.0.0.1:{told}", f"127.0.0.1:{real}")
        listen, agents, gateway = self.ports.values()
        return text.replace(
            SERVE,
            f"{SERVE} --listen 127.0.0.1:{listen} --agent-listen 127.0.0.1:{agents} "
            f"--gateway-listen 127.0.0.1:{gateway}",
        )

    def environment(self) -> dict[str, str]:
        """An ordinary one, with this environment's programs first."""
        kept = {k: v for k, v in os.environ.items() if k in {"HOME", "LANG", "TMPDIR", "TERM"}}
        path = f"{Path(sys.executable).parent}:{os.environ.get('PATH', '/usr/bin:/bin')}"
        return {**kept, "PATH": path, "PYTHONPATH": str(ROOT), "COLUMNS": "200"}

    def last_words(self) -> str:
        """Of whatever still runs."""
        return "\n".join(log.read_text()[-1500:] for log in self.folder.glob("*.log"))

    def close(self) -> None:
        """End what a failed test left; the hall ends its hosts when it ends."""
        for process in self.running.values():
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@pytest.fixture
def reader() -> Iterator[Reader]:
    """A folder like a clone's. Its path is short: Unix sockets allow 107 bytes."""
    folder = Path(tempfile.mkdtemp(prefix="py", dir="/tmp"))
    (folder / "examples").symlink_to(ROOT / "examples")
    with ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in PORTS]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        free = [str(probe.getsockname()[1]) for probe in probes]
    typing = Reader(folder, dict(zip(PORTS, free, strict=True)))
    yield typing
    typing.close()
    shutil.rmtree(folder, ignore_errors=True)


def programs_of(folder: Path) -> list[str]:
    """Command lines of processes that name this folder or work in it."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            inside = str((entry / "cwd").readlink()).startswith(str(folder))
        except OSError:
            continue  # it ended meanwhile, or is somebody else's
        if inside or str(folder) in line:
            found.append(line)
    return found


@pytest.mark.integration
@pytest.mark.ray
@pytest.mark.timeout(400)
def test_the_tutorial_does_what_it_says(reader: Reader) -> None:
    for step in steps(PAGE.read_text()):
        reader.follow(step)
    assert reader.running == {}
    assert programs_of(reader.folder) == []


def test_a_promise_that_is_not_kept_is_noticed() -> None:
    assert missing(("state…bound", "2 nodes"), "state   bou\nnd\n") == ["2 nodes"]


def test_the_page_is_read_as_a_person_reads_it() -> None:
    page = (
        "<!-- terminal: hall -->\n```console\n$ a \\\n    b\nready\n```\n"
        "```console\n$ c\n$ d\n…\n```\n<!-- interrupt: hall -->\n"
    )
    assert list(steps(page)) == [
        Command("a b", ("ready",), "hall"),
        Command("c", ()),
        Command("d", ("…",)),
        Interrupt(("hall",)),
    ]
