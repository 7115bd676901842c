"""The key and certificate that one BMC shows, and what may be done about them through the BMC."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from provisioning.simulator.certificates import fingerprint
from provisioning.simulator.state import write_secret


@dataclass(slots=True)
class BmcTls:
    """The files of one BMC and the context that serves them."""

    certificate: Path
    key: Path
    context: Callable[[], ssl.SSLContext | None]
    journal: Callable[..., None]

    def pem(self) -> str:
        """The certificate that is shown."""
        return self.certificate.read_text()

    def request(self, common_name: str) -> str:
        """A signing request for a new key, which waits for its certificate."""
        private = ec.generate_private_key(ec.SECP256R1())
        write_secret(
            self._waiting,
            private.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            ),
        )
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
        signed = x509.CertificateSigningRequestBuilder().subject_name(subject)
        made = signed.sign(private, hashes.SHA256())
        return made.public_bytes(serialization.Encoding.PEM).decode()

    def install(self, pem: str) -> bool:
        """Show this from now on; False when it is no certificate for a key of this BMC."""
        try:
            found = x509.load_pem_x509_certificate(pem.encode())
        except ValueError:
            return False
        for key in (self._waiting, self.key):
            if key.exists() and _public(key) == _spki(found.public_key()):
                write_secret(self.key, key.read_bytes())
                write_secret(self.certificate, pem.encode())
                break
        else:
            return False
        self._waiting.unlink(missing_ok=True)
        context = self.context()
        if context is not None:
            context.load_cert_chain(self.certificate, self.key)
        self.journal("bmc.certificate", fingerprint=fingerprint(self.certificate))
        return True

    @property
    def _waiting(self) -> Path:
        return self.key.with_name("key-requested.pem")


def _public(path: Path) -> bytes:
    loaded = serialization.load_pem_private_key(path.read_bytes(), password=None)
    return _spki(loaded.public_key())


def _spki(key: object) -> bytes:
    encoded: bytes = key.public_bytes(  # type: ignore[attr-defined]
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return encoded
