"""A TLS Redfish service for tests: honest by default, hostile where a test says so.

It records every request with its headers and, below HTTP, every byte that arrived, because the
claims of the driver's door are about what is *not* sent.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import datetime as dt
import hashlib
import ipaddress
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

USER = "operator"
PASSWORD = "hunter2-horse-battery"
TOKEN = "token-7f3a9c-secret"
SYSTEM = "/redfish/v1/Systems/1"


@dataclass(frozen=True)
class Certificate:
    """A self-signed certificate for 127.0.0.1, on disk."""

    cert_file: Path
    key_file: Path
    fingerprint: str

    @classmethod
    def make(cls, folder: Path) -> Self:
        """Generate one."""
        folder.mkdir(parents=True, exist_ok=True)
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "scripted bmc")])
        now = dt.datetime.now(dt.UTC)
        here = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
        cert = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(hours=1))
            .not_valid_after(now + dt.timedelta(days=1))
            .add_extension(here, critical=False)
            .sign(key, hashes.SHA256())
        )
        cert_file, key_file = folder / "cert.pem", folder / "key.pem"
        cert_file.write_bytes(cert.public_bytes(serialization.Encoding.PEM))
        key_file.touch(mode=0o600)
        key_file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        der = cert.public_bytes(serialization.Encoding.DER)
        return cls(cert_file, key_file, "sha256:" + hashlib.sha256(der).hexdigest())


@dataclass
class ScriptedBmc:
    """One host's service. `handlers` overrides paths; `seen` is what arrived."""

    certificate: Certificate
    port: int = 0
    seen: list[tuple[str, str, dict[str, str], Any]] = field(default_factory=list)
    handlers: dict[tuple[str, str], Handler] = field(default_factory=dict)
    resources: dict[str, dict[str, Any]] = field(default_factory=dict)
    sessions: set[str] = field(default_factory=set)
    logins: int = 0
    accepts_password: bool = True
    basic: bool = False
    """It wants HTTP basic at every request, and has no sessions."""
    _runner: web.AppRunner | None = None

    @property
    def address(self) -> str:
        """Where the driver finds it."""
        return f"redfish+https://127.0.0.1:{self.port}"

    def requests(self, method: str, path: str | None = None) -> list[dict[str, str]]:
        """The headers of the matching requests, in order."""
        return [h for m, p, h, _ in self.seen if m == method and path in {None, p}]

    def bodies(self, method: str, path: str) -> list[Any]:
        """The JSON bodies of the matching requests, in order."""
        return [b for m, p, _, b in self.seen if (m, p) == (method, path)]

    def on(self, method: str, path: str, handler: Handler) -> None:
        """Answer this path with `handler` from now on."""
        self.handlers[method, path] = handler

    async def start(self) -> None:
        """Listen on a free loopback port."""
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(self.certificate.cert_file, self.certificate.key_file)
        site = web.TCPSite(self._runner, "127.0.0.1", self.port, ssl_context=tls)
        await site.start()
        self.port = self._runner.addresses[0][1]
        self._build()

    async def stop(self) -> None:
        """Close the port and every connection."""
        if self._runner is not None:
            await self._runner.cleanup()

    def _build(self) -> None:
        self.resources = {
            "/redfish/v1": {
                "RedfishVersion": "1.20.0",
                "Systems": {"@odata.id": "/redfish/v1/Systems"},
                "Managers": {"@odata.id": "/redfish/v1/Managers"},
                "UpdateService": {"@odata.id": "/redfish/v1/UpdateService"},
                "Tasks": {"@odata.id": "/redfish/v1/TaskService"},
                "SessionService": {"@odata.id": "/redfish/v1/SessionService"},
                "Links": {"Sessions": {"@odata.id": "/redfish/v1/SessionService/Sessions"}},
            },
            "/redfish/v1/Systems": {"Members": [{"@odata.id": SYSTEM}]},
            SYSTEM: {
                "@odata.id": SYSTEM,
                "@odata.etag": 'W/"sys-1"',
                "Id": "1",
                "SerialNumber": "SN-1",
                "UUID": "AAAAAAAA-0000-0000-0000-000000000001",
                "Manufacturer": "Podyard",
                "Model": "Test Host",
                "PowerState": "Off",
                "Boot": {
                    "BootSourceOverrideEnabled": "Disabled",
                    "BootSourceOverrideTarget": "None",
                },
                "Actions": {
                    "#ComputerSystem.Reset": {"target": f"{SYSTEM}/Actions/ComputerSystem.Reset"}
                },
                "VirtualMedia": {"@odata.id": f"{SYSTEM}/VirtualMedia"},
                "Bios": {"@odata.id": f"{SYSTEM}/Bios"},
            },
        }

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        path = request.path.rstrip("/")
        body = await request.json() if request.can_read_body else None
        self.seen.append((request.method, path, dict(request.headers), body))
        handler = self.handlers.get((request.method, path))
        if handler is not None:
            return await handler(request)
        if (request.method, path) == ("POST", "/redfish/v1/SessionService/Sessions"):
            return self._log_in(body)
        if path != "/redfish/v1" and not self._known(request):
            return problem(401, "NoValidSession")
        return self._default(request, path, body)

    def _known(self, request: web.Request) -> bool:
        if self.basic:
            wanted = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
            return request.headers.get("Authorization", "") == f"Basic {wanted}"
        return request.headers.get("X-Auth-Token") in self.sessions

    def _log_in(self, body: Any) -> web.Response:
        right = body == {"UserName": USER, "Password": PASSWORD}
        if not (right and self.accepts_password):
            return problem(401, "ResourceAtUriUnauthorized")
        self.logins += 1
        token = f"{TOKEN}-{self.logins}"
        self.sessions.add(token)
        location = f"/redfish/v1/SessionService/Sessions/{self.logins}"
        headers = {"X-Auth-Token": token, "Location": location}
        return web.json_response({"@odata.id": location}, status=201, headers=headers)

    def _default(self, request: web.Request, path: str, body: Any) -> web.Response:
        if request.method == "GET" and path in self.resources:
            return web.json_response(self.resources[path])
        if request.method == "DELETE" and "/Sessions/" in path:
            self.sessions.discard(request.headers["X-Auth-Token"])
            return web.Response(status=204)
        if request.method == "PATCH" and path in self.resources:
            for name, value in body.items():
                known = self.resources[path].get(name)
                merged = {**known, **value} if isinstance(known, dict) else value
                self.resources[path][name] = merged
            return web.Response(status=204)
        if path.endswith("/ComputerSystem.Reset"):
            on = {"On": "On", "ForceOn": "On", "ForceOff": "Off"}
            self.resources[SYSTEM]["PowerState"] = on[body["ResetType"]]
            return web.Response(status=204)
        return problem(404, "ResourceMissingAtURI")


def problem(status: int, message_id: str, message: str = "no", **extra: Any) -> web.Response:
    """A Redfish error answer."""
    entry = {"MessageId": f"Base.1.18.{message_id}", "Message": message, **extra}
    return web.json_response(
        {"error": {"code": f"Base.1.18.{message_id}", "@Message.ExtendedInfo": [entry]}},
        status=status,
    )


@dataclass
class ByteCounter:
    """A raw TLS listener that counts what arrives above TLS, and answers nothing."""

    certificate: Certificate
    port: int = 0
    received: bytes = b""
    met: asyncio.Event = field(default_factory=asyncio.Event)
    _server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen on a free loopback port."""
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(self.certificate.cert_file, self.certificate.key_file)
        self._server = await asyncio.start_server(
            self._serve, "127.0.0.1", 0, ssl=tls, ssl_handshake_timeout=5
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Close the port."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.met.set()
        while chunk := await reader.read(65536):
            self.received += chunk
        writer.close()


@dataclass
class RawServer:
    """A TLS listener that answers every request with the same bytes, whatever they are."""

    certificate: Certificate
    answer: bytes
    port: int = 0
    _server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen on a free loopback port."""
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(self.certificate.cert_file, self.certificate.key_file)
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=tls)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Close the port."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(self.answer)
            await writer.drain()
            writer.close()
