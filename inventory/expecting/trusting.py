"""Whether the certificate that a found BMC shows may be pinned: who says that it is the BMC's.

A person may have written its fingerprint into the row of the expected host; an authority that the
site named may have signed it; or nobody says so, and it is taken at first sight, which is what
somebody between podyard and the BMC would wish for: the first log-in brings them the factory
password. A site that does not want that says `PODYARD_ONBOARDING_FIRST_SIGHT=false`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.x509.oid import NameOID
from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from inventory.expected_hosts import ExpectedHost
from inventory.found_bmcs import FoundBmc

AUTHORITIES_MAX_BYTES = 1024 * 1024
NAME_MAX = 80


class OnboardingSettings(BaseSettings):
    """Read by the composition root from `PODYARD_ONBOARDING_…`."""

    model_config = SettingsConfigDict(env_prefix="PODYARD_ONBOARDING_", frozen=True)

    first_sight: bool = Field(default=True)
    """Whether the certificate that discovery saw is pinned though nobody vouches for it; false:
    an expected host needs a fingerprint in its row, or a certificate of `bmc_authorities`."""
    bmc_authorities: Path | None = Field(default=None)
    """Authorities (PEM, one or several) whose signature under a BMC's certificate is as good as a
    fingerprint: the vendor's, or the site's own."""


def is_first_sight(row: ExpectedHost, bmc: FoundBmc | None) -> bool:
    """Whether nobody says that this certificate is the BMC's."""
    return bmc is not None and bool(bmc.fingerprint) and not (row.fingerprint or bmc.vouched_by)


def authorities_in(path: Path | None) -> tuple[x509.Certificate, ...]:
    """The authorities of a file; an unreadable one stops the start, for it was meant to protect."""
    if path is None:
        return ()
    raw = path.read_bytes()[: AUTHORITIES_MAX_BYTES + 1]
    try:
        found = x509.load_pem_x509_certificates(raw)
    except ValueError as error:
        raise ValueError(
            f"PODYARD_ONBOARDING_BMC_AUTHORITIES={path} holds no certificates: {error}; "
            "hint: give the authorities' certificates in PEM, one after the other"
        ) from error
    return tuple(found)


def vouched_by(
    certificate: bytes, authorities: Sequence[x509.Certificate], *, now: datetime
) -> str:
    """The name of the authority that issued this certificate (DER); empty: none did, or not now."""
    try:
        leaf = x509.load_der_x509_certificate(certificate)
    except ValueError:
        return ""
    if not leaf.not_valid_before_utc <= now <= leaf.not_valid_after_utc:
        return ""
    for one in authorities:
        if one.not_valid_before_utc <= now <= one.not_valid_after_utc and _issued(leaf, one):
            return _name(one)
    return ""


def _issued(leaf: x509.Certificate, authority: x509.Certificate) -> bool:
    try:
        leaf.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _name(authority: x509.Certificate) -> str:
    named = authority.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    said = str(named[0].value) if named else authority.subject.rfc4514_string()
    return "".join(c if c.isprintable() else " " for c in said)[:NAME_MAX] or "an authority"
