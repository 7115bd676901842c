"""The service: every port is opened, every loop is built and handed its world, here and only here.

One process does everything by default; `--role` leaves parts of it to other machines. Order
matters twice: sockets are bound before anything works, so that a port in use is told at once; and
at the end the loops stop first, then the doors, so that nothing new begins while things end.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import secrets
import signal
import socket
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from fastapi import FastAPI
from pydantic import SecretStr

from inventory.access_settings import AccessSettings
from inventory.agent_door import build_agent_routes
from inventory.api import build_api
from inventory.audit_anchors import Anchors
from inventory.authority import Authority
from inventory.clock import SteadyClock
from inventory.deps import ApiDeps, CertificateKey
from inventory.errors import FenceLost, Invalid, StaleWrite, StoreUnavailable
from inventory.expected_hosts import ExpectedHost
from inventory.expecting.enrolling import enrol_expected
from inventory.expecting.reaching import reach_of
from inventory.keys import in_force, mint
from inventory.leases import LeaseKeeper, LeaseTimes
from inventory.model import ApiKey, Host
from inventory.netbox.settings import NetBoxSettings
from inventory.outbound import standby
from inventory.outbound.deliverer import Outbox
from inventory.outbound.sending import Sender
from inventory.outbound.settings import WebhookSettings
from inventory.peer import PeerCertificateProtocol
from inventory.public_names import names_of
from inventory.readings.keeping import ROLE
from inventory.resources.recording import Who
from inventory.retention import Retention, RetentionSettings
from inventory.roster import Alone, Shared
from inventory.secrets import SecretBox, write_private
from inventory.statedir import StateDirectory
from inventory.store.protocol import Change
from inventory.store.reading import every
from inventory.store.sql import SqlStore
from inventory.under_lease import UnderLease, kept
from inventory.ways_in import ways_in
from pods.keys import SigningKey, keyring
from provisioning.bmcs import BmcPool
from provisioning.boot.media import BootDoor
from provisioning.boot.routes import build_boot_routes
from provisioning.controller import Controller
from provisioning.drivers.choose import open_bmc
from provisioning.drivers.credentials import Credentials
from provisioning.drivers.ear import DEAF, Ear
from provisioning.drivers.logged import Around, logged
from provisioning.drivers.protocol import Bmc
from provisioning.drivers.reaching import reached
from provisioning.drivers.redfish.transport import KEEPALIVE_S
from provisioning.faultpoints import FaultPoints
from provisioning.inband.play import AnsiblePlayer, NoPlaybook
from provisioning.onboarding.discovery import Discoverer
from provisioning.onboarding.discovery import World as DiscoveryWorld
from provisioning.onboarding.discovery_settings import DiscoverySettings
from provisioning.onboarding.discovery_stranger import OverTheNetwork
from provisioning.onboarding.signing import bmc_authority
from provisioning.pacing import Pacing
from provisioning.profiles import Shelf
from provisioning.settings import ProvisioningSettings
from provisioning.speaking import under_lease
from provisioning.telemetry.door import build_event_routes
from provisioning.telemetry.inbox import Inbox
from provisioning.telemetry.polling import Poller
from provisioning.telemetry.settings import TelemetrySettings
from provisioning.telemetry.world import World as TelemetryWorld
from provisioning.world import Player
from provisioning.world import World as ProvisioningWorld
from runtime.cluster import ClusterClient
from runtime.controller import RuntimeController
from runtime.gateway import Gateway
from runtime.ledger import Ledger
from runtime.listeners import Address, Listener, Tls
from runtime.metering import Metering
from runtime.routes import GatewayState
from runtime.settings import RuntimeSettings
from runtime.snapshot import load_snapshot
from runtime.world import World as RuntimeWorld

if TYPE_CHECKING:
    from inventory.netbox.sync import NetBoxSync

log = logging.getLogger("podyard.service")

DISCOVERY = "discovery"
Role = Literal["all", "provisioning", "runtime", "gateway", "inventory"]
BMC_PASSWORD = "bmc-password"  # noqa: S105 - the name of a field, not a secret


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

    @property
    def is_embedded(self) -> bool:
        """Whether this process works on its records alone, by the lock of its directory."""
        return not self.options.database

    def wake(self) -> None:
        """Let every loop look now."""
        for waker in self.wakers:
            waker()


async def serve(options: ServeOptions, *, say: Callable[[str], None]) -> None:
    """Run until SIGINT or SIGTERM, or until a lease is lost."""
    lock = options.state.lock()
    try:
        await _serve_locked(options, say)
    finally:
        os.close(lock)


async def _serve_locked(options: ServeOptions, say: Callable[[str], None]) -> None:
    sockets = _bind(options)
    parts = _open(options)
    async with contextlib.AsyncExitStack() as stack:
        stack.callback(parts.store.close)
        listeners: list[Listener] = []
        loops: list[Awaitable[None]] = []
        published = _Published()
        inbox = Inbox()
        if "gateway" in sockets:
            ledger = Ledger(options.state.usage_journal)
            stack.callback(ledger.close)
            gateway = Gateway(ledger, clock=parts.clock)
            stack.push_async_callback(gateway.close)
            published.gateway = gateway
            listeners.append(Listener(sockets["gateway"], gateway))
        if options.plays("runtime"):
            loops += _runtime_loops(parts, published)
        elif "gateway" in sockets:
            loops.append(_follow_records(parts, published))
        if "agents" in sockets:
            door, tls = _agent_door(parts, inbox)
            listeners.append(Listener(sockets["agents"], door, tls=tls))
        if options.plays("provisioning"):
            loops += _provisioning_loops(parts)
            loops.append(_telemetry_loop(parts, inbox))
            loops.append(_discovery_loop(parts))
        if "api" in sockets:
            netbox = _netbox(parts)
            deps = replace(_api_deps(parts), netbox=netbox)
            api = build_api(deps)
            loops.append(api.state.following.until_stopped())  # or streams hold the end up
            loops.append(api.state.warming.run())
            loops.append(api.state.audit.run())
            stack.push_async_callback(api.state.audit.keep_head)  # when the doors are closed
            listeners.append(Listener(sockets["api"], api))
            if netbox is not None:
                loops.append(netbox.run())
            await asyncio.to_thread(_first_start, parts, say)
            loops.append(_webhook_loop(parts))
            loops.append(_retention(parts).run())
        _announce(options, say)
        await _run(listeners, loops)


def _retention(parts: Parts) -> Retention:
    return Retention(
        store=parts.store,
        clock=parts.clock,
        settings=RetentionSettings(),
        owner=f"{socket.gethostname()}/{os.getpid()}",
        in_thread=asyncio.to_thread,
    )


def _bind(options: ServeOptions) -> dict[str, socket.socket]:
    wanted: dict[str, Address] = {}
    if options.plays("inventory"):
        wanted["api"] = options.api
    if options.plays("provisioning"):
        wanted["agents"] = options.agents
    if options.plays("gateway"):
        wanted["gateway"] = options.gateway
    return {name: address.bind() for name, address in wanted.items()}


def _open(options: ServeOptions) -> Parts:
    state = options.state
    return Parts(
        options=options,
        store=SqlStore.open(options.database or state.database_url),
        box=SecretBox.open(state.secret_key),
        clock=SteadyClock(),
        production=_signing_key(state.signing_key, "production"),
        simulated=_signing_key(state.simulated_key, "simulated"),
    )


def _signing_key(path: Path, purpose: Literal["production", "simulated"]) -> SigningKey:
    if path.exists():
        return SigningKey.load(path, purpose=purpose)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    return SigningKey.generate(path, purpose=purpose)


def _api_deps(parts: Parts) -> ApiDeps:
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


def _boot_door(parts: Parts, authority: Authority) -> BootDoor:
    address = f"{parts.options.agents.host}:{parts.options.agents.port}"
    return BootDoor(base_url=f"https://{address}", controller=address, ca_pem=authority.pem)


def _agent_door(parts: Parts, inbox: Inbox) -> tuple[FastAPI, Tls]:
    now = parts.clock.now()
    directory = parts.options.state.authority
    authority = Authority.open(directory, now=now)
    certificate, key = authority.issue_server(directory, now=now)
    deps = _api_deps(parts)
    app = build_agent_routes(deps)
    app.include_router(
        build_boot_routes(deps, door=_boot_door(parts, authority), authority=authority)
    )
    app.include_router(build_event_routes(inbox, parts.clock))
    return app, Tls(
        certificate=certificate,
        key=key,
        client_authority=directory / "authority.pem",
        protocol=PeerCertificateProtocol,
    )


def _provisioning_loops(parts: Parts) -> list[Awaitable[None]]:
    settings = ProvisioningSettings()
    authority = Authority.open(parts.options.state.authority, now=parts.clock.now())
    times = LeaseTimes(valid=timedelta(seconds=settings.lease_s))
    faults = FaultPoints(os.environ.get("PODYARD_KILL_AT", ""))
    shelf = Shelf.read(settings.profiles)

    async def join() -> LeaseKeeper:
        keeper = await LeaseKeeper.join(
            parts.store,
            parts.clock,
            role="provisioning",
            owner=_owner(),
            alone=parts.is_embedded,
            times=times,
        )
        await asyncio.to_thread(parts.store.wake_from_ahead, now=parts.clock.now())
        return keeper

    def build(keeper: LeaseKeeper) -> Controller:
        around = under_lease(keeper.is_held, faults)
        pacing = Pacing(most=settings.hosts_at_once, first=settings.hosts_at_first)
        world = ProvisioningWorld(
            store=parts.store,
            secrets=parts.box,
            clock=parts.clock,
            bmcs=BmcPool(_bmc_opener(parts, settings, around, pacing), _password_reader(parts)),
            door=_boot_door(parts, authority),
            player=_player(settings),
            signing_key=parts.production,
            simulated_key=parts.simulated,
            settings=settings,
            faults=faults,
            in_thread=asyncio.to_thread,
            shelf=shelf,
            pacing=pacing,
            bmc_authority=bmc_authority(settings, parts.options.state, now=parts.clock.now()),
            hold_file=parts.options.state.hold,
            readings=parts.store.readings,
        )
        grace = times.grace(settings.bmc_deadline_s)
        return Controller(
            world,
            keeper.fence,
            Alone(parts.store)
            if parts.is_embedded
            else Shared(parts.store, keeper.fence, grace=grace),
        )

    working = UnderLease(parts.clock, join, build, lambda keeper: _left(parts, keeper))
    parts.wakers.append(working.wake)
    return [working.run()]


def _telemetry_loop(parts: Parts, inbox: Inbox) -> Awaitable[None]:
    """Readings of every powered host; where several services share a database, of its share."""
    settings, access = TelemetrySettings(), ProvisioningSettings()
    password = _password_reader(parts)

    async def opened(host: Host) -> Bmc:
        # Not `logged`: a line for each read of each minute would be all that a log holds.
        return _driver(
            access,
            await _reached(parts, host),
            await password(host),
            keepalive_s=settings.keepalive_s,
        )

    async def join() -> LeaseKeeper:
        return await LeaseKeeper.join(
            parts.store, parts.clock, role=ROLE, owner=_owner(), alone=parts.is_embedded
        )

    def build(keeper: LeaseKeeper) -> Poller:
        return Poller(
            TelemetryWorld(
                store=parts.store,
                readings=parts.store.readings,
                clock=parts.clock,
                open_bmc=opened,
                in_thread=asyncio.to_thread,
                settings=settings,
                fence=keeper.fence,
                inbox=inbox,
                door_url=f"https://{parts.options.agents.host}:{parts.options.agents.port}",
                secret_of=lambda owner, name: parts.box.derive(owner, name).get_secret_value(),
            )
        )

    working = UnderLease(parts.clock, join, build, lambda keeper: _left(parts, keeper))
    parts.wakers.append(working.wake)
    return working.run()


async def _left(parts: Parts, keeper: LeaseKeeper) -> None:
    """End a worker's lease, so that others take what it had in hand."""
    with contextlib.suppress(StoreUnavailable):  # then it ends by itself, and is buried
        await asyncio.to_thread(parts.store.leave, keeper.fence)


def _discovery_loop(parts: Parts) -> Awaitable[None]:
    """Walks over declared networks; where several services share a database, one of them."""
    settings, options = DiscoverySettings(), parts.options
    doors = (options.api, options.agents, options.gateway)

    def enrol(rows: Sequence[ExpectedHost]) -> None:
        if rows:
            enrol_expected(_api_deps(parts), Who(DISCOVERY, ""), rows)

    def build(keeper: LeaseKeeper) -> Discoverer:
        return Discoverer(
            DiscoveryWorld(
                store=parts.store,
                clock=parts.clock,
                in_thread=asyncio.to_thread,
                settings=settings,
                fence=keeper.fence,
                stranger=lambda at_once: OverTheNetwork(at_once=at_once),
                enrol=enrol,
                own=frozenset((door.host, door.port) for door in doors),
            )
        )

    working = UnderLease(parts.clock, lambda: _lease(parts, DISCOVERY), build, kept)
    parts.wakers.append(working.wake)
    return working.run()


async def _follow_records(parts: Parts, published: _Published) -> None:
    """A gateway by itself: keys and routes from the records, usage into them, nothing decided."""
    settings = RuntimeSettings()
    metering = Metering(
        parts.store,
        journal=parts.options.state.usage_journal,
        cursor=parts.options.state.usage_cursor,
        batch=settings.usage_batch,
    )
    while True:
        try:
            now = parts.clock.now()
            state = await asyncio.to_thread(load_snapshot, parts.store, parts.box, now=now)
            published.publish(state)
            await asyncio.to_thread(metering.ingest)
        except (OSError, StoreUnavailable) as error:  # serve on by what was last known
            log.warning("the records cannot be read", extra={"cause": str(error)})
        await parts.clock.sleep(settings.snapshot_interval_s)


def _runtime_loops(parts: Parts, published: _Published) -> list[Awaitable[None]]:
    """Claims, clusters and deployments."""
    world = RuntimeWorld(
        store=parts.store,
        secrets=parts.box,
        clock=parts.clock,
        keyring=keyring(
            *((key.public_key, key.purpose) for key in (parts.production, parts.simulated))
        ),
        connect_cluster=lambda path, token: ClusterClient(path, token.get_secret_value()),
        gateway=published,
        usage_journal=parts.options.state.usage_journal,
        usage_cursor=parts.options.state.usage_cursor,
        settings=RuntimeSettings(),
        in_thread=asyncio.to_thread,
    )
    working = UnderLease(
        parts.clock,
        lambda: _lease(parts, "runtime"),
        lambda keeper: RuntimeController(world, keeper.fence),
        kept,
    )
    parts.wakers.append(working.wake)
    return [working.run()]


def _webhook_loop(parts: Parts) -> Awaitable[None]:
    def outbox(keeper: LeaseKeeper, sender: Sender) -> Outbox:
        return Outbox(
            store=parts.store,
            secrets=parts.box,
            clock=parts.clock,
            sender=sender,
            in_thread=asyncio.to_thread,
            fence=keeper.fence,
        )

    return standby.deliver(
        lambda: _lease(parts, standby.LEASE), outbox, WebhookSettings().networks, parts.clock.sleep
    )


def _netbox(parts: Parts) -> NetBoxSync | None:
    """The sync with NetBox, where one is configured."""
    settings = NetBoxSettings()
    if not settings.url:
        return None
    try:
        from inventory.netbox.sync import NetBoxSync  # noqa: PLC0415 - pynetbox is an extra
    except ImportError as error:
        raise Invalid(
            "PODYARD_NETBOX_URL is set and pynetbox is not installed",
            hint="pip install 'podyard[netbox]'",
        ) from error
    return NetBoxSync(
        parts.store,
        parts.clock,
        settings,
        in_thread=asyncio.to_thread,
        worker=_owner(),
        alone=parts.is_embedded,
    )


class _Published:
    """Hands new states to this process's gateway, in order, without making the publisher wait."""

    def __init__(self) -> None:
        self.gateway: Gateway | None = None
        self._last: asyncio.Task[None] | None = None

    def publish(self, state: GatewayState) -> None:
        """Serve by this from now on; without a gateway here, another process follows by itself."""
        if self.gateway is not None:
            self._last = asyncio.create_task(self._replace(self.gateway, state, self._last))

    async def _replace(
        self, gateway: Gateway, state: GatewayState, after: asyncio.Task[None] | None
    ) -> None:
        if after is not None:
            await after
        await gateway.replace(state)


async def _lease(parts: Parts, name: str) -> LeaseKeeper:
    """With the embedded store, the directory's lock proves that nobody else works on it."""
    return await LeaseKeeper.take(
        parts.store, parts.clock, lease=name, owner=_owner(), alone=parts.is_embedded
    )


def _owner() -> str:
    return f"{socket.gethostname()}/{os.getpid()}/{secrets.token_hex(4)}"


def _player(settings: ProvisioningSettings) -> Player:
    if settings.playbook == "none":
        return NoPlaybook()
    return AnsiblePlayer(at_once=settings.playbooks_at_once)


async def _reached(parts: Parts, host: Host) -> Host:
    """The host with its BMC's address as it is connected to."""
    reach = await asyncio.to_thread(reach_of, parts.store, simulated=host.simulated)
    address = await reached(host.bmc.address, reach)
    if address == host.bmc.address:
        return host
    return host.model_copy(update={"bmc": host.bmc.model_copy(update={"address": address})})


def _bmc_opener(
    parts: Parts, settings: ProvisioningSettings, around: Around, pacing: Pacing
) -> Callable[[Host, SecretStr], Awaitable[Bmc]]:
    async def opened(host: Host, password: SecretStr) -> Bmc:
        bmc = _driver(settings, await _reached(parts, host), password, ear=pacing.ear(host))
        return logged(bmc, host=host.name, around=around)

    return opened


def _driver(
    settings: ProvisioningSettings,
    host: Host,
    password: SecretStr,
    *,
    keepalive_s: float = KEEPALIVE_S,
    ear: Ear = DEAF,
) -> Bmc:
    return open_bmc(
        host.bmc.address,
        Credentials(username=host.bmc.username, password=password),
        fingerprint=host.bmc.fingerprint,
        keepalive_s=keepalive_s,
        deadline_s=settings.bmc_deadline_s,
        expected_serial=host.serial,
        ipmi_allowed=settings.ipmi,
        ear=ear,
    )


def _password_reader(parts: Parts) -> Callable[[Host], Awaitable[SecretStr]]:
    async def read(host: Host) -> SecretStr:
        sealed = await asyncio.to_thread(parts.store.secret, host.id, BMC_PASSWORD)
        now = await asyncio.to_thread(parts.store.get, Host, host.id)
        if now is None or now.bmc != host.bmc:  # a new password must not go to the old address
            raise StaleWrite(f"the BMC account of {host.name} was corrected meanwhile")
        return parts.box.unseal(host.id, BMC_PASSWORD, sealed or b"")

    return read


def _first_start(parts: Parts, say: Callable[[str], None]) -> None:
    """Make the single-use set-up token where nobody can administer: there is no default password.

    Keys that were revoked or have expired let nobody in, so they do not count.
    """
    store, state = parts.store, parts.options.state
    url = f"http://{parts.options.api.host}:{parts.options.api.port}"
    write_private(state.address, json.dumps({"url": url}).encode())
    now = parts.clock.now()
    tokens = every(store, ApiKey, role="setup")
    if any(ways_in(_api_deps(parts), now=now)) or any(in_force(key, now=now) for key in tokens):
        return
    record, text = mint("setup", now=now)
    store.apply(Change(insert=(record,)), now=now)
    write_private(state.setup_token, text.encode())
    say(f"set-up token (single use): {text}")
    say(f"on this machine: podyard login --state {state.path}")


def _announce(options: ServeOptions, say: Callable[[str], None]) -> None:
    if options.plays("inventory"):
        say(f"inventory API   http://{options.api.host}:{options.api.port}/api/")
        say(
            f"pages           http://{options.api.host}:{options.api.port}/ "
            f"(sign in with the key in {options.state.path / 'client.json'})"
        )
    if options.plays("gateway"):
        say(f"OpenAI endpoint http://{options.gateway.host}:{options.gateway.port}/v1")
    if options.plays("provisioning"):
        say(f"agent door      https://{options.agents.host}:{options.agents.port}")


async def _run(listeners: list[Listener], loops: list[Awaitable[None]]) -> None:
    """Until told to stop, or until one part ends: half a service is worse than none."""
    stop = asyncio.Event()
    running = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        running.add_signal_handler(name, stop.set)
    serving = [asyncio.create_task(one.run()) for one in listeners]
    working = [asyncio.ensure_future(one) for one in loops]
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait([stopping, *serving, *working], return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()
        for task in working:
            task.cancel()
        ended = await asyncio.gather(*working, return_exceptions=True)
        for listener in listeners:
            listener.stop()
        await asyncio.gather(*serving, return_exceptions=True)
    for outcome in ended:
        if isinstance(outcome, FenceLost):
            log.error("lease lost; ending", extra={"cause": str(outcome)})
        if isinstance(outcome, Exception):
            raise outcome
