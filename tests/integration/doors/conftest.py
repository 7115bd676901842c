"""The boot and agent doors on a real TLS socket, and a host that may come to them."""

from __future__ import annotations

import asyncio
import secrets
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from inventory.agent_door import build_agent_routes
from inventory.agents import ObservedState
from inventory.authority import CONTROLLER_NAME, Authority
from inventory.clock import SystemClock
from inventory.deps import ApiDeps
from inventory.model import BootPurpose, Host
from inventory.peer import PeerCertificateProtocol
from inventory.secrets import SecretBox
from inventory.store.protocol import Change
from inventory.store.sql import SqlStore
from pods.erasing import EraseMethod
from provisioning.boot.images import build_image_routes
from provisioning.boot.media import BootDoor, DiskImage
from provisioning.boot.routes import BOOT_TOKEN, build_boot_routes
from provisioning.boot.transfers import Transfers
from provisioning.images.library import Library
from provisioning.images.medium import Medium
from runtime.listeners import Listener, Tls
from tests.migrated import fresh_store
from tests.unit.inventory.records import make_host, make_observed, make_pod


@dataclass
class Door:
    """The running listener, and what stands behind it."""

    store: SqlStore
    box: SecretBox
    authority: Authority
    boot: BootDoor
    directory: Path
    url: str
    clock: SystemClock = field(default_factory=SystemClock)
    woken: int = 0
    stop: Callable[[], None] = field(default=lambda: None)

    def wake(self) -> None:
        """What a loop would be told."""
        self.woken += 1

    def enrolled_host(
        self,
        number: int = 1,
        *,
        purpose: BootPurpose = "",
        erase: tuple[EraseMethod, ...] = (),
        leave: bool = True,
        **fields: Any,
    ) -> tuple[Host, str, str]:
        """A host that may boot: host, token, media id. `leave`: the controller gave it."""
        medium = self.boot.make_medium(now=self.clock.now(), tries=1, purpose=purpose, erase=erase)
        given = self.clock.now() + timedelta(hours=1) if leave else None  # machines boot slowly
        boot = medium.record.model_copy(update={"leave_given_at": given})
        host = make_host(number, boot=boot, **fields)
        sealed = self.box.seal(host.id, BOOT_TOKEN, medium.token)
        self.store.apply(
            Change(insert=(host,), secrets={(host.id, BOOT_TOKEN): sealed}), now=self.clock.now()
        )
        return host, medium.token.get_secret_value(), medium.record.media_id

    def boot_again(self, host: Host) -> str:
        """A new medium for the next boot; its token."""
        medium = self.boot.make_medium(now=self.clock.now(), tries=1)
        current = self.store.get(Host, host.id)
        assert current is not None
        fresh = current.model_copy(update={"boot": medium.record})
        self.store.apply(Change(replace=(fresh,)), now=self.clock.now())
        return medium.token.get_secret_value()

    def expire(self, host: Host) -> None:
        """Let the medium's time run out."""
        assert host.boot is not None
        over = host.boot.model_copy(update={"expires_at": self.clock.now() - timedelta(seconds=1)})
        self.store.apply(
            Change(replace=(host.model_copy(update={"boot": over}),)), now=self.clock.now()
        )

    def context(self, agent: Agent | None = None) -> ssl.SSLContext:
        """A client that trusts this site alone, with an agent's certificate or none."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(cadata=self.authority.pem)
        if agent is not None:
            context.load_cert_chain(agent.certificate_path, agent.key_path)
        return context

    async def post(self, path: str, body: dict[str, Any], agent: Agent | None = None) -> Any:
        """One request on a connection of its own."""
        async with httpx.AsyncClient(verify=self.context(agent), trust_env=False) as client:
            return await client.post(
                self.url + path,
                json=body,
                headers={"host": CONTROLLER_NAME},
                extensions={"sni_hostname": CONTROLLER_NAME},
                timeout=30,
            )

    async def get(self, path: str, headers: dict[str, str] | None = None) -> Any:
        """The same for a BMC's reads."""
        async with httpx.AsyncClient(verify=self.context(), trust_env=False) as client:
            name = {"sni_hostname": CONTROLLER_NAME}
            return await client.get(self.url + path, headers=headers, extensions=name)

    async def enrol(self, agent: Agent, token: str, serial: str, **found: Any) -> Any:
        """Spend a token; on success the agent holds its certificate."""
        body = {"token": token, "serial": serial, "csr_pem": agent.csr(), **found}
        reply = await self.post("/agent/v1/enrol", body)
        if reply.status_code == 200:
            agent.certificate_path.write_text(reply.json()["certificate_pem"])
        return reply

    async def sync(
        self, agent: Agent | None, observed: ObservedState | None = None, *, wait_s: float = 0.0
    ) -> Any:
        """One exchange."""
        seen = observed or make_observed()
        body = {"observed": seen.model_dump(mode="json"), "wait_s": wait_s}
        return await self.post("/agent/v1/sync", body, agent)


class Agent:
    """A key, and the certificate that it was given."""

    def __init__(self, directory: Path) -> None:
        stem = secrets.token_hex(4)
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.key_path = directory / f"{stem}.key"
        self.certificate_path = directory / f"{stem}.pem"
        self.key_path.write_bytes(
            self.key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )

    def csr(self, name: str = "anything") -> str:
        """A request; the name in it counts for nothing."""
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        request = x509.CertificateSigningRequestBuilder().subject_name(subject)
        signed = request.sign(self.key, hashes.SHA256())
        return signed.public_bytes(serialization.Encoding.PEM).decode()


@pytest.fixture
def opened() -> Iterator[socket.socket]:
    """A listening socket on a free loopback port."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        one.listen()
        one.setblocking(False)
        yield one


@pytest.fixture
def medium() -> Medium | None:
    """What real hosts boot from; the door's tests need none."""
    return None


@pytest.fixture
def disk_image() -> DiskImage | None:
    """What hosts write to their disks."""
    return None


@pytest.fixture
def library(tmp_path: Path) -> Library:
    """Where the door finds images."""
    return Library(tmp_path / "images")


@pytest.fixture
def seen_as() -> str:
    """The address at which hosts find the door."""
    return "127.0.0.1"


@pytest.fixture
async def door(
    tmp_path: Path,
    opened: socket.socket,
    medium: Medium | None,
    disk_image: DiskImage | None,
    library: Library,
    seen_as: str,
) -> AsyncIterator[Door]:
    clock = SystemClock()
    authority = Authority.open(tmp_path / "keys", now=clock.now())
    certificate, key = authority.issue_server(tmp_path / "keys", now=clock.now())
    port = opened.getsockname()[1]
    url = f"https://127.0.0.1:{port}"
    boot = BootDoor(
        base_url=url,
        controller=f"{seen_as}:{port}",
        ca_pem=authority.pem,
        disk_image=disk_image,
    )
    store = fresh_store(tmp_path)
    box = SecretBox.open(tmp_path / "secrets.key")
    there = Door(store, box, authority, boot, tmp_path, url)
    store.apply(Change(insert=(make_pod(),)), now=clock.now())
    deps = ApiDeps(store, clock, box, asyncio.to_thread, there.wake)
    app = build_agent_routes(deps)
    app.include_router(build_boot_routes(deps, door=boot, authority=authority, medium=medium))
    app.include_router(build_image_routes(deps, library=library, transfers=Transfers()))
    listener = Listener(
        opened,
        app,
        tls=Tls(certificate, key, tmp_path / "keys" / "authority.pem", PeerCertificateProtocol),
    )
    serving = asyncio.create_task(listener.run())
    there.stop = listener.stop
    while not listener._server.started:  # noqa: ASYNC110 - uvicorn offers no event
        await asyncio.sleep(0.01)
    yield there
    listener.stop()
    await serving
    store.close()


@pytest.fixture
def agent(tmp_path: Path) -> Agent:
    return Agent(tmp_path)


@pytest.fixture
def other_agent(tmp_path: Path) -> Agent:
    return Agent(tmp_path)
