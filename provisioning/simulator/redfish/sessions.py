"""Who may talk to a BMC: its accounts, and the few sessions that it can hold at once."""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from provisioning.simulator.errors import ActionRefused
from provisioning.simulator.state import Account

SESSION_LIMIT = 8
"""Between the 4 and 16 that real BMCs allow."""
SESSION_TIMEOUT_S = 1800.0
TOKEN_MARK = "simulated-session-"  # noqa: S105 - how simulated tokens begin, and no secret
"""Of every token, so that one that leaks anywhere is found, whichever it is."""
ROLES: dict[str, tuple[str, ...]] = {
    "Administrator": (
        "Login",
        "ConfigureManager",
        "ConfigureUsers",
        "ConfigureComponents",
        "ConfigureSelf",
    ),
    "Operator": ("Login", "ConfigureComponents", "ConfigureSelf"),
    "ReadOnly": ("Login", "ConfigureSelf"),
}


@dataclass(slots=True)
class Session:
    """One login."""

    number: str
    username: str
    token: str
    created_at: float
    used_at: float


@dataclass(slots=True)
class Sessions:
    """The session table; it dies with the BMC, as a real one's does."""

    now: Callable[[], float]
    limit: int = SESSION_LIMIT
    timeout_s: float = SESSION_TIMEOUT_S
    open: dict[str, Session] = field(default_factory=dict)
    _next: int = 1

    def create(self, username: str, *, room: int) -> Session:
        """Log in, unless the table is full: others may have left less `room` than there is."""
        self._expire()
        if len(self.open) >= min(room, self.limit):
            raise ActionRefused(503, "SessionLimitExceeded")
        moment = self.now()
        token = f"{TOKEN_MARK}{secrets.token_hex(16)}"
        session = Session(str(self._next), username, token, moment, moment)
        self._next += 1
        self.open[session.number] = session
        return session

    def by_token(self, token: str) -> Session | None:
        """The session of a token; using it keeps it alive."""
        self._expire()
        for session in self.open.values():
            if secrets.compare_digest(session.token.encode(), token.encode()):
                session.used_at = self.now()
                return session
        return None

    def close(self, number: str) -> None:
        """Log out."""
        self.open.pop(number, None)

    def close_of(self, username: str) -> None:
        """Log out every session of a removed or changed account."""
        self.open = {n: s for n, s in self.open.items() if s.username != username}

    def _expire(self) -> None:
        oldest = self.now() - self.timeout_s
        self.open = {n: s for n, s in self.open.items() if s.used_at >= oldest}


class HasAccounts(Protocol):
    """The state of anything that people log in to."""

    @property
    def accounts(self) -> Sequence[Account]:
        """Who may."""


def login(state: HasAccounts, username: str, password: str) -> Account | None:
    """The enabled account that these credentials open."""
    for account in state.accounts:
        # Both are always compared, so that an answer's time tells nothing of the user name.
        same_name = secrets.compare_digest(account.username.encode(), username.encode())
        same_word = secrets.compare_digest(account.password.encode(), password.encode())
        if same_name and same_word and account.enabled:
            return account
    return None


def basic_credentials(header: str) -> tuple[str, str] | None:
    """User name and password of an Authorization header."""
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        username, separator, password = base64.b64decode(encoded).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return (username, password) if separator else None


def timestamp(at: float) -> str:
    """Redfish's date and time."""
    moment = dt.datetime.fromtimestamp(int(at), tz=dt.UTC)
    return moment.isoformat().replace("+00:00", "Z")
