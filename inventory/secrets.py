"""BMC passwords and cluster tokens at rest: sealed per owner and field, the key kept elsewhere.

A thief of a database dump learns nothing, and a row copied to another host does not open there:
owner and field are authenticated with the ciphertext (AES-256-GCM associated data).
"""

from __future__ import annotations

import hmac
import os
import secrets
import stat
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pydantic import SecretStr

from inventory.errors import SecretRefused

NONCE_BYTES = 12  # the length NIST SP 800-38D recommends for GCM


class SecretBox:
    """Seals and opens secrets with one key; while that is being replaced, opens with two."""

    def __init__(self, key: bytes, *, former: bytes | None = None) -> None:
        self._key = key
        self._cipher = AESGCM(key)
        self._former = AESGCM(former) if former is not None else None

    @classmethod
    def open(cls, path: Path) -> SecretBox:
        """Load the key file, or make one readable by its owner alone."""
        if not path.exists():
            write_private(path, new_key())
        require_private(path)
        former = former_key(path)
        if not former.exists():
            return cls(path.read_bytes())
        require_private(former)
        return cls(path.read_bytes(), former=former.read_bytes())

    @classmethod
    def existing(cls, path: Path) -> SecretBox:
        """Load the key file; SecretRefused where there is none: a new key opens nothing."""
        if not path.exists():
            raise SecretRefused(
                f"there is no key {path}",
                hint="give the service's directory with --state, or put the site's keys back",
            )
        return cls.open(path)

    def seal(self, owner: str, name: str, secret: SecretStr) -> bytes:
        """Nonce and ciphertext, bound to owner and field name."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        plain = secret.get_secret_value().encode()
        return nonce + self._cipher.encrypt(nonce, plain, _associated(owner, name))

    def unseal(self, owner: str, name: str, sealed: bytes) -> SecretStr:
        """The secret, or SecretRefused when key, owner or field are not those it was sealed for."""
        for cipher in filter(None, (self._cipher, self._former)):
            if (plain := _opened(cipher, sealed, _associated(owner, name))) is not None:
                return SecretStr(plain.decode())
        raise SecretRefused(
            f"the stored secret {name} of {owner} does not open",
            hint="restore the key file that belongs to this database",
        )

    def reseal(self, owner: str, name: str, sealed: bytes) -> bytes | None:
        """The same secret under the key that seals now; None when it is under that already."""
        if _opened(self._cipher, sealed, _associated(owner, name)) is not None:
            return None
        return self.seal(owner, name, self.unseal(owner, name, sealed))

    def derive(self, owner: str, name: str) -> SecretStr:
        """A secret of an owner that is stored nowhere: whoever has the key makes the same again."""
        said = b"derive|" + _associated(owner, name)
        return SecretStr(hmac.digest(self._key, said, "sha256").hex())


def new_key() -> bytes:
    """A key that nobody has."""
    return AESGCM.generate_key(bit_length=256)


def former_key(path: Path) -> Path:
    """Where the key lies that is being replaced, until no secret needs it."""
    return path.with_name(f"{path.name}.former")


def _opened(cipher: AESGCM, sealed: bytes, associated: bytes) -> bytes | None:
    nonce, ciphertext = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:]
    try:
        return cipher.decrypt(nonce, ciphertext, associated)
    except (InvalidTag, ValueError):  # ValueError: too short to hold a nonce
        return None


def write_private(path: Path, content: bytes) -> None:
    """Create a file that only its owner can read; an existing one is replaced in one step."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


def require_private(path: Path) -> None:
    """Refuse a key file that others can read."""
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        raise SecretRefused(f"{path} can be read by others ({mode:04o})", hint=f"chmod 600 {path}")


def _associated(owner: str, name: str) -> bytes:
    return f"{owner}|{name}".encode()
