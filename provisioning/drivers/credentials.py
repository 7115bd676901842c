"""What a person gave us to talk to a BMC: a user, a password, and a reason to trust the far end.

Total control of a host hangs on these few values, so they live in one place: the password cannot
be printed by accident, and a BMC without a pinned certificate or a CA cannot be described at all.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, SecretStr

from provisioning.errors import NeedsOperator

_FINGERPRINT = re.compile(r"sha256:([0-9a-fA-F]{64})")


class BmcMisconfigured(NeedsOperator):
    """An address, fingerprint or CA file from our own records cannot be used."""


class Credentials(BaseModel):
    """A BMC account. `repr`, `str` and JSON show stars instead of the password."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    username: str
    password: SecretStr


@dataclass(frozen=True, slots=True)
class Trust:
    """Which certificate the BMC must present: exactly one, or any that the CA signed."""

    fingerprint: bytes | None
    ca_file: Path | None

    @classmethod
    def parse(cls, *, address: str, fingerprint: str | None, ca_file: Path | None) -> Self:
        """Refuse to trust just anybody. With both given the pin decides, being the stricter."""
        if fingerprint is not None:
            return cls(fingerprint=_digest(address, fingerprint), ca_file=None)
        if ca_file is None:
            raise BmcMisconfigured(
                f"{address}: neither a certificate fingerprint nor a CA file is given",
                hint="record the BMC's fingerprint (sha256:<hex of its DER certificate>) "
                "or name the CA that signed it; podyard never talks to an unverified BMC",
            )
        if not ca_file.is_file():
            raise BmcMisconfigured(
                f"{address}: CA file {ca_file} does not exist",
                hint="give the path of a PEM file that this process may read",
            )
        return cls(fingerprint=None, ca_file=ca_file)


def _digest(address: str, fingerprint: str) -> bytes:
    match = _FINGERPRINT.fullmatch(fingerprint.strip())
    if match is None:
        raise BmcMisconfigured(
            f"{address}: {fingerprint[:80]!r} is not a certificate fingerprint",
            hint="write sha256: and 64 hexadecimal digits, the SHA-256 of the DER certificate",
        )
    return bytes.fromhex(match.group(1))
