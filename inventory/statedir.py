"""The service's own directory: database, keys, journals; one service at a time.

An operating system lock says that no other process works here. It is released by the kernel at the
moment a process dies, whatever killed it, so a start after a crash needs no waiting and no guess.
"""

from __future__ import annotations

import fcntl
import os
from dataclasses import dataclass
from pathlib import Path

from inventory.errors import Conflict, Invalid


@dataclass(frozen=True, slots=True)
class StateDirectory:
    """Where everything that must survive lies."""

    path: Path

    @property
    def database_url(self) -> str:
        """The embedded store."""
        return f"sqlite:///{self.path / 'podyard.db'}"

    def existing_database_url(self) -> str:
        """The embedded store, or Invalid where no service has made one."""
        if not (self.path / "podyard.db").exists():
            raise Invalid(
                f"there is no podyard.db in {self.path}",
                hint="give the service's directory: --state DIR, or its --database",
            )
        return self.database_url

    @property
    def secret_key(self) -> Path:
        """Opens the sealed secrets; back it up apart from the database."""
        return self.path / "keys" / "secrets.key"

    @property
    def authority(self) -> Path:
        """The site's certificate authority."""
        return self.path / "keys"

    @property
    def signing_key(self) -> Path:
        """Signs certificates about real hardware."""
        return self.path / "keys" / "certificate.key"

    @property
    def simulated_key(self) -> Path:
        """Signs certificates about simulated hardware, and never others."""
        return self.path / "keys" / "certificate-simulated.key"

    @property
    def images(self) -> Path:
        """What hosts run, each in a folder named by its content."""
        return self.path / "images"

    @property
    def audit_key(self) -> Path:
        """Signs the head of the audit log."""
        return self.path / "keys" / "audit.key"

    @property
    def audit_anchor(self) -> Path:
        """The last head that was signed: outside of the database, whose holder could cut it."""
        return self.path / "audit-anchor.json"

    @property
    def usage_journal(self) -> Path:
        """What the gateway metered and inventory has not read yet."""
        return self.path / "usage"

    @property
    def usage_cursor(self) -> Path:
        """How far the journal was read."""
        return self.path / "usage-cursor"

    @property
    def setup_token(self) -> Path:
        """The single-use token of the first start."""
        return self.path / "setup-token"

    @property
    def hold(self) -> Path:
        """Its presence holds the fleet, also when nothing else answers."""
        return self.path / "hold"

    @property
    def address(self) -> Path:
        """Where the running service's API listens, for commands on this machine."""
        return self.path / "address.json"

    @property
    def client(self) -> Path:
        """Where this machine's command line finds address and key."""
        return self.path / "client.json"

    def lock(self) -> int:
        """Hold the directory until the process ends; returns the descriptor to keep open."""
        self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(descriptor)
            raise Conflict(
                f"another podyard service works in {self.path}",
                hint="stop it, or give this one a directory of its own: --state DIR",
            ) from error
        return descriptor


def default_state() -> Path:
    """`$XDG_STATE_HOME/podyard`, as the XDG base directory specification says."""
    base = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(base) / "podyard"
