"""Signed heads of the audit log, kept outside of the database.

Whoever holds the database can make a whole new chain, or cut one short. What they cannot do is sign
its head: the key lies in a file of its own, and so does the last head that it signed. A head that
somebody else keeps (`podyard audit export`) proves the log even against the service's machine.
"""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from pydantic import BaseModel, ConfigDict, ValidationError

from inventory.audit import Head
from inventory.errors import Invalid
from inventory.secrets import require_private, write_private

_DOMAIN = b"podyard audit head v1\n"


class Anchor(BaseModel):
    """A head of the log at a time, signed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seq: int
    hash: str
    at: datetime
    public_key: str
    """Ed25519, in hexadecimal: compare it with the one you noted when you began."""
    signature: str = ""

    @property
    def head(self) -> Head:
        """What was signed."""
        return Head(self.seq, self.hash)

    def signed_bytes(self) -> bytes:
        """What the signature covers."""
        said = self.model_dump(mode="json", exclude={"signature"})
        return _DOMAIN + json.dumps(said, sort_keys=True, separators=(",", ":")).encode()

    def genuine(self) -> bool:
        """True when the key that it names signed it."""
        try:
            key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(self.public_key))
            key.verify(bytes.fromhex(self.signature), self.signed_bytes())
        except (InvalidSignature, ValueError):
            return False
        return True


class Anchors:
    """Signs heads, and keeps the last one in a file beside the key."""

    def __init__(self, key: Ed25519PrivateKey, kept: Path) -> None:
        self._key = key
        self._kept = kept

    @classmethod
    def open(cls, key: Path, kept: Path) -> Anchors:
        """With the key of this file, made at the first start."""
        if not key.exists():
            made = Ed25519PrivateKey.generate()
            write_private(key, made.private_bytes_raw())
        require_private(key)
        return cls(Ed25519PrivateKey.from_private_bytes(key.read_bytes()), kept)

    @property
    def public_key(self) -> str:
        """In hexadecimal."""
        return (
            self._key.public_key()
            .public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
            .hex()
        )

    def sign(self, head: Head, *, at: datetime) -> Anchor:
        """A head, signed now."""
        bare = Anchor(seq=head.seq, hash=head.hash, at=at, public_key=self.public_key)
        signature = self._key.sign(bare.signed_bytes()).hex()
        return bare.model_copy(update={"signature": signature})

    def keep(self, anchor: Anchor) -> None:
        """Write it down outside of the database, in place of the one before."""
        write_private(self._kept, anchor.model_dump_json().encode())

    def kept(self) -> Anchor | None:
        """The last one that was written down."""
        try:
            text = self._kept.read_text()
        except FileNotFoundError:
            return None
        return read_anchor(text, where=str(self._kept))


def read_anchor(text: str, *, where: str) -> Anchor:
    """An anchor from JSON."""
    try:
        found: Any = json.loads(text)
        return Anchor.model_validate(found)
    except (ValueError, ValidationError) as error:
        raise Invalid(
            f"{where} holds no signed head of an audit log",
            hint="give a file that podyard audit export wrote",
        ) from error
