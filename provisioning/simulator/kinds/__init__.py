"""Every fault that a hall can show, declared by subject: importing this fills the registry."""

from provisioning.simulator.kinds import distribution, machine, parts, replies, telling
from provisioning.simulator.kinds.registry import REGISTRY, SCHEDULE, FaultKind, Parameter

__all__ = [
    "REGISTRY",
    "SCHEDULE",
    "FaultKind",
    "Parameter",
    "distribution",
    "machine",
    "parts",
    "replies",
    "telling",
]
