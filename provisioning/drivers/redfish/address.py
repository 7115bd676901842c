"""A Redfish BMC's address: `redfish+https://host:port`, with the System's path where needed.

Services that stand for many machines (an emulator, a chassis manager) have many Systems; the path
then says which one is meant, so that nobody powers off a neighbour.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self
from urllib.parse import urlsplit

from provisioning.drivers.credentials import BmcMisconfigured
from provisioning.drivers.redfish.answers import link
from provisioning.errors import AnswerRefused

SCHEME = "redfish+https"
_SYSTEMS = "/redfish/v1/Systems/"
_HINT = f"write {SCHEME}://host:port or {SCHEME}://host:port/redfish/v1/Systems/ID"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a BMC listens, and the System on it when the address names one."""

    host: str
    port: int
    system_path: str | None = None

    @classmethod
    def parse(cls, address: str) -> Self:
        """Read an address; credentials, queries and fragments have no place in one."""
        try:
            parts = urlsplit(address)
            host, port = parts.hostname, parts.port or 443
        except ValueError as error:
            raise BmcMisconfigured(f"{_shown(address)}: {error}", hint=_HINT) from error
        if parts.scheme != SCHEME or not host:
            raise BmcMisconfigured(f"{_shown(address)} is not a Redfish address", hint=_HINT)
        if "@" in parts.netloc or parts.query or parts.fragment:
            raise BmcMisconfigured(
                f"{_shown(address)}: an address holds no user, password, query or fragment",
                hint=_HINT,
            )
        return cls(host=host, port=port, system_path=_system_path(address, parts.path))

    @property
    def label(self) -> str:
        """How logs and errors name this BMC."""
        return f"{self._bracketed}:{self.port}"

    @property
    def base_url(self) -> str:
        """The origin every request goes to."""
        return f"https://{self.label}"

    @property
    def _bracketed(self) -> str:
        return f"[{self.host}]" if ":" in self.host else self.host


def _system_path(address: str, path: str) -> str | None:
    if path in {"", "/"}:
        return None
    try:
        checked = link(path.rstrip("/"))
    except AnswerRefused:
        checked = ""
    if not checked.startswith(_SYSTEMS):
        raise BmcMisconfigured(f"{_shown(address)}: the path is not a System's", hint=_HINT)
    return checked


def _shown(address: str) -> str:
    """The address without what may be a password in it."""
    scheme, _, rest = address.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"[:200]
