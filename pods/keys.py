"""The keys that sign certificates, and the ring of those whose statements are believed.

What a key may say is not in the key: whoever trusts it writes down its purpose. A key for
simulated hardware can so never vouch for real hardware, even when its holder would like it to.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from pods.errors import KeyRefused, shown

Purpose = Literal["production", "simulated"]

KEY_MAX_BYTES = 16 * 1024
"""An Ed25519 PEM file has 119 bytes."""

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


@dataclass(frozen=True, slots=True)
class TrustedKey:
    """A public key, and which statements it may sign."""

    public_key: Ed25519PublicKey
    purpose: Purpose
    signs_from: datetime | None = None
    """Statements that say they are older are not this key's; None: whenever."""
    signs_until: datetime | None = None
    """Statements that say they are newer are not believed: the key was retired then."""
    replaces: frozenset[str] = frozenset()
    """Keys that handed over to this one, each by a rotation that it signed."""


Keyring = Mapping[str, TrustedKey]
"""Key id to the key that it names."""


def key_id(public_key: Ed25519PublicKey) -> str:
    """The sha256 of the raw public key, in hexadecimal."""
    raw = public_key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return hashlib.sha256(raw).hexdigest()


def keyring(*keys: tuple[Ed25519PublicKey, Purpose]) -> dict[str, TrustedKey]:
    """A ring of these keys; one key cannot have two purposes."""
    ring: dict[str, TrustedKey] = {}
    for public_key, purpose in keys:
        name = key_id(public_key)
        if name in ring and ring[name].purpose != purpose:
            raise KeyRefused(
                f"key {name[:16]}… is trusted both for production and for simulated hardware",
                hint="sign simulated statements with a key of their own",
            )
        ring[name] = TrustedKey(public_key, purpose)
    return ring


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key in memory. Its repr shows nothing of it."""

    private_key: Ed25519PrivateKey
    purpose: Purpose

    def __repr__(self) -> str:
        return f"SigningKey(key_id={self.key_id!r}, purpose={self.purpose!r})"

    @classmethod
    def generate(cls, path: Path, *, purpose: Purpose) -> SigningKey:
        """A new key, written to a file that only its owner can read; never over an old one."""
        private_key = Ed25519PrivateKey.generate()
        pem = private_key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        try:
            descriptor = os.open(path, flags, 0o600)
        except FileExistsError as error:
            raise KeyRefused(
                f"a file lies at {path} already",
                hint="load that key, or choose another path: keys are never overwritten",
            ) from error
        except OSError as error:
            raise KeyRefused(
                f"cannot write a key to {path}: {error.strerror}",
                hint="choose a folder that exists and that you may write to",
            ) from error
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(file.fileno(), 0o600)
            file.write(pem)
            file.flush()
            os.fsync(file.fileno())
        return cls(private_key, purpose)

    @classmethod
    def load(cls, path: Path, *, purpose: Purpose) -> SigningKey:
        """The key in a file; refused when anybody but its owner may read it."""
        try:
            with path.open("rb") as file:
                status = os.fstat(file.fileno())
                pem = file.read(KEY_MAX_BYTES)
        except OSError as error:
            raise KeyRefused(
                f"cannot read the signing key {path}: {error.strerror}",
                hint="give the path of a key that podyard generated",
            ) from error
        if status.st_mode & _OTHERS:
            raise KeyRefused(
                f"the signing key {path} can be read or changed by others "
                f"(mode {stat.S_IMODE(status.st_mode):04o})",
                hint=f"chmod 600 {path}; if others had access, make a new key instead",
            )
        try:
            private_key = serialization.load_pem_private_key(pem, password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise KeyRefused(
                f"{path} does not hold a signing key", hint="give an unencrypted PKCS 8 PEM file"
            ) from error
        if not isinstance(private_key, Ed25519PrivateKey):
            raise KeyRefused(
                f"{path} holds a key of another kind", hint="certificates are signed by Ed25519"
            )
        return cls(private_key, purpose)

    @property
    def public_key(self) -> Ed25519PublicKey:
        """The public half."""
        return self.private_key.public_key()

    @property
    def key_id(self) -> str:
        """The name of this key in envelopes and key rings."""
        return key_id(self.public_key)

    def public_pem(self) -> bytes:
        """The public half, for those who verify."""
        return self.public_key.public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    def ring(self) -> dict[str, TrustedKey]:
        """A key ring that trusts this key for its own purpose."""
        return keyring((self.public_key, self.purpose))


def public_key_from_pem(pem: bytes, *, source: str = "the public key") -> Ed25519PublicKey:
    """A public key as `public_pem` exports it; a private key here is refused loudly."""
    if b"PRIVATE KEY" in pem[:KEY_MAX_BYTES]:
        raise KeyRefused(
            f"{source} holds a private key",
            hint="give the public half; whoever received this file must not have it",
        )
    try:
        public_key = serialization.load_pem_public_key(pem[:KEY_MAX_BYTES])
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise KeyRefused(
            f"{source} is not a public key: {shown(pem[:30].decode('latin-1'))}",
            hint="give the PEM file that begins with -----BEGIN PUBLIC KEY-----",
        ) from error
    if not isinstance(public_key, Ed25519PublicKey):
        raise KeyRefused(
            f"{source} holds a key of another kind", hint="certificates are signed by Ed25519"
        )
    return public_key
