"""Configuring: the base playbook, once per boot. A second run changes nothing."""

from __future__ import annotations

from inventory.model import Host
from inventory.states import HostState
from provisioning.lifecycle.actions import Configure, RecordConfigured
from provisioning.lifecycle.decision import Advance, Decision, Do, Look, Seen, Wait, Wanted
from provisioning.lifecycle.skipping import has_skipped

LOOK = Look.NOTHING
RECHECK_S = 2.0


def decide_configuring(host: Host, seen: Seen, _wanted: Wanted) -> Decision:
    """Configure the boot that reported, not an earlier one."""
    if host.boot is None:
        return Advance(HostState.BOOTING, "no boot on record")
    agent = seen.agent
    if agent is None or agent.observed is None or agent.media_id != host.boot.media_id:
        return Wait("the agent has not reported", RECHECK_S)
    boot_id = agent.observed.boot_id
    if host.configured_boot_id != boot_id and has_skipped(host, "configure"):
        return Do(RecordConfigured(boot_id), "a person says that it is configured")
    if host.configured_boot_id != boot_id:
        return Do(Configure(boot_id), "this boot is not configured yet")
    return Advance(HostState.ACCEPTING, "configured")
