"""The running hall: its state directory and lock, every BMC's listener, the hosts behind them."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import ssl
import sys
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web

from provisioning.simulator.bmc import SimulatedBmc
from provisioning.simulator.certificates import ensure_certificate, fingerprint, server_context
from provisioning.simulator.clock import Clock, RealClock
from provisioning.simulator.distribution.machine import Machine, load_machine_state
from provisioning.simulator.distribution.mains import Mains
from provisioning.simulator.distribution.plan import MachinePlan
from provisioning.simulator.distribution.running import RunningMachine
from provisioning.simulator.doors import HostDoors, check_socket_paths
from provisioning.simulator.errors import HallBusy, HallError, LaunchRefused
from provisioning.simulator.hall import HallPlan, HostPlan
from provisioning.simulator.host import SimulatedHost, World
from provisioning.simulator.journal import Journal
from provisioning.simulator.launcher import (
    AGENT_ARGV,
    HostLauncher,
    HostPlace,
    NamespaceLauncher,
    PlainLauncher,
)
from provisioning.simulator.media import HttpsMedia, MediaSource
from provisioning.simulator.redfish.service import RedfishService
from provisioning.simulator.state import load_state, write_json
from provisioning.simulator.timings import Timings
from provisioning.simulator.tls import BmcTls

HIDDEN_IN_HOST = ("/run", "/tmp/ray", "/dev/shm", "/proc")  # noqa: S108 - what a host mounts over
"""Directories that a host sees its own version of; no state can lie below them."""


@dataclass(frozen=True, slots=True)
class HallSettings:
    """How a hall is run; what it consists of is its plan."""

    state: Path
    port_base: int = 0
    """First BMC port; 0 takes free ones. Ports once taken are kept."""
    clock: Clock = field(default_factory=RealClock)
    timings: Timings = field(default_factory=Timings)
    media: MediaSource | None = None
    agent_argv: Sequence[str] = AGENT_ARGV
    namespaces: bool = True
    """Whether to try them; where they are refused, hosts are plain processes."""
    launcher: HostLauncher | None = None
    """What runs hosts that boot, where somebody else than these two does it."""
    doors: bool = True
    """Whether each host has its two sockets; agents that share our network can do without."""


@dataclass(slots=True)
class RunningHost:
    """One host with all that listens for it."""

    bmc: SimulatedBmc
    directory: Path
    doors: HostDoors
    fingerprint: str = ""
    runner: web.AppRunner | None = None
    context: ssl.SSLContext | None = None

    @property
    def certificate(self) -> tuple[Path, Path]:
        """Certificate and key."""
        return self.directory / "cert.pem", self.directory / "key.pem"

    def change_certificate(self) -> None:
        """A new pair, which every later handshake shows."""
        certificate, key = self.certificate
        ensure_certificate(certificate, key, name=self.bmc.host.plan.name, renew=True)
        if self.context is not None:
            self.context.load_cert_chain(certificate, key)
        self.bmc.host.journal("bmc.certificate", fingerprint=fingerprint(certificate))


@dataclass(slots=True)
class Hall:
    """A hall from start to stop."""

    plan: HallPlan
    settings: HallSettings
    hosts: list[RunningHost] = field(default_factory=list)
    machines: list[RunningMachine] = field(default_factory=list)
    """What stands around them: PDUs, shelves, CDUs, leaf switches."""
    hall_id: str = ""
    _first_started_at: float = 0.0
    _lock: int = -1
    _journal: Journal = field(init=False)
    _launcher: HostLauncher = field(init=False)
    mains: Mains = field(init=False)

    @property
    def directory(self) -> Path:
        """The state directory, absolute and without links: hosts run elsewhere."""
        return self.settings.state.resolve()

    async def start(self) -> None:
        """Bring every BMC up, then say so in `hall.json`; a failure stops what was started."""
        self._check_place()
        self._take_lock()
        try:
            await self._start()
        except BaseException:
            await self.stop()
            raise

    async def _start(self) -> None:
        (self.directory / "hall.json").unlink(missing_ok=True)
        self._identify()
        self._journal = Journal(self.directory / "journal.jsonl")
        self._journal.open()
        self._launcher = await self._start_launcher()
        self.mains = Mains(
            self.plan.distribution,
            clock=self.settings.clock,
            journal=self._journal,
            path=self.directory / "mains.json",
            hall_started_at=self._first_started_at,
        )
        world = World(
            clock=self.settings.clock,
            timings=self.settings.timings,
            journal=self._journal,
            launcher=self._launcher,
            media=self.settings.media or HttpsMedia(self.settings.timings.fetch_timeout_s),
            hall_started_at=self._first_started_at,
            inputs=self.mains,
        )
        for index, host in enumerate(self.plan.hosts):
            self.hosts.append(await self._start_host(host, world, index))
        for index, machine in enumerate(self.plan.distribution.machines, len(self.plan.hosts)):
            await self._start_machine(machine, index)
        self._write("hall.start", hall_id=self.hall_id, isolated=self._launcher.isolated)
        for running in self.hosts:
            await running.bmc.resume()
        await self.mains.begin()
        write_json(self.directory / "hall.json", self.describe())

    async def stop(self) -> None:
        """End hosts, listeners and the lock, in that order. Safe after half a start."""
        (self.directory / "hall.json").unlink(missing_ok=True)
        if hasattr(self, "mains"):
            await self.mains.stop()
        for running in self.hosts:
            await running.bmc.host.stop()
        if hasattr(self, "_launcher"):
            await self._launcher.stop()
        for running in self.hosts:
            await running.doors.close()
            if running.runner is not None:
                await running.runner.cleanup()
        for machine in self.machines:
            await machine.stop()
        if hasattr(self, "_journal"):
            if self.hosts:
                self._write("hall.stop", hall_id=self.hall_id)
            self._journal.close()
        self.hosts, self.machines = [], []
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    # Before the first host.

    def _check_place(self) -> None:
        places = [self._place(host) for host in self.plan.hosts]
        check_socket_paths(places)
        for hidden in HIDDEN_IN_HOST:
            if self.settings.namespaces and self.directory.resolve().is_relative_to(hidden):
                raise HallError(
                    f"state directory {self.directory} lies below {hidden}, "
                    "which every simulated host replaces with its own",
                    hint="choose another --state directory",
                )

    def _take_lock(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self.directory / "lock"
        self._lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._lock)
            self._lock = -1
            raise HallBusy(
                f"another simulator is running on {self.directory}",
                hint="stop it, or choose another directory with --state",
            ) from error

    def _identify(self) -> None:
        """The hall's lasting identity; a directory belongs to one spec and one seed for good."""
        path = self.directory / "identity.json"
        mine: dict[str, Any] = {"pod_spec": self.plan.pod_spec, "seed": self.plan.seed}
        if self.plan.models:
            mine["models"] = dict(self.plan.models)
        if not path.exists():
            self.hall_id = str(uuid.uuid4())
            self._first_started_at = self.settings.clock.now()
            started = {"hall_id": self.hall_id, "started_at": self._first_started_at}
            write_json(path, {**started, **mine})
            return
        kept = json.loads(path.read_bytes())
        self.hall_id = kept.pop("hall_id")
        # A hall of before there were schedules has no such moment: now will do.
        self._first_started_at = float(kept.pop("started_at", self.settings.clock.now()))
        if kept != mine:
            raise HallError(
                f"{self.directory} holds a hall of {kept['pod_spec']} with seed {kept['seed']}, "
                f"not of {mine['pod_spec']} with seed {mine['seed']}"
                + (", or other host models" if kept.get("models") != mine.get("models") else ""),
                hint="choose another --state directory, or the same spec, seed and models",
            )

    async def _start_launcher(self) -> HostLauncher:
        if self.settings.launcher is not None:
            await self.settings.launcher.start()
            return self.settings.launcher
        argv = self.settings.agent_argv
        if self.settings.namespaces:
            launcher = NamespaceLauncher(report=self._report, argv=argv)
            try:
                await launcher.start()
            except LaunchRefused as error:
                # Said once and loudly: whoever reads on must know what isolation is missing.
                sys.stderr.write(
                    f"WARNING: {error}\n"
                    "WARNING: hosts run as plain processes: they share this machine's network, "
                    "and Ray would listen on all of its interfaces\n"
                )
            else:
                return launcher
        return PlainLauncher(report=self._report, argv=argv)

    # Hosts.

    def _place(self, host: HostPlan) -> HostPlace:
        base = self.directory / "hosts" / host.name
        return HostPlace(name=host.name, root=base / "root", run=base / "run")

    async def _start_host(self, plan: HostPlan, world: World, index: int) -> RunningHost:
        place = self._place(plan)
        directory = place.root.parent
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        place.prepare()
        path = directory / "state.json"
        again = path.exists()
        host = SimulatedHost(
            plan=plan, place=place, state=load_state(path, plan), state_path=path, world=world
        )
        running = RunningHost(
            bmc=SimulatedBmc(host), directory=directory, doors=HostDoors(place, world.launcher)
        )
        self.mains.plug(plan.name, running.bmc)
        certificate, key = running.certificate
        running.bmc.strikes.change_certificate = running.change_certificate
        running.bmc.tls = BmcTls(
            certificate, key, lambda: running.context, running.bmc.host.journal
        )
        changed = host.faults.planted("certificate-changed")
        renew = (
            again
            and changed is not None
            and not changed.scheduled
            and host.faults.fires("certificate-changed") is not None
        )
        ensure_certificate(
            certificate,
            key,
            name=plan.name,
            renew=renew,
            expired=host.faults.planted("certificate-expired") is not None,
            elsewhere=host.faults.planted("certificate-of-another") is not None,
        )
        running.fingerprint = fingerprint(certificate)
        if self.settings.doors:
            await running.doors.open()
        await self._listen(running, index)
        host.save()
        return running

    async def _listen(self, running: RunningHost, index: int) -> None:
        state = running.bmc.host.state
        port = state.port or (self.settings.port_base + index if self.settings.port_base else 0)
        application = RedfishService(running.bmc).application()
        running.runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.5)
        await running.runner.setup()
        running.context = server_context(*running.certificate)
        site = web.TCPSite(running.runner, "127.0.0.1", port, ssl_context=running.context)
        try:
            await site.start()
        except OSError as error:
            await running.runner.cleanup()
            if error.errno != errno.EADDRINUSE:
                raise
            raise HallBusy(
                f"port {port} for the BMC of {running.bmc.host.plan.name} is in use",
                hint="stop what listens there, or start a fresh --state with another --port-base",
            ) from error
        state.port = running.runner.addresses[0][1]

    async def _start_machine(self, plan: MachinePlan, index: int) -> None:
        directory = self.directory / "machines" / plan.name
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = directory / "state.json"
        machine = Machine(
            plan=plan,
            state=load_machine_state(path),
            path=path,
            mains=self.mains,
            clock=self.settings.clock,
            log=self._journal,
        )
        running = RunningMachine(machine, directory)
        # Listed before it listens, so that a start that breaks off leaves no listener behind.
        self.machines.append(running)
        await running.start(port=self.settings.port_base + index if self.settings.port_base else 0)

    # What is told.

    def describe(self) -> dict[str, Any]:
        """The content of `hall.json`."""
        return {
            "hall": 1,
            "hall_id": self.hall_id,
            "pid": os.getpid(),
            "pod_spec": self.plan.pod_spec,
            "seed": self.plan.seed,
            "simulated": True,
            "isolated": self._launcher.isolated,
            "hosts": [self._describe_host(running) for running in self.hosts],
            "machines": [machine.describe() for machine in self.machines],
        }

    def _describe_host(self, running: RunningHost) -> dict[str, Any]:
        host = running.bmc.host
        account = host.state.accounts[0]
        return {
            "name": host.plan.name,
            "slot": host.plan.slot,
            "model": host.plan.model.name,
            "bmc": f"redfish+https://127.0.0.1:{host.state.port}",
            "fingerprint": running.fingerprint,
            "username": account.username,
            "password": account.password,
            "serial": host.plan.serial,
            "uuid": host.plan.uuid,
            "mac": host.plan.macs[0],
            "root": str(host.place.root),
            "run": str(host.place.run),
        }

    def _report(self, name: str, heard: dict[str, Any]) -> None:
        """A host's init speaks: the agent's life belongs in the journal."""
        event = heard.pop("event")
        if event in {"agent.start", "agent.exit"}:
            host = next(
                (one.bmc.host for one in self.hosts if one.bmc.host.plan.name == name), None
            )
            if host is not None:
                host.journal(f"host.{event}", **heard)

    def _write(self, what: str, **fields: Any) -> None:
        self._journal.write(what, at=self.settings.clock.now(), **fields)
