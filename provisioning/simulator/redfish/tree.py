"""Every resource of one BMC by its path, built from the host's state at the moment of reading."""

from __future__ import annotations

from dataclasses import dataclass, field

from provisioning.simulator.bmc import SimulatedBmc
from provisioning.simulator.parts import Parts
from provisioning.simulator.redfish import (
    certifying,
    chassis,
    controllers,
    eventing,
    logs,
    network,
    power,
    processors,
    services,
    storage,
    system,
    telemetry,
    thermal,
)
from provisioning.simulator.redfish.altering import altered, inner_path
from provisioning.simulator.redfish.resource import (
    ACCOUNTS,
    SESSIONS,
    TASK_MONITORS,
    TASKS,
    Body,
    Builders,
)

MOVING_TYPES = (
    "#Session.v1_7_2.Session",
    "#Task.v1_7_4.Task",
    "#ManagerAccount.v1_12_0.ManagerAccount",
    logs.ENTRY_TYPE,
    eventing.SUBSCRIPTION_TYPE,
)
"""Of what comes and goes."""


@dataclass(slots=True)
class Tree:
    """The readable side of a service."""

    bmc: SimulatedBmc
    _fixed: Builders = field(default_factory=dict)
    _parts: Parts = field(init=False)

    def __post_init__(self) -> None:
        """Make the paths of what is fitted."""
        self._build()

    def _build(self) -> None:
        """Parts change only when a scheduled fault begins or ends."""
        self._parts = self.bmc.parts
        self._fixed = {}
        for part in (
            services,
            system,
            processors,
            storage,
            network,
            chassis,
            power,
            thermal,
            controllers,
            logs,
            eventing,
            certifying,
            telemetry,
        ):
            self._fixed |= part.fixed(self.bmc)

    def read(self, path: str) -> Body | None:
        """The resource at a path, or None."""
        if self._parts is not self.bmc.parts:
            self._build()
        inner = inner_path(self.bmc, path)
        if inner is None:
            return None
        builder = self._fixed.get(inner)
        found = builder() if builder is not None else self._moving(inner)
        return None if found is None else altered(self.bmc, inner, found)

    def types(self) -> list[str]:
        """Every `@odata.type` that this service serves."""
        always = [str(builder()["@odata.type"]) for builder in self._fixed.values()]
        return [*always, *MOVING_TYPES]

    def _moving(self, path: str) -> Body | None:
        parent, _, name = path.rpartition("/")
        if parent == SESSIONS and (session := self.bmc.sessions.open.get(name)):
            return services.session(session)
        if parent in {TASKS, TASK_MONITORS} and (task := self.bmc.updates.task(name)):
            return services.task(task, self.bmc)
        if parent in {TASKS, TASK_MONITORS} and (erase := self.bmc.erases.task(name)):
            return services.erase_task(erase)
        if parent == ACCOUNTS:
            for account in self.bmc.host.state.accounts:
                if str(account.number) == name:
                    return services.account(account)
        return logs.moving(self.bmc, path) or eventing.moving(self.bmc, path)
