"""API keys: `pyd_<id>_<secret>`, shown once, stored as a hash.

The secret has 256 random bits, so a plain SHA-256 keeps it safe in a stolen database; a slow hash
would only slow us. Comparison is constant-time. The prefix lets secret scanners find a leaked key.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address, ip_network
from typing import Literal

from inventory.model import ApiKey
from inventory.permissions import Permission

KEY_FORM = re.compile(r"^pyd_([a-z0-9]{12})_([A-Za-z0-9_-]{43})$")

Role = Literal["viewer", "operator", "admin", "tenant", "setup"]


USED_EVERY = timedelta(minutes=5)
"""How exactly a key's last use is kept."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What narrows a key beyond its role."""

    permissions: tuple[str, ...] = ()
    read_only: bool = False
    networks: tuple[str, ...] = ()
    sites: tuple[str, ...] = ()

    @classmethod
    def of(cls, key: ApiKey) -> Scope:
        """A key's own."""
        return cls(key.permissions, key.read_only, key.networks, key.sites)


def mint(
    role: Role,
    *,
    now: datetime,
    tenant: str = "",
    valid: timedelta | None = None,
    requests_per_minute: int = 0,
    scope: Scope = Scope(),
    title: str = "",
) -> tuple[ApiKey, str]:
    """A new key record, and the text that is shown once."""
    key_id = secrets.token_hex(6)
    secret = secrets.token_urlsafe(32)
    record = ApiKey(
        id=key_id,
        secret_hash=hash_secret(secret),
        title=title,
        role=role,
        tenant=tenant,
        sites=scope.sites,
        permissions=scope.permissions,
        read_only=scope.read_only,
        networks=scope.networks,
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


def permitted(record: ApiKey) -> frozenset[Permission] | None:
    """What a key is narrowed to within its role; None: it is not narrowed.

    A permission that this release does not know is no permission.
    """
    if not record.permissions and not record.read_only:
        return None
    known = {p for p in Permission if p in record.permissions or not record.permissions}
    if record.read_only:
        known = {p for p in known if p.endswith(":read") or p is Permission.SELF}
    return frozenset(known)


def allows(record: ApiKey, permission: Permission) -> bool:
    """True when a key was not narrowed to less than this."""
    only = permitted(record)
    return only is None or permission in only


def usable_from(record: ApiKey, address: str) -> bool:
    """True when a key may be used from where this request came from."""
    if not record.networks:
        return True
    try:
        at = ip_address(address.partition("%")[0])
    except ValueError:
        return False  # a Unix socket has no address, and a key with networks wants one
    mapped = getattr(at, "ipv4_mapped", None)
    return any((mapped or at) in ip_network(network) for network in record.networks)


def due_for_used(record: ApiKey, *, now: datetime) -> bool:
    """True when its last use should be written down again."""
    return record.last_used_at is None or now >= record.last_used_at + USED_EVERY
