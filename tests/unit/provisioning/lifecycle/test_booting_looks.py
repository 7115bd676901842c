"""What a booting host's BMC is asked follows its boot: BMCs freeze under questions."""

from __future__ import annotations

from inventory.states import HostState
from provisioning.lifecycle.booting import looks_booting
from provisioning.lifecycle.decision import Look
from tests.make import NOW, make_agent, make_boot, make_host, make_wanted


def look(**fields: object) -> Look:
    """At a host in the middle of its boot."""
    agent = fields.pop("agent", None)
    host = make_host(state=HostState.BOOTING, **fields)
    return looks_booting(host, make_wanted(), agent, NOW)  # type: ignore[arg-type]


def test_before_it_is_switched_on_its_medium_and_boot_source_are_read() -> None:
    assert look(boot=None) == Look.POWER | Look.BOOT
    assert look(boot=make_boot(powered_at=None)) == Look.POWER | Look.BOOT


def test_while_it_boots_only_its_power_is_read() -> None:
    assert look(boot=make_boot(powered_at=NOW)) == Look.POWER


def test_an_agent_of_an_earlier_medium_changes_nothing() -> None:
    before = make_agent(media_id="another")
    assert look(boot=make_boot(powered_at=NOW), agent=before) == Look.POWER


def test_its_bios_is_read_once_its_agent_reported() -> None:
    agent = make_agent()
    boot = make_boot(powered_at=NOW, media_id=agent.media_id)
    assert look(boot=boot, agent=agent) == Look.POWER | Look.BIOS
