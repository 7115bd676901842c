"""What a handshake with a BMC believes: one certificate by its digest, or those of one authority.

Contexts are shared by all BMCs that are believed in the same way. Pinned ones share a context that
knows no authority at all: OpenSSL looks for the issuer of every certificate that it is shown, also
where nobody asks for the outcome, and to search this machine's store for that of a BMC's own
certificate is a third of the handshake.
"""

from __future__ import annotations

import ssl
from functools import lru_cache
from pathlib import Path

import aiohttp

from provisioning.drivers.credentials import BmcMisconfigured, Trust

AUTHORITIES_MAX = 32
"""Contexts that are kept: one for each CA file."""


def _without_authority() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(("http/1.1",))
    return context


PINNED = _without_authority()
"""Verifies nothing: only ever used together with a `Fingerprint`, which does."""


def verification(label: str, trust: Trust) -> ssl.SSLContext | aiohttp.Fingerprint:
    """What decides about the far end."""
    if trust.fingerprint is not None:
        return aiohttp.Fingerprint(trust.fingerprint)
    try:
        if trust.ca_file is None:
            raise FileNotFoundError
        found = trust.ca_file.stat()
        return _of_authority(trust.ca_file, found.st_mtime_ns, found.st_size)
    except (ssl.SSLError, OSError) as error:
        raise BmcMisconfigured(
            f"{label}: CA file {trust.ca_file} cannot be used ({type(error).__name__})",
            hint="give a PEM file with the CA's certificate",
        ) from error


@lru_cache(maxsize=AUTHORITIES_MAX)
def _of_authority(file: Path, _changed_ns: int, _size: int) -> ssl.SSLContext:
    """Made anew when the file was written anew."""
    context = ssl.create_default_context(cafile=file)
    context.set_alpn_protocols(("http/1.1",))
    return context
