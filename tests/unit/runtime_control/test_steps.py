"""Claims, clusters and deployments, step by step, on a real store with obedient agents."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest

from inventory.errors import FenceLost
from inventory.model import Claim, Deployment, UsageRecord
from inventory.states import ClaimState, PowerState, UnitState
from inventory.store.protocol import Change
from runtime.binding import Binding
from runtime.context import ClusterKey
from runtime.tending import Tending
from tests.unit.runtime_control.builders import RING, Site, make_deployment

KEY = ClusterKey("acme", "main")


class Steps:
    """One controller's claims and clusters, without its loop."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.binding = Binding(site.store, RING, site.fence)
        self.tending = Tending(site.world(), site.fence, asyncio.Lock())

    def bind(self) -> None:
        self.binding.step(self.site.clock.now())

    async def tend(self, key: ClusterKey = KEY) -> None:
        """Until nothing changes; a step that never settles fails the test."""
        for _ in range(12):
            if not (await self.tending.step(key)).changed:
                return
        raise AssertionError("the cluster does not settle")

    async def form(self) -> None:
        self.bind()
        for _ in range(4):
            await self.tend()
            self.site.agents_obey()
        await self.tend()


@pytest.fixture
def steps(site: Site) -> Steps:
    return Steps(site)


async def test_a_claim_becomes_a_running_cluster_head_first(site: Site, steps: Steps) -> None:
    site.claim(count=3)
    steps.bind()
    await steps.tend()
    orders = [m.order for h in site.hosts if (m := site.member(h.id))]
    assert [o.role for o in orders if o] == ["head"]
    site.agents_obey()
    await steps.tend()
    orders = [m.order for h in site.hosts if (m := site.member(h.id))]
    assert sorted(o.role for o in orders if o) == ["head", "worker", "worker"]
    assert len({o.address for o in orders if o}) == 3
    assert {o.head_address for o in orders if o} == {"10.77.1.10"}
    assert {o.token for o in orders if o} == {""}
    assert site.cluster().phase == "forming"
    site.agents_obey()
    await steps.tend()
    cluster = site.cluster()
    assert (cluster.phase, cluster.nodes_alive, cluster.isolated) == ("running", 3, True)


async def test_the_token_is_sealed_before_any_order(site: Site, steps: Steps) -> None:
    site.claim()
    steps.bind()
    settled = await steps.tending.step(KEY)
    assert settled.changed
    assert all(site.member(h.id) is None for h in site.hosts)
    sealed = site.store.secret(site.cluster().id, "ray-token")
    assert sealed is not None
    token = site.secrets.unseal(site.cluster().id, "ray-token", sealed).get_secret_value()
    await steps.form()
    assert site.clusters[site.cluster().id].token == token
    assert token not in site.cluster().model_dump_json()


async def test_a_released_claim_gives_units_back_only_after_ray_has_left(
    site: Site, steps: Steps
) -> None:
    site.claim(count=2)
    await steps.form()
    site.clock.forward(100)
    site.release("c1")
    steps.bind()
    assert "about to be withdrawn" in site.got(Claim, "c1").why
    await steps.tend()
    steps.bind()
    assert site.got(Claim, "c1").state is ClaimState.RELEASING
    assert "Ray is running on host" in site.got(Claim, "c1").why
    assert site.cluster().phase == "stopping"
    assert site.unit("h1").state is UnitState.CLAIMED
    site.agents_obey()
    steps.bind()
    await steps.tend()
    claim = site.got(Claim, "c1")
    assert claim.state is ClaimState.RELEASED
    assert [site.unit(h.name).state for h in site.hosts] == [UnitState.AVAILABLE] * 3
    assert site.cluster().phase == "stopped"
    usage = site.store.find(UsageRecord, claim="c1")
    assert [u.unit_seconds for u in usage] == [200.0]


async def test_an_agent_that_has_not_read_the_order_yet_does_not_count_as_stopped(
    site: Site, steps: Steps
) -> None:
    site.claim()
    steps.bind()
    await steps.tend()  # the order is out, no agent has answered it
    site.release("c1")
    await steps.tend()
    steps.bind()
    claim = site.got(Claim, "c1")
    assert claim.state is ClaimState.RELEASING
    assert "has not answered the order to stop" in claim.why


async def test_a_powered_off_host_does_not_hold_up_a_release(site: Site, steps: Steps) -> None:
    site.claim()
    await steps.form()
    site.release("c1")
    await steps.tend()
    site.update(site.hosts[0], power=PowerState.OFF)
    steps.bind()
    assert site.got(Claim, "c1").state is ClaimState.RELEASED


async def test_a_draining_unit_is_withdrawn_when_its_claim_ends(site: Site, steps: Steps) -> None:
    site.claim()
    await steps.form()
    site.update(site.unit("h1"), state=UnitState.DRAINING)
    site.release("c1")
    await steps.tend()
    site.agents_obey()
    steps.bind()
    assert site.unit("h1").state is UnitState.WITHDRAWN
    assert site.unit("h1").claim == ""


async def test_an_expired_claim_is_released(site: Site, steps: Steps) -> None:
    site.claim(expires_at=site.clock.now().replace(hour=13))
    await steps.form()
    site.clock.forward(3601)
    steps.bind()
    assert site.got(Claim, "c1").state is ClaimState.RELEASING


async def test_a_cluster_formed_again_has_a_fresh_token(site: Site, steps: Steps) -> None:
    site.claim("c1")
    await steps.form()
    first = site.store.secret(site.cluster().id, "ray-token")
    site.release("c1")
    await steps.tend()
    site.agents_obey()
    steps.bind()
    await steps.tend()
    site.claim("c2")
    await steps.form()
    assert site.cluster().phase == "running"
    second = site.store.secret(site.cluster().id, "ray-token")
    assert first is not None
    assert second is not None
    opened = {site.secrets.unseal(site.cluster().id, "ray-token", s) for s in (first, second)}
    assert len(opened) == 2


async def test_the_head_stays_and_addresses_stay_when_members_come_and_go(
    site: Site, steps: Steps
) -> None:
    site.claim("c1")
    await steps.form()
    site.claim("c2")
    await steps.form()
    before = {h.id: site.member(h.id) for h in site.hosts[:2]}
    head = site.cluster().head_host_id
    site.claim("c3")
    await steps.form()
    assert site.cluster().head_host_id == head
    assert {h.id: site.member(h.id) for h in site.hosts[:2]} == before
    assert site.cluster().phase == "running"


async def test_a_new_head_takes_over_when_the_heads_claim_ends(site: Site, steps: Steps) -> None:
    site.claim("c1")
    await steps.form()
    site.claim("c2", count=2)
    await steps.form()
    site.release("c1")
    for _ in range(6):
        await steps.tend()
        site.agents_obey()
        steps.bind()
    assert site.cluster().head_host_id == "host-h2"
    assert site.cluster().phase == "running"
    roles = {h.name: m.order.role for h in site.hosts if (m := site.member(h.id)) and m.order}
    assert roles == {"h2": "head", "h3": "worker"}


async def test_two_tenants_share_neither_cluster_nor_network_nor_token(
    site: Site, steps: Steps
) -> None:
    site.claim("c1")
    site.claim("c2", tenant="rival")
    steps.bind()
    await steps.tend()
    await steps.tend(ClusterKey("rival", "main"))
    mine, theirs = site.cluster(), site.cluster("rival")
    assert mine.id != theirs.id
    assert mine.subnet != theirs.subnet
    assert not set(mine.member_host_ids) & set(theirs.member_host_ids)


async def test_a_deployment_runs_once_the_cluster_serves_it(site: Site, steps: Steps) -> None:
    site.write(Change(insert=(make_deployment(),)))
    await steps.tend()
    assert "claim units" in site.got(Deployment, "dep-smol").message
    site.claim()
    await steps.form()
    await steps.tend()
    assert site.got(Deployment, "dep-smol").phase == "running"
    documents = site.clusters[site.cluster().id].documents
    assert [a["name"] for a in documents[0]["applications"]] == ["model-smol"]
    await steps.tend()
    assert len(documents) == 1, "an unchanged document is sent once"


async def test_a_document_that_was_lost_is_sent_again(site: Site, steps: Steps) -> None:
    site.write(Change(insert=(make_deployment(),)))
    site.claim()
    await steps.form()
    scripted = site.clusters[site.cluster().id]
    scripted.served.clear()  # the head started again and remembers nothing
    site.clock.forward(60)
    site.agents_obey()
    await steps.tend()
    assert len(scripted.documents) == 2
    await steps.tend()
    assert site.got(Deployment, "dep-smol").phase == "running"


async def test_a_deleted_deployment_goes_only_after_it_is_no_longer_served(
    site: Site, steps: Steps
) -> None:
    site.write(Change(insert=(make_deployment("one"), make_deployment("two"))))
    site.claim()
    await steps.form()
    scripted = site.clusters[site.cluster().id]
    scripted.refusing = "503 busy"
    site.update(site.got(Deployment, "dep-one"), phase="deleting")
    await steps.tend()
    assert site.got(Deployment, "dep-one").phase == "deleting"
    scripted.refusing = ""
    await steps.tend()
    await steps.tend()
    assert site.store.get(Deployment, "dep-one") is None
    assert site.got(Deployment, "dep-two").phase == "running"
    assert list(scripted.served) == ["model-two"]


async def test_a_refused_document_is_a_reason_on_the_deployment(site: Site, steps: Steps) -> None:
    site.claim()
    await steps.form()
    site.clusters[site.cluster().id].refusing = "400 no such import path"
    site.write(Change(insert=(make_deployment(),)))
    await steps.tend()
    await steps.tend()
    assert "no such import path" in site.got(Deployment, "dep-smol").message


async def test_one_lost_probe_changes_nothing_and_three_are_degraded(
    site: Site, steps: Steps
) -> None:
    site.claim()
    await steps.form()
    site.clusters[site.cluster().id].failing = "connection refused"
    await steps.tending.step(KEY)
    assert site.cluster().phase == "running"
    await steps.tending.step(KEY)
    await steps.tending.step(KEY)
    assert site.cluster().phase == "degraded"
    assert "connection refused" in site.cluster().message


async def test_a_hanging_dashboard_is_left_at_the_deadline(site: Site) -> None:
    site.settings = site.settings.model_copy(update={"cluster_deadline_s": 0.2})
    steps = Steps(site)
    site.claim()
    await steps.form()
    site.clusters[site.cluster().id].hanging = True
    async with asyncio.timeout(5):
        for _ in range(3):
            await steps.tending.step(KEY)
    assert site.cluster().phase == "degraded"


async def test_a_silent_agent_degrades_the_cluster_and_evicts_nobody(
    site: Site, steps: Steps
) -> None:
    site.claim(count=2)
    await steps.form()
    site.clock.forward(600)
    site.agents_obey(except_hosts=frozenset({"h2"}))
    await steps.tend()
    assert site.cluster().phase == "degraded"
    assert "h2" in site.cluster().message
    assert len(site.cluster().member_host_ids) == 2
    assert site.member("host-h2") is not None


async def test_nothing_is_written_or_sent_once_the_lease_is_lost(site: Site, steps: Steps) -> None:
    site.claim()
    await steps.form()
    site.write(Change(insert=(make_deployment(),)))
    site.take_lease("another controller")
    with pytest.raises(FenceLost):
        await steps.tending.step(KEY)
    assert site.clusters[site.cluster().id].documents == []
    site.claim("c2")
    with pytest.raises(FenceLost):
        steps.bind()


async def test_a_restart_resumes_and_changes_nothing_that_is_right(
    site: Site, steps: Steps
) -> None:
    site.write(Change(insert=(make_deployment(),)))
    site.claim(count=2)
    await steps.form()
    events = len(site.store.events())
    members = [site.member(h.id) for h in site.hosts]
    again = Steps(site)
    await again.form()
    assert [site.member(h.id) for h in site.hosts] == members
    assert len(site.store.events()) == events


async def test_hosts_of_one_machine_share_no_port_whosever_they_are(
    site: Site, steps: Steps
) -> None:
    site.isolated = False
    site.agents_obey()
    rival = ClusterKey("rival", "main")
    site.claim("c1", count=2)
    site.claim("c2", tenant="rival")
    steps.bind()
    for _ in range(4):
        await steps.tend()
        await steps.tend(rival)
        site.agents_obey()
    await steps.tend()
    orders = [m.order for h in site.hosts if (m := site.member(h.id)) and m.order]
    assert len({o.address for o in orders}) == 3
    assert all(o.address.startswith("127.0.0.") for o in orders)
    blocks = sorted(o.port_block for o in orders)
    assert all(a[1] < b[0] for a, b in pairwise(blocks))
    heads = [o for o in orders if o.role == "head"]
    assert len({(o.gcs_port, o.dashboard_port, o.serve_port) for o in heads}) == 2
    worker = next(o for o in orders if o.role == "worker")
    assert worker.gcs_port == next(o.gcs_port for o in heads if o.cluster_id == worker.cluster_id)
    assert site.cluster().isolated is False


async def test_an_application_left_by_an_earlier_life_is_taken_away(
    site: Site, steps: Steps
) -> None:
    site.claim()
    await steps.form()
    scripted = site.clusters[site.cluster().id]
    scripted.served = {"model-stray": "RUNNING"}
    again = Steps(site)
    await again.tend()
    await again.tending.step(KEY)
    assert scripted.served == {}


async def test_a_relay_that_leads_astray_is_a_reason_on_the_cluster(
    site: Site, steps: Steps
) -> None:
    run = site.root / "hosts/h1/run"
    run.mkdir()
    (run / "relay").symlink_to(site.root)
    site.claim()
    await steps.form()
    assert site.cluster().phase == "forming"
    assert "leads out of its run directory" in site.cluster().message
    assert site.clusters == {}


async def test_a_document_is_not_sent_once_the_lease_is_lost_even_if_nothing_is_written(
    site: Site, steps: Steps
) -> None:
    site.claim()
    await steps.form()
    scripted = site.clusters[site.cluster().id]
    scripted.served = {"model-stray": "RUNNING"}
    site.take_lease("another controller")
    with pytest.raises(FenceLost):
        await Steps(site).tending.step(KEY)
    assert scripted.documents == []


async def test_new_cluster_without_models_is_not_asked_what_it_serves(site: Site) -> None:
    steps = Steps(site)
    site.claim()
    await steps.form()
    assert site.cluster().phase == "running"
    await steps.tend()
    assert [c.asked_what_is_served for c in site.clusters.values()] == [0]
