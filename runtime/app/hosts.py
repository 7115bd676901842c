"""The loops that work on hosts: bring-up, readings and discovery."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import Awaitable, Sequence
from datetime import timedelta

from inventory.authority import Authority
from inventory.errors import StoreUnavailable
from inventory.expected_hosts import ExpectedHost
from inventory.expecting.enrolling import enrol_expected
from inventory.expecting.trusting import OnboardingSettings, authorities_in, vouched_by
from inventory.leases import LeaseKeeper, LeaseTimes
from inventory.model import Host
from inventory.readings.keeping import ROLE
from inventory.resources.recording import Who
from inventory.roster import Alone, Shared
from inventory.under_lease import UnderLease, kept
from provisioning.bmcs import BmcPool
from provisioning.controller import Controller
from provisioning.cooling.listed import CoolingUnit, read_units
from provisioning.cooling.settings import CoolingSettings
from provisioning.cooling.watching import CoolingWatch
from provisioning.cooling.watching import World as CoolingWorld
from provisioning.drivers.credentials import Credentials
from provisioning.drivers.protocol import Bmc
from provisioning.drivers.redfish.coolingunit import RedfishCoolingUnit
from provisioning.faultpoints import FaultPoints
from provisioning.inband.play import AnsiblePlayer, NoPlaybook
from provisioning.inband.values import SiteValues
from provisioning.onboarding.discovery import Discoverer
from provisioning.onboarding.discovery import World as DiscoveryWorld
from provisioning.onboarding.discovery_settings import DiscoverySettings
from provisioning.onboarding.discovery_stranger import OverTheNetwork
from provisioning.onboarding.signing import bmc_authority
from provisioning.pacing import Pacing
from provisioning.profiles import Shelf
from provisioning.settings import ProvisioningSettings
from provisioning.speaking import under_lease
from provisioning.telemetry.inbox import Inbox
from provisioning.telemetry.polling import Poller
from provisioning.telemetry.settings import TelemetrySettings
from provisioning.telemetry.world import World as TelemetryWorld
from provisioning.world import Player
from provisioning.world import World as ProvisioningWorld
from runtime.app.bmcs import (
    bmc_opener,
    driver_of,
    password_reader,
    playbook_reach,
    reached_host,
)
from runtime.app.doors import boot_door
from runtime.app.parts import Parts, api_deps, owner, take_lease

log = logging.getLogger("podyard.service")
DISCOVERY = "discovery"
COOLING = "cooling"


def provisioning_loops(parts: Parts) -> list[Awaitable[None]]:
    """Bring-up and everything after it; where several services share a database, of its share."""
    settings = ProvisioningSettings()
    authority = Authority.open(parts.options.state.authority, now=parts.clock.now())
    times = LeaseTimes(valid=timedelta(seconds=settings.lease_s))
    faults = FaultPoints(os.environ.get("PODYARD_KILL_AT", ""))
    shelf = Shelf.read(settings.profiles)
    values = SiteValues.read(settings.playbook_values)

    async def join() -> LeaseKeeper:
        keeper = await LeaseKeeper.join(
            parts.store,
            parts.clock,
            role="provisioning",
            owner=owner(),
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
            bmcs=BmcPool(bmc_opener(parts, settings, around, pacing), password_reader(parts)),
            door=boot_door(parts, authority),
            player=_player(parts, settings, values),
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
            image_told=parts.transfers.told,
            image_turned_away=parts.transfers.turned_away,
            loop_news=parts.loop_news,
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


async def _left(parts: Parts, keeper: LeaseKeeper) -> None:
    """End a worker's lease, so that others take what it had in hand."""
    with contextlib.suppress(StoreUnavailable):  # then it ends by itself, and is buried
        await asyncio.to_thread(parts.store.leave, keeper.fence)


def _player(parts: Parts, settings: ProvisioningSettings, values: SiteValues) -> Player:
    if settings.playbook == "none":
        return NoPlaybook()
    return AnsiblePlayer(
        at_once=settings.playbooks_at_once,
        values=values,
        reach=playbook_reach(parts, settings),
        deadline_s=settings.playbook_deadline_s,
    )


def telemetry_loop(parts: Parts, inbox: Inbox) -> Awaitable[None]:
    """Readings of every powered host; where several services share a database, of its share."""
    settings, access = TelemetrySettings(), ProvisioningSettings()
    password = password_reader(parts)

    async def opened(host: Host) -> Bmc:
        # Not `logged`: a line for each read of each minute would be all that a log holds.
        return driver_of(
            access,
            await reached_host(parts, host),
            await password(host),
            keepalive_s=settings.keepalive_s,
        )

    async def join() -> LeaseKeeper:
        return await LeaseKeeper.join(
            parts.store, parts.clock, role=ROLE, owner=owner(), alone=parts.is_embedded
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


def cooling_loops(parts: Parts) -> list[Awaitable[None]]:
    """The leak detectors of listed cooling units; of several services, one reads them."""
    settings = CoolingSettings()
    units = read_units(settings.units)
    if not units:
        return []

    def opened(unit: CoolingUnit) -> RedfishCoolingUnit:
        return RedfishCoolingUnit.connect(
            unit.address,
            Credentials(username=unit.username, password=unit.password),
            fingerprint=unit.fingerprint,
            deadline_s=settings.deadline_s,
            keepalive_s=settings.every_s * 3,
        )

    def build(keeper: LeaseKeeper) -> CoolingWatch:
        return CoolingWatch(
            CoolingWorld(
                store=parts.store,
                clock=parts.clock,
                in_thread=asyncio.to_thread,
                fence=keeper.fence,
                units=units,
                opened=opened,
                every_s=settings.every_s,
                changed=parts.loop_news,
            )
        )

    return [UnderLease(parts.clock, lambda: take_lease(parts, COOLING), build, kept).run()]


def discovery_loop(parts: Parts) -> Awaitable[None]:
    """Walks over declared networks; where several services share a database, one of them."""
    settings, options = DiscoverySettings(), parts.options
    authorities = authorities_in(OnboardingSettings().bmc_authorities)
    doors = (options.api, options.agents, options.gateway)

    def enrol(rows: Sequence[ExpectedHost]) -> None:
        if rows:
            enrol_expected(api_deps(parts), Who(DISCOVERY, ""), rows)

    def vouched(certificate: bytes) -> str:
        return vouched_by(certificate, authorities, now=parts.clock.now())

    def build(keeper: LeaseKeeper) -> Discoverer:
        return Discoverer(
            DiscoveryWorld(
                store=parts.store,
                clock=parts.clock,
                in_thread=asyncio.to_thread,
                settings=settings,
                fence=keeper.fence,
                stranger=lambda at_once: OverTheNetwork(at_once=at_once, vouched_by=vouched),
                enrol=enrol,
                own=frozenset((door.host, door.port) for door in doors),
            )
        )

    working = UnderLease(parts.clock, lambda: take_lease(parts, DISCOVERY), build, kept)
    parts.wakers.append(working.wake)
    return working.run()
