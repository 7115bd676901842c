"""Adopted hosts, which have no BMC: what their agent tells stands where a BMC's word would.

Nobody here can switch such a host on or off, boot it, flash it or stage its BIOS, and none of that
is claimed. Its operating system runs already; podyard hands it a boot document over `ssh` and
starts the agent that is installed there. From its report on it goes the way of every other host:
held against its spec, configured, measured and certified.

What cannot be known of it must not be promised: a spec that wants firmware versions, a BIOS profile
or an interoperability profile is no spec for such a host. And what a tenant left on it nobody here
can clear: its owner does, and says so.
"""

from __future__ import annotations

from inventory.model import BootRecord, Host
from inventory.outbound.bmc_address import WITHOUT_BMC
from inventory.states import HostState
from pods.facts import HardwareFacts
from pods.power import PowerPhase, reserved_watts
from provisioning.lifecycle.actions import ForgetBoot, MakeBootMedium, ReservePower, StartAgent
from provisioning.lifecycle.decision import Advance, Decision, Do, Hold, Seen, Wait, Wanted
from provisioning.lifecycle.skipping import has_skipped

SOURCE = "ssh"
"""The source of facts that a host told by itself, having no BMC."""
STARTING_S = 120.0  # a process and one handshake; a loaded machine takes a tenth of it
RECHECK_S = 5.0  # the agent's report wakes the host
TRIES_MAX = 3


def is_adopted(host: Host) -> bool:
    """Whether it has no BMC that podyard may use."""
    return host.bmc.address.startswith(WITHOUT_BMC)


def as_its_agent_tells(facts: HardwareFacts, told: HardwareFacts | None) -> HardwareFacts:
    """Who the host is, as `ssh` tells it; what is in it, as its agent does."""
    if told is None:
        return facts
    parts = ("processors", "accelerators", "memory", "drives", "nics")
    return facts.model_copy(update={part: getattr(told, part) for part in parts})


def beyond_reach(host: Host, wanted: Wanted) -> Hold | None:
    """What its spec asks for and nobody can read here; None where it asks for nothing such."""
    asked = [
        *(f"{item.component} {item.version}" for item in wanted.firmware),
        *(["a BIOS profile"] if wanted.bios else []),
    ]
    if not asked:
        return None
    return Hold(
        "no-bmc",
        f"{host.bmc.address} has no BMC, and its spec wants {', '.join(asked)}: nobody can read "
        "that of it",
        "put it into a pod whose spec wants none of it for this host type; or give it the address "
        f"of its BMC, and its account: podyard host bmc {host.name} "
        "--address redfish+https://HOST:PORT --fingerprint sha256:DIGITS "
        "--username USER --password-file FILE",
    )


def until_it_reports(host: Host, seen: Seen) -> Decision | None:
    """Hand it a boot document and start its agent; None when the agent has reported with it."""
    boot = host.boot
    if boot is None or boot.purpose:
        return Do(MakeBootMedium(tries=1), "no boot document yet")
    agent = seen.agent
    if agent is not None and agent.observed is not None and agent.media_id == boot.media_id:
        return None
    if boot.powered_at is None:
        if seen.now >= boot.expires_at:
            return Do(MakeBootMedium(boot.tries), "the boot token is good no more, unused")
        return Do(StartAgent(), "its agent has not heard of this boot document")
    return _late(host, boot, seen.age_s(boot.powered_at))


def _late(host: Host, boot: BootRecord, waited_s: float) -> Decision:
    if waited_s <= STARTING_S:
        return Wait(f"its agent is starting since {waited_s:.0f} s", RECHECK_S)
    if boot.tries < TRIES_MAX:
        return Do(MakeBootMedium(boot.tries + 1), "a fresh boot document for another try")
    return Hold(
        "no-agent",
        f"its agent was started {boot.tries} times and did not report within {STARTING_S:.0f} s",
        "read `journalctl -u podyard-agent` on the host, and see that it reaches the agents' "
        f"listener; then podyard host retry {host.name}",
    )


def decide_running(host: Host, seen: Seen, wanted: Wanted) -> Decision:
    """In place of a boot: its agent has reported, and its watts are counted on its feed."""
    if (step := until_it_reports(host, seen)) is not None:
        return step
    running = int(reserved_watts(wanted.host_type.power, PowerPhase.RUNNING))
    if host.reserved_watts != running:
        return Do(ReservePower(running), "it runs, and draws what its type draws")
    return Advance(HostState.CONFIGURING, "its agent reported")


def decide_left(host: Host, wanted: Wanted) -> Decision:
    """In place of cleaning: what ran on it, its owner clears and a person vouches for."""
    ran = host.boot is not None or host.configured_boot_id or host.acceptance_order
    if (ran or host.uncleaned) and not has_skipped(host, "clean"):
        return Hold(
            "no-bmc",
            "podyard cannot clear what a tenant may have left on a host without a BMC",
            "let its owner install it anew, then podyard host skip "
            f"{host.name} --why 'installed anew by …'",
        )
    standby = int(reserved_watts(wanted.host_type.power, PowerPhase.STANDBY))
    if host.reserved_watts != standby:
        return Do(ReservePower(standby), "nothing of ours runs on it")
    if ran:
        return Do(ForgetBoot(), "a person says that it is clean")
    return Advance(HostState.ENROLLED, "clean")
