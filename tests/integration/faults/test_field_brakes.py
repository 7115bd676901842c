"""What is in an update at once, by failure domain: the hall's journal counts, nobody else."""

from __future__ import annotations

from pathlib import Path

import pytest

from provisioning.simulator.hall import host_name
from provisioning.simulator.journal import destructive_acts, updating_at_once
from tests.integration.faults.farm import bring_up, lab

pytestmark = pytest.mark.integration


def test_no_domain_has_more_hosts_in_an_update_than_its_limit(tmp_path: Path) -> None:
    spec = lab(hosts=12)  # three racks of four, each on a feed of its own
    domains = {
        host_name(spec, rack, slot): (f"rack {rack.name}", f"feed {slot.feed}", "site")
        for rack, slot in spec.slots()
    }
    limits = {"destructive_per_rack": 2, "destructive_per_feed": 3, "destructive_per_site": 5}

    told = bring_up(tmp_path, spec, [f"old-firmware@{name}" for name in domains], **limits)

    most = updating_at_once(told.journal, domains)
    assert {act.host for act in destructive_acts(told.journal)} == set(domains)
    assert {host.state.value for host in told.hosts.values()} == {"ready"}
    assert max(most[f"rack {rack.name}"] for rack in spec.racks) == 2
    assert 2 < most["site"] <= 5  # racks do not wait for one another


def test_a_scale_up_domain_is_not_updated_all_at_once(tmp_path: Path) -> None:
    wide = lab(hosts=6)
    alike = {
        name: kind.model_copy(update={"scale_up_domain": 72}) if kind.accelerators else kind
        for name, kind in wide.host_types.items()
    }
    spec = wide.model_copy(update={"host_types": alike})
    names = [host_name(spec, rack, slot) for rack, slot in spec.slots()]
    told = bring_up(
        tmp_path,
        spec,
        [f"old-firmware@{name}" for name in names],
        destructive_per_scale_up=1,
    )
    domains = {name: (told.hosts[name].link_domain,) for name in names}
    assert set(domains.values()) != {("",)}
    assert set(updating_at_once(told.journal, domains).values()) == {1}
