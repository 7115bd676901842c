"""DSSE: bytes, their type and a signature over both, in one JSON object.

The signature covers the type and the payload's exact bytes (the pre-authentication encoding), so
nothing is parsed before it is believed except the envelope itself. That is held to one spelling:
known fields only, one signature, canonical base64. A change of any byte therefore shows.
"""

from __future__ import annotations

import base64
import binascii
import json
from typing import Annotated, Any

from cryptography.exceptions import InvalidSignature
from pydantic import BaseModel, ConfigDict, Field

from pods.canonical import canonical_json, digest_of
from pods.errors import CertificateRefused, Refusal, shown
from pods.keys import Keyring, SigningKey, TrustedKey

ENVELOPE_MAX_BYTES = 1024 * 1024
"""A certificate has about 4 KiB; nobody is asked to parse more than this for a stranger."""

Sha256 = Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]


class Signed(BaseModel):
    """The base of everything inside a signed part: frozen, and nothing unknown passes."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", validate_by_name=True, serialize_by_alias=True
    )


class Signature(BaseModel):
    """One signature and the name of its key."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    keyid: str
    sig: str


class Envelope(BaseModel):
    """A signed payload, as DSSE 1.0 spells it."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, validate_by_name=True, serialize_by_alias=True
    )

    payload_type: str = Field(alias="payloadType")
    payload: str
    signatures: tuple[Signature, ...]

    def to_bytes(self) -> bytes:
        """The envelope's canonical JSON: what is written to a file."""
        return canonical_json(self.model_dump(mode="json"))


def pre_authentication_encoding(payload_type: str, payload: bytes) -> bytes:
    """What is really signed: both parts with their lengths, so neither borrows from the other."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)


def seal(payload: bytes, *, payload_type: str, key: SigningKey) -> Envelope:
    """Sign a payload."""
    signature = key.private_key.sign(pre_authentication_encoding(payload_type, payload))
    return Envelope(
        payload_type=payload_type,
        payload=base64.b64encode(payload).decode(),
        signatures=(Signature(keyid=key.key_id, sig=base64.b64encode(signature).decode()),),
    )


def unseal(
    raw: bytes, *, payload_type: str, ring: Keyring, what: str = "certificate"
) -> tuple[bytes, TrustedKey, str]:
    """The payload, the key that signed it and that key's id, or `CertificateRefused`."""
    envelope = read_envelope(raw, what=what)
    if envelope.payload_type != payload_type:
        raise CertificateRefused(
            f"the envelope holds {shown(envelope.payload_type)}, not {payload_type}",
            refusal=Refusal.WRONG_TYPE,
            hint=f"give the file that podyard wrote as {what}",
        )
    if len(envelope.signatures) != 1:
        raise CertificateRefused(
            f"the envelope has {len(envelope.signatures)} signatures, a {what} has one",
            refusal=Refusal.MALFORMED,
            hint=f"get the {what} again from whoever issued it",
        )
    signature = envelope.signatures[0]
    trusted = ring.get(signature.keyid)
    if trusted is None:
        raise CertificateRefused(
            f"signed by key {shown(signature.keyid[:64])}, which is not one of the "
            f"{len(ring)} trusted keys",
            refusal=Refusal.UNKNOWN_KEY,
            hint="get the issuer's public key by a way you trust, and name it",
        )
    payload = _base64(envelope.payload, "payload", what=what)
    try:
        trusted.public_key.verify(
            _base64(signature.sig, "signature", what=what),
            pre_authentication_encoding(payload_type, payload),
        )
    except InvalidSignature:
        raise CertificateRefused(
            f"the signature is not that of key {signature.keyid[:16]}… over this content",
            refusal=Refusal.BAD_SIGNATURE,
            hint=f"the {what} was changed after signing: get it again from its issuer",
        ) from None
    return payload, trusted, signature.keyid


def read_envelope(raw: bytes, *, what: str = "certificate") -> Envelope:
    """The envelope in these bytes, nothing in it believed yet."""
    if len(raw) > ENVELOPE_MAX_BYTES:
        raise _malformed("it is larger than 1 MiB", what=what)
    try:
        value = strict_json(raw)
        return Envelope.model_validate_json(json.dumps(value), by_alias=True, by_name=False)
    except (ValueError, RecursionError) as error:
        raise _malformed("it is not a DSSE envelope", what=what) from error


def envelope_digest(raw: bytes, *, what: str = "certificate") -> str:
    """The name of a sealed document in a revocation list: the same however the JSON is laid out."""
    return digest_of(read_envelope(raw, what=what).model_dump(mode="json"))


def payload_of(raw: bytes, *, what: str = "certificate") -> bytes:
    """What an envelope holds, believed by nobody: for looking, never for deciding."""
    return _base64(read_envelope(raw, what=what).payload, "payload", what=what)


def strict_json(raw: bytes) -> Any:
    """JSON in which no key stands twice; raises `ValueError`."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            raise ValueError("a key stands twice")
        return found

    return json.loads(raw.decode(), object_pairs_hook=once)


def _malformed(problem: str, *, what: str) -> CertificateRefused:
    return CertificateRefused(
        f"this is not a {what}: {problem}",
        refusal=Refusal.MALFORMED,
        hint=f"give the file that podyard wrote as {what}",
    )


def _base64(text: str, part: str, *, what: str) -> bytes:
    try:
        decoded = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise _malformed(f"its {part} is not base64", what=what) from error
    if base64.b64encode(decoded).decode() != text:
        # Unused trailing bits can differ without changing the bytes; one spelling is enough.
        raise _malformed(f"its {part} is not canonical base64", what=what)
    return decoded
