"""What every role of a service shares, opened once."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal

from inventory.access_settings import AccessSettings
from inventory.audit_anchors import Anchors
from inventory.clock import SteadyClock
from inventory.deps import ApiDeps, CertificateKey
from inventory.leases import LeaseKeeper
from inventory.public_names import names_of
from inventory.secrets import SecretBox
from inventory.statedir import StateDirectory
from inventory.store.sql import SqlStore
from pods.keys import SigningKey
from provisioning.boot.transfers import Transfers
from provisioning.settings import ProvisioningSettings
from runtime.address import Address

Role = Literal["all", "provisioning", "runtime", "gateway", "inventory"]


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """What the operator chose."""

    state: StateDirectory
    role: Role
    api: Address
    agents: Address
    gateway: Address
    database: str = ""

    def plays(self, *roles: Role) -> bool:
        """True when this process plays one of these roles."""
        return self.role == "all" or self.role in roles


@dataclass(slots=True)
class Parts:
    """What every role shares, opened once."""

    options: ServeOptions
    store: SqlStore
    box: SecretBox
    clock: SteadyClock
    production: SigningKey
    simulated: SigningKey
    wakers: list[Callable[[], None]] = field(default_factory=list)
    transfers: Transfers = field(default_factory=Transfers)
    """Images on their way to hosts: the door sends them, and hosts that wait say so."""
    loop_news: dict[str, datetime] = field(default_factory=dict)
    """Pod to when a cooling loop of it closed."""

    @property
    def is_embedded(self) -> bool:
        """Whether this process works on its records alone, by the lock of its directory."""
        return not self.options.database

    def wake(self) -> None:
        """Let every loop look now."""
        for waker in self.wakers:
            waker()


def open_parts(options: ServeOptions) -> Parts:
    """Open store, secrets and keys; keys are made at the first start."""
    state = options.state
    store = SqlStore.open(options.database or state.database_url)
    return Parts(
        options=options,
        store=store,
        box=SecretBox.open(state.secret_key),
        clock=SteadyClock(known=store.written_last()),
        production=_signing_key(state.signing_key, "production"),
        simulated=_signing_key(state.simulated_key, "simulated"),
        transfers=Transfers(bytes_per_s=ProvisioningSettings().images_mb_per_s * 1e6),
    )


def _signing_key(path: Path, purpose: Literal["production", "simulated"]) -> SigningKey:
    if path.exists():
        return SigningKey.load(path, purpose=purpose)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    return SigningKey.generate(path, purpose=purpose)


def api_deps(parts: Parts) -> ApiDeps:
    """What the routes of every door are handed."""
    access = AccessSettings()
    return ApiDeps(
        store=parts.store,
        clock=parts.clock,
        secrets=parts.box,
        in_thread=asyncio.to_thread,
        wake=parts.wake,
        certificate_keys=tuple(
            CertificateKey(key_id=key.key_id, purpose=key.purpose, pem=key.public_pem().decode())
            for key in (parts.production, parts.simulated)
        ),
        hold_file=parts.options.state.hold,
        names=names_of(parts.options.api.host, access.hosts),
        access=access,
        anchors=Anchors.open(parts.options.state.audit_key, parts.options.state.audit_anchor),
    )


async def take_lease(parts: Parts, name: str) -> LeaseKeeper:
    """With the embedded store, the directory's lock proves that nobody else works on it."""
    return await LeaseKeeper.take(
        parts.store, parts.clock, lease=name, owner=owner(), alone=parts.is_embedded
    )


def owner() -> str:
    """This process in the records of leases: another start is another owner."""
    return f"{socket.gethostname()}/{os.getpid()}/{secrets.token_hex(4)}"
