"""A host's parts, put together once: they change only when the hall is started again."""

from __future__ import annotations

from dataclasses import dataclass, field

from pods.facts import (
    AcceleratorFact,
    CoolingPartFact,
    DriveFact,
    LeakDetectorFact,
    MemoryModuleFact,
    PositionFact,
    PowerSupplyFact,
    ProcessorFact,
    TrustFact,
)
from provisioning.simulator import cards, hardware, naming, surroundings
from provisioning.simulator.cards import Card
from provisioning.simulator.hall import HostPlan


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything that a BMC can list, as it is while the host is on; and the empty slots."""

    plan: HostPlan
    processors: tuple[ProcessorFact, ...] = field(init=False)
    accelerators: tuple[AcceleratorFact, ...] = field(init=False)
    memory: tuple[MemoryModuleFact, ...] = field(init=False)
    drives: tuple[DriveFact, ...] = field(init=False)
    cards: tuple[Card, ...] = field(init=False)
    supplies: tuple[PowerSupplyFact, ...] = field(init=False)
    cooling: tuple[CoolingPartFact, ...] = field(init=False)
    leak_detectors: tuple[LeakDetectorFact, ...] = field(init=False)
    position: PositionFact = field(init=False)
    trust: TrustFact = field(init=False)

    def __post_init__(self) -> None:
        """Build every part; a fault that strikes none of them is refused here."""
        plan = self.plan
        for name, value in (
            ("processors", hardware.processors(plan)),
            ("accelerators", hardware.accelerators(plan)),
            ("memory", hardware.memory_modules(plan)),
            ("drives", hardware.drives(plan)),
            ("cards", cards.cards(plan)),
            ("supplies", surroundings.power_supplies(plan)),
            ("cooling", surroundings.cooling_parts(plan)),
            ("leak_detectors", surroundings.leak_detectors(plan)),
            ("position", surroundings.position(plan)),
            ("trust", surroundings.trust(plan)),
        ):
            object.__setattr__(self, name, value)

    @property
    def accelerator_slots(self) -> tuple[str, ...]:
        """Fitted or not."""
        return naming.accelerator_slots(self.plan.host_type, self.plan.model)

    @property
    def memory_slots(self) -> tuple[str, ...]:
        """Populated or not."""
        return naming.memory_slots(self.plan.host_type, self.plan.model)

    @property
    def supply_slots(self) -> tuple[str, ...]:
        """Fitted or not."""
        return naming.supply_slots(self.plan.host_type, self.plan.model)
