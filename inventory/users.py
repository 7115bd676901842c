"""The people who sign in, what each may do where, and their sessions in a browser.

Only what must be kept: a password is an Argon2id hash, a session is named by the hash of its
cookie, so that nobody who reads the database can sign in with what stands there.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from inventory.model import Name, Record


class Grant(Record):
    """A role at one site, or everywhere."""

    role: Literal["viewer", "operator", "admin"]
    site: str = ""
    """Empty: at every site."""


class User(Record):
    """A person with a name of her own."""

    name: Name
    display: str = ""
    email: str = ""
    password_hash: str = ""
    """Empty: cannot sign in with a password."""
    oidc_issuer: str = ""
    oidc_subject: str = ""
    grants: tuple[Grant, ...] = ()
    tenant: str = ""
    """Set for a tenant's own people: they see that tenant's things alone."""
    disabled: bool = False
    created_at: datetime
    password_changed_at: datetime | None = None
    last_login_at: datetime | None = None
    version: int = 1


class Session(Record):
    """A browser that somebody signed in with."""

    id: str
    """The hash of the cookie's token."""
    user: str = ""
    key_id: str = ""
    """Set instead of `user` when it was opened with an API key."""
    address: str = ""
    created_at: datetime
    expires_at: datetime
    seen_at: datetime
    version: int = 1
