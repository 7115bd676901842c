"""The BMC's own TLS certificate: read, asked for, replaced.

The BMC makes its key and keeps it; what leaves it is a signing request. After `install_certificate`
the BMC presents another certificate than the one that is pinned, and the pin of this driver still
holds: whoever installs one opens a new driver with the new pin.
"""

from __future__ import annotations

import hashlib
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from provisioning.drivers.capabilities import BmcCertificate, Capability, lacking
from provisioning.drivers.redfish.answers import Json, action_target, reference, text
from provisioning.drivers.redfish.logs import moment
from provisioning.drivers.redfish.resources import Resources
from provisioning.errors import AnswerRefused

_GENERATE = "#CertificateService.GenerateCSR"
_REPLACE = "#CertificateService.ReplaceCertificate"
_MAX_PEM_CHARS = 32 * 1024


async def certificates(resources: Resources) -> tuple[BmcCertificate, ...]:
    """What HTTPS presents."""
    listed = await _listed(resources)
    found = [_certificate(one) for one in await resources.members(listed)]
    return tuple(one for one in found if one is not None)


async def request_certificate(resources: Resources, common_name: str) -> str:
    """A signing request for a key that stays in the BMC."""
    listed = await _listed(resources)
    target = action_target(await _service(resources), _GENERATE)
    if target is None:
        raise lacking(Capability.CERTIFICATES, where=resources.session.label)
    body: Json = {
        "CertificateCollection": {"@odata.id": listed},
        "CommonName": common_name,
        "AlternativeNames": [common_name],
        "KeyPairAlgorithm": "TPM_ALG_ECDSA",
        "KeyCurveId": "TPM_ECC_NIST_P256",
    }
    answer = await resources.session.post(target, body)
    pem = answer.body.get("CSRString")
    if not isinstance(pem, str) or len(pem) > _MAX_PEM_CHARS or "REQUEST-----" not in pem:
        raise AnswerRefused(f"{resources.session.label}: the answer holds no signing request")
    return pem


async def install_certificate(resources: Resources, pem: str) -> None:
    """Put `pem` in the place of the first certificate, or add it where there is none."""
    listed = await _listed(resources)
    members = await resources.members(listed)
    target = action_target(await _service(resources), _REPLACE)
    body: Json = {"CertificateString": pem, "CertificateType": "PEM"}
    if members and target is not None:
        body["CertificateUri"] = {"@odata.id": reference(members[0])}
        await resources.session.post(target, body)
    else:
        await resources.session.post(listed, body)


async def _service(resources: Resources) -> Json:
    root = await resources.session.root()
    return await resources.optional_body(reference(root, "CertificateService"))


async def _listed(resources: Resources) -> str:
    path = reference(await resources.network_protocol(), "HTTPS", "Certificates")
    if path is None:
        raise lacking(Capability.CERTIFICATES, where=resources.session.label)
    return path


def _certificate(found: Json) -> BmcCertificate | None:
    """By what the PEM says where there is one: the BMC's own words about it are second best."""
    path = reference(found)
    if path is None:
        return None
    loaded = _loaded(found.get("CertificateString"))
    if loaded is None:
        said = text(found.get("Fingerprint")).replace(":", "").lower()
        hashed = text(found.get("FingerprintHashAlgorithm")) in {"TPM_ALG_SHA256", ""}
        return BmcCertificate(
            path=path,
            fingerprint=f"sha256:{said}" if said and hashed else "",
            subject=text((found.get("Subject") or {}).get("CommonName"))
            if isinstance(found.get("Subject"), dict)
            else "",
            valid_until=moment(found.get("ValidNotAfter")),
        )
    until: datetime = loaded.not_valid_after_utc
    digest = hashlib.sha256(loaded.public_bytes(Encoding.DER)).hexdigest()
    return BmcCertificate(
        path=path,
        fingerprint=f"sha256:{digest}",
        subject=text(loaded.subject.rfc4514_string()),
        valid_until=until,
    )


def _loaded(pem: object) -> x509.Certificate | None:
    if not isinstance(pem, str) or len(pem) > _MAX_PEM_CHARS:
        return None
    try:
        return x509.load_pem_x509_certificate(pem.encode())
    except ValueError:
        return None
