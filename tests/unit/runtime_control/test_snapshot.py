"""What the gateway is told: keys in force, models that run, clusters that can be reached."""

from __future__ import annotations

from datetime import timedelta

import pytest

from inventory.keys import mint
from inventory.model import ApiKey, Deployment
from inventory.store.protocol import Change
from runtime.routes import GatewayState
from runtime.snapshot import load_snapshot
from tests.unit.runtime_control.builders import START, Site, make_deployment
from tests.unit.runtime_control.test_steps import Steps


@pytest.fixture
async def served(site: Site) -> Site:
    steps = Steps(site)
    site.write(Change(insert=(make_deployment(), make_deployment("later"))))
    site.claim()
    await steps.form()
    site.update(site.got(Deployment, "dep-later"), phase="deploying")
    return site


def look(site: Site) -> GatewayState:
    return load_snapshot(site.store, site.secrets, now=site.clock.now())


async def test_a_running_model_is_routed_to_its_clusters_relay(served: Site) -> None:
    upstreams = look(served).models["acme"]["smol"]
    socket = str(served.root / "hosts/h1/run/relay/serve.sock")
    assert [(u.name, u.socket, u.prefix) for u in upstreams] == [("acme/main", socket, "/smol")]


async def test_a_model_that_does_not_run_yet_is_known_without_a_route(served: Site) -> None:
    assert look(served).models["acme"]["later"] == ()


async def test_jobs_are_routed_with_the_clusters_token(served: Site) -> None:
    endpoint = look(served).clusters["acme"]["main"]
    assert endpoint.socket.endswith("/h1/run/relay/dashboard.sock")
    assert endpoint.token == served.clusters[served.cluster().id].token
    assert endpoint.token not in repr(look(served))


async def test_a_relay_that_leads_astray_is_no_route(served: Site) -> None:
    run = served.root / "hosts/h1/run"
    run.mkdir()
    (run / "relay").symlink_to("/tmp")  # noqa: S108 - the target of a hostile link
    state = look(served)
    assert state.models["acme"]["smol"] == ()
    assert state.clusters == {}


def test_only_tenants_keys_in_force_open_the_gateway(site: Site) -> None:
    good, _ = mint("tenant", now=START, tenant="acme")
    expired, _ = mint("tenant", now=START, tenant="acme", valid=timedelta(seconds=1))
    revoked: ApiKey = mint("tenant", now=START, tenant="acme")[0].model_copy(
        update={"revoked_at": START}
    )
    admin, _ = mint("admin", now=START)
    site.write(Change(insert=(good, expired, revoked, admin)))
    site.clock.forward(1)
    assert set(look(site).keys) == {good.id}
