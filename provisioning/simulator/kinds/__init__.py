"""Every fault that a hall can show, declared by subject: importing this fills the registry."""

from provisioning.simulator.kinds import machine, parts, replies
from provisioning.simulator.kinds.registry import REGISTRY, SCHEDULE, FaultKind, Parameter

__all__ = ["REGISTRY", "SCHEDULE", "FaultKind", "Parameter", "machine", "parts", "replies"]
