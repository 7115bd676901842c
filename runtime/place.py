"""Where an agent runs: its directories, and whether the network around it is its own.

Three environment variables say it, set by whoever starts the agent (the hall for a simulated
host, the unit file for a real one). Everything else is derived here, so no other module reads the
environment or spells a path of the host.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

RAY_TEMP = Path("/tmp/ray")  # noqa: S108 - used, and emptied, only where it is a mount of ours
RAY_TEMP_BYTES_MAX = 107 - 60
"""A socket path has 107 bytes; Ray adds `/session_<time>_<pid>/sockets/plasma_store`."""

RELAY_DASHBOARD = "relay/dashboard.sock"
RELAY_SERVE = "relay/serve.sock"
"""Relative to the run directory, which agent and controller see under different paths."""


@dataclass(frozen=True, slots=True)
class Place:
    """One host's directories."""

    run: Path
    """Sockets, identity, what the hall left: gone with the boot."""
    root: Path
    """Stands for the host's file system."""
    isolated: bool
    """The host has a network namespace, or a machine, of its own."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Place:
        """A host that is told nothing is a real one."""
        return cls(
            run=Path(environment.get("PODYARD_HOST_RUN", "/run/podyard")),
            root=Path(environment.get("PODYARD_HOST_ROOT", "/")),
            isolated=environment.get("PODYARD_HOST_ISOLATED", "1") == "1",
        )

    @property
    def runs_from(self) -> Literal["", "memory", "disk"]:
        """Where its root lies, as an image of ours wrote it down in its initrd."""
        try:
            said = (self.run / "policy").read_text().strip()
        except OSError:  # no image of ours started it
            return ""
        return "memory" if said == "memory" else "disk" if said == "disk" else ""

    @property
    def identity(self) -> Path:
        """The agent's key and certificate."""
        return self.run / "agent"

    @property
    def uplink(self) -> Path:
        """The hall's relay to the controller's agent door; absent on a real host."""
        return self.run / "uplink.sock"

    @property
    def hall(self) -> Path:
        """Where a simulated host asks for its tenant network; absent on a real host."""
        return self.run / "hall.sock"

    @property
    def guard_word(self) -> Path:
        """What the next agent of this boot must know of the Ray that runs here."""
        return self.run / "ray-order.json"

    @property
    def guard_pid(self) -> Path:
        """Which process guards that Ray, in its own words."""
        return self.run / "ray-guard"

    @property
    def kernel_log(self) -> Path:
        """What the kernel of a simulated host would have written; a real one has its own."""
        return self.root / "var/log/kernel.log"

    @property
    def ray_token(self) -> Path:
        """The token of the cluster that this host is part of."""
        return self.root / "etc/podyard/ray-token"

    @property
    def ray_tls(self) -> Path:
        """The certificates of the cluster that this host is part of."""
        return self.root / "etc/podyard/ray-tls"

    @property
    def ray_store(self) -> Path:
        """What a head must still know when it starts again; below it, one folder per cluster."""
        return self.root / "var/lib/podyard/ray-store"

    @property
    def ray_log(self) -> Path:
        """What `ray start` printed."""
        return self.root / "var/log/ray.log"

    @property
    def ray_temp(self) -> Path:
        """Ray's session directory, short enough for the sockets that Ray makes below it."""
        if self.isolated and is_mount(RAY_TEMP):
            return RAY_TEMP
        own = self.root / "var/lib/podyard/ray" if self.isolated else self.run / "ray"
        if len(os.fsencode(own)) <= RAY_TEMP_BYTES_MAX:
            return own
        mark = hashlib.sha256(os.fsencode(self.run)).hexdigest()[:12]
        return Path(f"/tmp/pyd-ray-{mark}")  # noqa: S108 - made 0700, and checked to be ours

    @property
    def home(self) -> Path:
        """What Ray's processes and jobs see as home."""
        return self.root / "root"

    @property
    def scratch(self) -> Path:
        """Where the disk test writes: the host's own file system."""
        return self.root / "var/tmp"


def is_mount(path: Path, *, mounts: Path = Path("/proc/self/mountinfo")) -> bool:
    """True for bind mounts too, which `os.path.ismount` does not see on the same file system."""
    return any(line.split()[4] == str(path) for line in mounts.read_text().splitlines())
