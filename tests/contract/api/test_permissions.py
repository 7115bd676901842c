"""Who may ask what: every route as every role, for real, against a table that people reviewed.

The table is `permissions.toml`. A new route fails here until somebody has written down who may ask
it; `python -m tests.contract.api.test_permissions` prints the table as it would be now.
"""

from __future__ import annotations

import asyncio
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from fastapi import FastAPI

from inventory.access_settings import AccessSettings
from inventory.api import build_api
from inventory.deps import ApiDeps
from inventory.keys import Role, Scope, mint
from inventory.model import ApiKey, Host, RayCluster, Tenant
from inventory.secrets import SecretBox
from inventory.store.protocol import Change
from inventory.store.sql import SqlStore
from inventory.users import User
from tests.contract.api.asking import Answer, ask, filled, routes_of
from tests.unit.inventory.records import (
    NOW,
    FixedClock,
    make_claim,
    make_deployment,
    make_facts,
    make_host,
    make_pod,
    make_unit,
    make_usage,
)

TABLE = Path(__file__).with_name("permissions.toml")
WHO: dict[str, tuple[Role, str, tuple[str, ...]]] = {
    "viewer": ("viewer", "", ()),
    "operator": ("operator", "", ()),
    "operator@here": ("operator", "", ("here",)),
    "admin": ("admin", "", ()),
    "tenant": ("tenant", "acme", ()),
    "setup": ("setup", "", ()),
}
REFUSED = {401, 403, 429}
"""Anything else was let in: what does not exist is 404, an empty body 422. (Signing in with nothing
is refused, and after a while slowed down.)"""


class Site:
    """An app with records of two sites and of two tenants."""

    def __init__(self, folder: Path) -> None:
        self.store = SqlStore.open(f"sqlite:///{folder / 'podyard.db'}")
        box = SecretBox.open(folder / "secrets.key")
        limits = AccessSettings(attempts_per_minute=100_000, requests_per_minute=1_000_000)
        deps = ApiDeps(
            self.store, FixedClock(), box, asyncio.to_thread, lambda: None, access=limits
        )
        self.app: FastAPI = build_api(deps)
        beta_key, self.beta_key = mint("tenant", now=NOW, tenant="beta")
        elsewhere = make_host(
            2, site="elsewhere", pod="far", name="far-h1", rack="far-r1", facts=make_facts()
        )
        records = (
            Tenant(name="acme", created_at=NOW),
            Tenant(name="beta", created_at=NOW),
            make_pod(),
            make_pod(name="far", site="elsewhere"),
            make_host(facts=make_facts()),
            elsewhere,
            make_unit(),
            make_unit(id="u-far", name="far-u1", pod="far", site="elsewhere"),
            make_claim(id="claim-beta", tenant="beta"),
            make_deployment(id="deployment-beta", tenant="beta", name="beta-model"),
            RayCluster(
                id="cluster-beta",
                tenant="beta",
                name="main",
                simulated=True,
                network="n",
                subnet=7,
            ),
            make_usage(id="usage-beta", tenant="beta"),
            User(name="beta-person", tenant="beta", created_at=NOW),
            beta_key,
        )
        self.store.apply(Change(insert=records), now=NOW)

    def key(self, who: str) -> str:
        """A new key each time: a set-up key is good once."""
        role, tenant, sites = WHO[who]
        record, text = mint(role, now=NOW, tenant=tenant, scope=Scope(sites=sites))
        self.store.apply(Change(insert=(record,)), now=NOW)
        return text

    def close(self) -> None:
        """Close the store."""
        self.store.close()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    there = Site(tmp_path)
    yield there
    there.close()


async def measured(site: Site) -> dict[str, list[str]]:
    """Route to who was let in; `anybody` for those that need no proof at all."""
    keys = {who: site.key(who) for who in WHO}
    table: dict[str, list[str]] = {}
    for method, path in routes_of(site.app):
        asked = filled(path)
        if _open(await ask(site.app, method, asked)):
            table[f"{method} {path}"] = ["anybody"]
            continue
        if path == "/api/setup":
            keys["setup"] = site.key("setup")
        found = [
            who for who, key in keys.items() if _open(await ask(site.app, method, asked, key=key))
        ]
        table[f"{method} {path}"] = found
        if path == "/api/setup":
            keys["setup"] = site.key("setup")
    return table


def _open(answer: Answer) -> bool:
    to_sign_in = answer.headers.get("location", "").startswith("/sign-in?next=")
    return answer.status not in REFUSED and not to_sign_in


async def test_every_route_lets_in_whom_the_reviewed_table_names(site: Site) -> None:
    reviewed = {
        route: sorted(who)
        for area in tomllib.loads(TABLE.read_text()).values()
        for route, who in area.items()
    }
    found = {route: sorted(who) for route, who in (await measured(site)).items()}
    assert found == reviewed


async def test_nobody_is_let_in_by_a_wrong_key(site: Site) -> None:
    wrong = "pyd_000000000000_" + "x" * 43
    open_to_all = {r for r, who in (await measured(site)).items() if who == ["anybody"]}
    for method, path in routes_of(site.app):
        answer = await ask(site.app, method, filled(path), key=wrong)
        assert _open(answer) is (f"{method} {path}" in open_to_all), f"{method} {path}"


BETAS = ("claim-beta", "deployment-beta", "beta-model", "cluster-beta", "beta-person", "beta")


async def test_a_tenant_reaches_nothing_of_another_one(site: Site) -> None:
    key = site.key("tenant")
    tried = 0
    for method, path in routes_of(site.app):
        if "{" not in path:
            continue
        for thing in (*BETAS, site.beta_key.split("_")[1]):
            names = dict.fromkeys(["name", "id", "key", "tenant", "cluster", "claim_id", "key_id"])
            target = filled(path, **dict.fromkeys(names, thing), item=thing)
            if target == filled(path):
                target = path[: path.index("{")] + thing + path[path.index("}") + 1 :]
                target = filled(target)
            answer = await ask(site.app, method, target, key=key, whole=True)
            public = answer.status == 200 and "beta" not in answer.body
            gone = answer.status in {401, 403, 404, 405, 422}
            assert gone or public, f"{method} {target}: {answer.status} {answer.body[:200]}"
            if answer.status == 422:
                assert "beta" not in answer.body.replace(thing, ""), target
            tried += 1
    assert tried > 100
    assert site.store.get(ApiKey, site.beta_key.split("_")[1]).revoked_at is None  # type: ignore[union-attr]


async def test_no_list_shows_a_tenant_another_ones_things(site: Site) -> None:
    key, shown = site.key("tenant"), 0
    for method, path in routes_of(site.app):
        if method != "GET" or "{" in path:
            continue
        answer = await ask(site.app, method, path, key=key, whole=True)
        if answer.status == 200 and path != "/api/openapi.json":
            shown += 1
            for thing in BETAS:
                assert thing not in answer.body, f"{path} shows {thing}"
        named = await ask(site.app, method, f"{path}?tenant=beta", key=key, whole=True)
        assert named.status in {400, 401, 403, 404} or "beta" not in named.body, path
    assert shown > 4


FAR = ("far-h1", "far-u1", "u-far", "elsewhere", "far-r1", '"far"')


async def test_an_operator_of_one_site_sees_and_changes_nothing_of_another(site: Site) -> None:
    key = site.key("operator@here")
    far = site.store.find(Host, name="far-h1")[0]
    for method, path in routes_of(site.app):
        if "{" in path:
            for thing in ("far-h1", "far-u1", "u-far", "far", "elsewhere", far.id):
                target = filled(path[: path.index("{")] + thing + path[path.index("}") + 1 :])
                answer = await ask(site.app, method, target, key=key, whole=True)
                told = answer.body.replace(thing, "")
                leak = [word for word in FAR if word in told]
                assert answer.status >= 400 or not leak, f"{method} {target}: {answer.body[:300]}"
        elif method == "GET" and path != "/api/openapi.json":
            answer = await ask(site.app, method, path, key=key, whole=True)
            leak = [word for word in FAR if answer.status == 200 and word in answer.body]
            assert leak == [], f"{path}: {answer.body[:500]}"
    assert site.store.get(Host, far.id) == far


def main() -> None:
    """Print the table as it would be now."""
    with TemporaryDirectory() as folder:
        site = Site(Path(folder))
        areas: dict[str, list[str]] = {}
        for route, who in sorted(asyncio.run(measured(site)).items(), key=_by_area):
            line = f'"{route}" = [{", ".join(f"{chr(34)}{one}{chr(34)}" for one in who)}]'
            areas.setdefault(_area(route), []).append(line)
        site.close()
    for area, lines in areas.items():
        sys.stdout.write(f'["{area}"]\n' + "\n".join(lines) + "\n\n")


def _area(route: str) -> str:
    parts = route.partition(" ")[2].strip("/").split("/")
    return f"/api/{parts[1]}" if parts[0] == "api" and len(parts) > 1 else "pages"


def _by_area(item: tuple[str, list[str]]) -> tuple[str, str, str]:
    method, _, path = item[0].partition(" ")
    return _area(item[0]), path, method


if __name__ == "__main__":
    main()
