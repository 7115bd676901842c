"""The agent's only way out: TLS to the controller's agent door, and nothing else.

The boot document names one authority and one name; the controller proves both, whatever address
it was reached at. The host proves itself once with the single-use token of its boot and from then
on with a client certificate whose key was made here and never leaves this host.

Key and request are written down before they are sent: when the answer to the enrolment is lost, the
next attempt presents the same key, which is how the controller can tell a repeat from a thief.
"""

from __future__ import annotations

import hashlib
import json
import os
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import httpx
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pydantic import ValidationError

from inventory.agents import (
    BootDocument,
    DesiredState,
    EnrolReply,
    EnrolRequest,
    ObservedState,
    SyncReply,
    SyncRequest,
)
from runtime.place import Place

CONNECT_TIMEOUT_S = 10.0
SERIAL_CHARS, MACS_MOST = 128, 64  # what the wire takes
Reply = TypeVar("Reply", EnrolReply, SyncReply)
ANSWER_MARGIN_S = 20.0  # beyond a long poll's own wait: a controller under load is slow, not dead


class UplinkError(Exception):
    """The exchange did not happen, or was not understood: try again later."""


class RefusedError(UplinkError):
    """The controller understood and said no; repeating it soon cannot help."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Where the agent's proof of itself lies."""

    directory: Path
    boot: BootDocument

    @property
    def key(self) -> Path:
        """The private key, 0600."""
        return self.directory / "key.pem"

    @property
    def certificate(self) -> Path:
        """The client certificate of this boot."""
        return self.directory / "certificate.pem"

    def prepare(self) -> None:
        """Keep what belongs to this boot; a new boot document starts from nothing."""
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        mark = self.directory / "boot"
        digest = hashlib.sha256(self.boot.token.encode()).hexdigest()
        if not mark.exists() or mark.read_text() != digest or not self.key.exists():
            self.certificate.unlink(missing_ok=True)
            _write_private(self.key, _new_key())
            _write_private(mark, digest.encode())

    def request_pem(self) -> str:
        """A certificate request signed by our key; its subject is only a courtesy."""
        key = serialization.load_pem_private_key(self.key.read_bytes(), password=None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise UplinkError(f"{self.key} holds no elliptic-curve key")
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, self.boot.host)])
        request = x509.CertificateSigningRequestBuilder().subject_name(name)
        signed = request.sign(key, hashes.SHA256())
        return signed.public_bytes(serialization.Encoding.PEM).decode()


class Uplink:
    """One agent's connection to its controller."""

    def __init__(self, boot: BootDocument, place: Place) -> None:
        self._boot = boot
        self._place = place
        self._identity = Identity(place.identity, boot)
        self._client: httpx.AsyncClient | None = None

    @property
    def enrolled(self) -> bool:
        """True when this boot's certificate is at hand."""
        return self._identity.certificate.exists()

    def prepare(self) -> None:
        """Make or find this boot's key."""
        self._identity.prepare()

    async def enrol(self, *, serial: str = "", macs: Sequence[str] = ()) -> str:
        """Spend the boot token for a client certificate; the host's id.

        `serial` and `macs` are what was found here: the medium may be in another host's drive.
        """
        request = EnrolRequest(
            token=self._boot.token,
            serial=self._boot.serial,
            csr_pem=self._identity.request_pem(),
            found_serial=serial[:SERIAL_CHARS],
            macs=tuple(macs[:MACS_MOST]),
        )
        async with self._new_client(self._trust()) as client:
            body = await self._post(client, "/agent/v1/enrol", request.model_dump_json())
        reply = _parse(EnrolReply, body)
        _write_private(self._identity.certificate, reply.certificate_pem.encode())
        return reply.host_id

    async def sync(self, observed: ObservedState, *, wait_s: float) -> DesiredState:
        """One exchange; waits at the controller for a newer generation."""
        if self._client is None:
            self._client = self._new_client(self._mutual())
        request = SyncRequest(observed=observed, wait_s=wait_s)
        body = await self._post(
            self._client, "/agent/v1/sync", request.model_dump_json(), wait_s=wait_s
        )
        return _parse(SyncReply, body).desired

    async def close(self) -> None:
        """Close connections; the next exchange opens new ones."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    async def _post(
        self, client: httpx.AsyncClient, path: str, content: str, *, wait_s: float = 0.0
    ) -> bytes:
        timeout = httpx.Timeout(ANSWER_MARGIN_S + wait_s, connect=CONNECT_TIMEOUT_S)
        try:
            answer = await client.post(
                f"{self._base()}{path}",
                content=content,
                headers={"content-type": "application/json", "host": self._boot.controller_name},
                extensions={"sni_hostname": self._boot.controller_name},
                timeout=timeout,
            )
        except (httpx.HTTPError, OSError) as error:
            raise UplinkError(f"POST {path}: {type(error).__name__}: {error}") from error
        if answer.is_client_error:
            raise RefusedError(f"POST {path}: {answer.status_code} {_reason(answer.content)}")
        if answer.status_code != httpx.codes.OK:
            raise UplinkError(f"POST {path}: {answer.status_code}")
        return answer.content

    def _base(self) -> str:
        return f"https://{self._boot.controller}"

    def _new_client(self, context: ssl.SSLContext) -> httpx.AsyncClient:
        uplink = str(self._place.uplink) if self._place.uplink.exists() else None
        transport = httpx.AsyncHTTPTransport(verify=context, uds=uplink)
        return httpx.AsyncClient(transport=transport, follow_redirects=False)

    def _trust(self) -> ssl.SSLContext:
        """Only the site's own authority; no system certificate counts."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        try:
            context.load_verify_locations(cadata=self._boot.ca_pem)
        except (OSError, ValueError) as error:
            raise UplinkError("the boot document's ca_pem is no certificate") from error
        return context

    def _mutual(self) -> ssl.SSLContext:
        context = self._trust()
        try:
            context.load_cert_chain(self._identity.certificate, self._identity.key)
        except (OSError, ssl.SSLError) as error:
            raise UplinkError("this boot's certificate cannot be loaded") from error
        return context


def read_boot_document(path: Path) -> BootDocument:
    """What the boot medium says."""
    return BootDocument.model_validate_json(path.read_bytes())


def _parse(model: type[Reply], body: bytes) -> Reply:
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        raise UplinkError(
            f"the controller's {model.__name__} was not understood: {error.error_count()} errors; "
            "hint: agent and controller may be of different versions"
        ) from error


def _reason(body: bytes) -> str:
    """The controller's own words, short: they may be shown on a console."""
    try:
        found = json.loads(body)
    except ValueError:
        return ""
    error = found.get("error") if isinstance(found, dict) else None
    message = error.get("message") if isinstance(error, dict) else None
    return str(message)[:200] if message else ""


def _new_key() -> bytes:
    return ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _write_private(path: Path, content: bytes) -> None:
    """Whole or not at all, and never readable by others."""
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
