"""The profile `field`: what a hall of ordinary hardware shows, host by host, drawn by the seed.

Every BMC is a little unreliable; some hosts have one fault of their own besides. The rates of
answers are those that podyard promises to survive (R3 of the project's reliability targets); the
shares of hosts are invented, and high enough that a hall of 64 shows most of them.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from pods.spec import PodSpec
from provisioning.simulator.errors import UnknownFault
from provisioning.simulator.faults import Fault
from provisioning.simulator.hall import host_name

READS_UNANSWERED = 0.2
ANSWERS_WRONG = 0.05
ERRORS_AFTER_ACT = 0.02
SESSIONS_DROPPED = 0.01
EVERY_BMC = (
    f"hang-read:rate={READS_UNANSWERED}",
    f"empty-answer:rate={ANSWERS_WRONG / 2},times=inf",
    f"error-answer:rate={ANSWERS_WRONG / 2},times=inf",
    f"error-after-act:rate={ERRORS_AFTER_ACT},times=inf",
    f"session-drop:rate={SESSIONS_DROPPED},times=inf",
)
OF_ITS_OWN: tuple[tuple[float, tuple[str, ...]], ...] = (
    (0.10, ("slow-bmc:seconds={slow:.1f}",)),
    (0.10, ("stale-power:seconds=8",)),
    (0.10, ("old-firmware:component=BIOS",)),
    (0.04, ("old-firmware:component=BIOS", "bmc-restarts:during=update,seconds=10")),
    (0.03, ("old-firmware:component=BIOS", "task-vanishes")),
    (0.03, ("old-firmware:component=BIOS", "update-lies")),
    (0.03, ("old-firmware:component=BIOS", "task-state:state=Staged")),
    (0.04, ("busy-after-off:seconds=6",)),
    (0.04, ("override-ignored",)),
    (0.04, ("image-fails",)),
    (0.03, ("lost-reply",)),
    (0.03, ("lost-request",)),
    (0.02, ("leaks-sessions",)),
    (0.02, ("missing-dimm",)),
    (0.01, ("missing-drive",)),
    (0.01, ("wrong-serial",)),
    (0.01, ("black-hole",)),
    (0.01, ("dead-on",)),
)
"""Shares of all hosts, each with what those hosts have; the rest have nothing of their own."""
PROFILES = ("field",)


def profile_faults(profile: str, spec: PodSpec, *, seed: int) -> tuple[Fault, ...]:
    """The faults of a profile in the hall of a spec; none without a profile."""
    if not profile:
        return ()
    if profile not in PROFILES:
        raise UnknownFault(
            f"no profile of faults is called {profile!r}",
            hint="the profiles are " + ", ".join(PROFILES),
        )
    return field_faults([host_name(spec, *place) for place in spec.slots()], seed=seed)


def field_faults(hosts: Sequence[str], *, seed: int) -> tuple[Fault, ...]:
    """The faults of these hosts, the same for the same names and seed."""
    found: list[Fault] = []
    for host in hosts:
        source = random.Random(f"field/{seed}/{host}")
        asked = [*EVERY_BMC, *_own(source)]
        found += [_planted(words, host) for words in asked]
    return tuple(found)


def _own(source: random.Random) -> list[str]:
    drawn, slow = source.random(), source.uniform(1, 30)
    for share, faults in OF_ITS_OWN:
        if drawn < share:
            return [fault.format(slow=slow) for fault in faults]
        drawn -= share
    return []


def _planted(words: str, host: str) -> Fault:
    name, separator, parameters = words.partition(":")
    return Fault.parse(f"{name}@{host}{separator}{parameters}")
