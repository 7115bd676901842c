"""API keys: `pyd_<id>_<secret>`, shown once, stored as a hash.

The secret has 256 random bits, so a plain SHA-256 keeps it safe in a stolen database; a slow hash
would only slow us. Comparison is constant-time. The prefix lets secret scanners find a leaked key.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from datetime import datetime, timedelta
from typing import Literal

from inventory.model import ApiKey

KEY_FORM = re.compile(r"^pyd_([a-z0-9]{12})_([A-Za-z0-9_-]{43})$")

Role = Literal["viewer", "operator", "admin", "tenant", "setup"]


def mint(
    role: Role,
    *,
    now: datetime,
    tenant: str = "",
    valid: timedelta | None = None,
    requests_per_minute: int = 0,
) -> tuple[ApiKey, str]:
    """A new key record, and the text that is shown once."""
    key_id = secrets.token_hex(6)
    secret = secrets.token_urlsafe(32)
    record = ApiKey(
        id=key_id,
        secret_hash=hash_secret(secret),
        role=role,
        tenant=tenant,
        requests_per_minute=requests_per_minute,
        created_at=now,
        expires_at=now + valid if valid is not None else None,
    )
    return record, f"pyd_{key_id}_{secret}"


def split(text: str) -> tuple[str, str] | None:
    """Key id and secret, or None when the text is no podyard key."""
    found = KEY_FORM.match(text)
    return (found[1], found[2]) if found else None


def hash_secret(secret: str) -> str:
    """What is stored of a secret."""
    return hashlib.sha256(secret.encode()).hexdigest()


def opens(record: ApiKey, secret: str, *, now: datetime) -> bool:
    """True when this secret belongs to this key and the key may still be used."""
    right = hmac.compare_digest(record.secret_hash, hash_secret(secret))
    return right and in_force(record, now=now)


def in_force(record: ApiKey, *, now: datetime) -> bool:
    """True while a key is neither revoked nor expired."""
    revoked = record.revoked_at is not None and record.revoked_at <= now
    expired = record.expires_at is not None and record.expires_at <= now
    return not revoked and not expired
