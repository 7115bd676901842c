"""An IPMI BMC's address: `ipmi://host[:port]`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self
from urllib.parse import urlsplit

from provisioning.drivers.credentials import BmcMisconfigured

SCHEME = "ipmi"
PORT = 623
_HINT = f"write {SCHEME}://host or {SCHEME}://host:port"


@dataclass(frozen=True, slots=True)
class IpmiEndpoint:
    """Where a BMC listens."""

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
        if parts.scheme != SCHEME or not host:
            raise BmcMisconfigured(f"{shown} is not an IPMI address", hint=_HINT)
        if "@" in parts.netloc or parts.path.strip("/") or parts.query or parts.fragment:
            raise BmcMisconfigured(
                f"{shown}: an address holds no user, password, path, query or fragment", hint=_HINT
            )
        return cls(host=host, port=port)

    @property
    def label(self) -> str:
        """How logs and errors name this BMC."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"
