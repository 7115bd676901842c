"""A machine with its listener: certificate, port, and what `hall.json` says of it."""

from __future__ import annotations

import errno
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import web

from provisioning.simulator.certificates import ensure_certificate, fingerprint, server_context
from provisioning.simulator.distribution.machine import Machine
from provisioning.simulator.distribution.service import MachineService
from provisioning.simulator.errors import HallBusy


@dataclass(slots=True)
class RunningMachine:
    """One machine that listens."""

    machine: Machine
    directory: Path
    fingerprint: str = ""
    runner: web.AppRunner | None = None

    async def start(self, *, port: int) -> None:
        """Listen on the port kept from before, else on this one; 0 takes a free one."""
        certificate, key = self.directory / "cert.pem", self.directory / "key.pem"
        ensure_certificate(certificate, key, name=self.machine.plan.name, renew=False)
        self.fingerprint = fingerprint(certificate)
        application = MachineService(self.machine).application()
        self.runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.5)
        await self.runner.setup()
        wanted = self.machine.state.port or port
        context = server_context(certificate, key)
        try:
            await web.TCPSite(self.runner, "127.0.0.1", wanted, ssl_context=context).start()
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            raise HallBusy(
                f"port {wanted} for {self.machine.plan.name} is in use",
                hint="stop what listens there, or start a fresh --state with another --port-base",
            ) from error
        self.machine.state.port = self.runner.addresses[0][1]
        self.machine.save()

    async def stop(self) -> None:
        """Listen no more."""
        if self.runner is not None:
            await self.runner.cleanup()

    def describe(self) -> dict[str, Any]:
        """For `hall.json`."""
        machine, account = self.machine, self.machine.state.accounts[0]
        return {
            "name": machine.plan.name,
            "kind": machine.plan.kind,
            "rack": machine.plan.rack,
            "feed": machine.plan.feed,
            "hosts": list(machine.plan.hosts),
            "address": f"redfish+https://127.0.0.1:{machine.state.port}",
            "fingerprint": self.fingerprint,
            "username": account.username,
            "password": account.password,
            "serial": machine.plan.serial,
        }
