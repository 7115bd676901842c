"""An adopted host's address: `ssh://host[:port]`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlsplit

from provisioning.drivers.credentials import BmcMisconfigured

SCHEME = "ssh"
PORT = 22
_HINT = f"write {SCHEME}://host or {SCHEME}://host:port; the user stands in the account"
_HOST = re.compile(r"[0-9A-Za-z:][0-9A-Za-z.:-]{0,252}")
"""Never beginning with a dash, which `ssh` would take for an option."""


@dataclass(frozen=True, slots=True)
class SshEndpoint:
    """Where a host's sshd listens."""

    host: str
    port: int

    @classmethod
    def parse(cls, address: str) -> Self:
        """Read an address; credentials, paths, queries and fragments have no place in one."""
        shown = f"{SCHEME}://{address.partition('://')[2].rpartition('@')[2]}"[:200]
        try:
            parts = urlsplit(address)
            host, port = parts.hostname, parts.port or PORT
        except ValueError as error:
            raise BmcMisconfigured(f"{shown}: {error}", hint=_HINT) from error
        if parts.scheme != SCHEME or not host or not _HOST.fullmatch(host):
            raise BmcMisconfigured(f"{shown} is not an SSH address", hint=_HINT)
        if "@" in parts.netloc or parts.path.strip("/") or parts.query or parts.fragment:
            raise BmcMisconfigured(
                f"{shown}: an address holds no user, password, path, query or fragment", hint=_HINT
            )
        return cls(host=host, port=port)

    @property
    def label(self) -> str:
        """How logs and errors name this host."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"
