"""Sessions of browsers: a cookie nobody can guess, kept only as a hash, that ends in time.

The cookie's token has 256 random bits; the record is named by its SHA-256, so a stolen database
signs nobody in. The proof against forged requests is made from the token with HMAC: only who holds
the session can know it, and it need not be kept anywhere.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import datetime, timedelta
from typing import Literal

from starlette.requests import Request
from starlette.responses import Response

from inventory.users import Session

COOKIE = "podyard_session"
TOKEN_BYTES = 32
TOKEN_CHARACTERS_MAX = 64
SEEN_EVERY = timedelta(minutes=1)
"""How exactly a session's last use is kept: a write per request would cost more than it tells."""
LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})


def open_session(
    *,
    now: datetime,
    lasts: timedelta,
    user: str = "",
    key_id: str = "",
    address: str = "",
) -> tuple[Session, str]:
    """A new session, and the token for its cookie."""
    token = secrets.token_urlsafe(TOKEN_BYTES)
    record = Session(
        id=session_id(token),
        user=user,
        key_id=key_id,
        address=address,
        created_at=now,
        expires_at=now + lasts,
        seen_at=now,
    )
    return record, token


def session_id(token: str) -> str:
    """The name of a token's record."""
    return hashlib.sha256(token.encode()).hexdigest()


def in_force(session: Session, *, now: datetime, idle: timedelta) -> bool:
    """True until a session's end, or until nobody used it for long."""
    return now < session.expires_at and now < session.seen_at + idle


def due_for_seen(session: Session, *, now: datetime) -> bool:
    """True when its last use should be written down again."""
    return now >= session.seen_at + SEEN_EVERY


def token_of(request: Request) -> str:
    """The session token that a request carries, or nothing."""
    token = request.cookies.get(COOKIE, "")
    return token if len(token) <= TOKEN_CHARACTERS_MAX else ""


def csrf_token(request: Request) -> str:
    """What a page of this session sends back with everything that changes something."""
    return csrf_of(token_of(request))


def csrf_of(token: str) -> str:
    """The proof that belongs to a session's token; nothing without a session."""
    if not token:
        return ""
    return hmac.new(token.encode(), b"podyard csrf", hashlib.sha256).hexdigest()


def set_cookie(
    request: Request,
    response: Response,
    *,
    name: str,
    value: str,
    path: str = "/",
    lasts: timedelta,
    same_site: Literal["lax", "strict"] = "lax",
) -> None:
    """A cookie that scripts cannot read, and that leaves the machine over TLS alone."""
    response.set_cookie(
        name,
        value,
        max_age=int(lasts.total_seconds()),
        path=path,
        secure=not _plain_loopback(request),
        httponly=True,
        samesite=same_site,
    )


def clear_cookie(request: Request, response: Response, *, name: str, path: str = "/") -> None:
    """Take a cookie back."""
    response.delete_cookie(
        name, path=path, secure=not _plain_loopback(request), httponly=True, samesite="lax"
    )


def _plain_loopback(request: Request) -> bool:
    """True for a browser on this machine: it alone may do without TLS."""
    host = request.headers.get("host", "")
    name = host if host.endswith("]") else host.rpartition(":")[0] or host
    return request.url.scheme == "http" and name in LOOPBACK
