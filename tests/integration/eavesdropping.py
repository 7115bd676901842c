"""What leaves a service beside its files and answers: its stream of events, and its processes."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx

LOOK_S = 0.05
SEQ = "id: "


@dataclass
class Ears:
    """Listens until it is told to stop."""

    heard: list[bytes] = field(default_factory=list)
    """Every line of the stream of events."""
    command_lines: set[bytes] = field(default_factory=set)
    """As `ps` shows them to everybody on the machine."""
    environments: set[bytes] = field(default_factory=set)
    """Of what the service started; its own is the operator's."""
    _over: threading.Event = field(default_factory=threading.Event)

    @contextlib.contextmanager
    def listening(self, url: str, key: str, roots: dict[str, int]) -> Iterator[None]:
        """To the stream at `url`, and to the processes below `roots`; `service` is one of them."""
        threads = [
            threading.Thread(target=self._follow, args=(url, key), daemon=True),
            threading.Thread(target=self._watch, args=(roots,), daemon=True),
        ]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._over.set()
            for thread in threads:
                thread.join(20)

    def _follow(self, url: str, key: str) -> None:
        """From where it broke off: the stream is silent for longer than one read may wait."""
        headers = {"Authorization": f"Bearer {key}"}
        while not self._over.is_set():
            with (
                contextlib.suppress(httpx.TransportError),
                httpx.stream(
                    "GET",
                    url,
                    headers=headers,
                    timeout=httpx.Timeout(10, read=5),
                    trust_env=False,
                ) as reply,
            ):
                for line in reply.iter_lines():
                    self.heard.append(line.encode())
                    if line.startswith(SEQ):
                        headers["Last-Event-ID"] = line.removeprefix(SEQ)
                    if self._over.is_set():
                        return

    def _watch(self, roots: dict[str, int]) -> None:
        while not self._over.is_set():
            parents = dict(_parents())
            for name, root in roots.items():
                for pid in _below(root, parents):
                    self.command_lines.add(_read(pid, "cmdline"))
                    if name == "service" and pid != root:
                        self.environments.add(_read(pid, "environ"))
            time.sleep(LOOK_S)


def _parents() -> Iterator[tuple[int, int]]:
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and (told := _read(int(folder.name), "stat")):
            yield int(folder.name), int(told.rpartition(b")")[2].split()[1])


def _below(root: int, parents: dict[int, int]) -> set[int]:
    """A process and everything that it started."""
    found = {root}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return found


def _read(pid: int, what: str) -> bytes:
    """Empty for a process that is gone."""
    try:
        return Path("/proc", str(pid), what).read_bytes()
    except OSError:
        return b""
