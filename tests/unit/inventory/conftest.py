"""The API in process, with keys of every role.

What asks the API (`test_api_…`) runs on SQLite in a file and on a real PostgreSQL: its answers come
out of queries that each database plans and sorts in its own way. The rest runs on SQLite.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import httpx
import pytest
from fastapi import FastAPI

from inventory.api import build_api
from inventory.deps import ApiDeps, CertificateKey
from inventory.keys import Role, mint
from inventory.model import Record, Tenant
from inventory.secrets import SecretBox
from inventory.store.protocol import Change
from inventory.store.sql import SqlStore
from tests.contract.store import postgres
from tests.migrated import fresh_store
from tests.unit.inventory.records import NOW, FixedClock

TEMPLATE = "template_podyard"
P = ParamSpec("P")
T = TypeVar("T")


async def at_once(call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Store calls without threads."""
    return call(*args, **kwargs)


@dataclass
class Site:
    """A site: its records, its API, and people who ask."""

    store: SqlStore
    box: SecretBox
    clock: FixedClock
    app: FastAPI = field(init=False)
    client: httpx.AsyncClient = field(init=False)
    woken: int = 0

    def __post_init__(self) -> None:
        self.deps = ApiDeps(
            store=self.store,
            clock=self.clock,
            secrets=self.box,
            in_thread=at_once,
            wake=self.wake,
            certificate_keys=(CertificateKey(key_id="k1", purpose="production", pem="PEM"),),
        )
        self.app = build_api(self.deps)
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        self.client = httpx.AsyncClient(transport=transport, base_url="http://podyard")

    def wake(self) -> None:
        """What a loop would be told."""
        self.woken += 1

    def put(self, *records: Record) -> None:
        """Store records."""
        self.store.apply(Change(insert=records), now=NOW)

    def key(self, role: Role, tenant: str = "", **given: Any) -> str:
        """A key's text; a tenant comes into being with its first key."""
        if tenant and self.store.get(Tenant, tenant) is None:
            self.put(Tenant(name=tenant, created_at=NOW))
        record, text = mint(role, now=NOW, tenant=tenant, **given)
        self.put(record)
        return text

    async def ask(
        self, method: str, path: str, body: Any = None, *, key: str = "", **headers: str
    ) -> httpx.Response:
        """One request."""
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        if key:
            given["Authorization"] = f"Bearer {key}"
        return await self.client.request(method, path, json=body, headers=given)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    about_the_api = metafunc.module.__name__.rpartition(".")[2].startswith("test_api_")
    if about_the_api and "store" in metafunc.fixturenames:
        beds = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)]
        metafunc.parametrize("store", beds, indirect=True)


@pytest.fixture(scope="session")
def postgres_sockets() -> Iterator[Path]:
    if reason := postgres.may_start():
        pytest.skip(reason)
    with postgres.server() as sockets:
        postgres.create_database(sockets, TEMPLATE)
        SqlStore.open(postgres.url_of(sockets, TEMPLATE)).close()
        yield sockets


@pytest.fixture
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SqlStore]:
    if getattr(request, "param", "sqlite") == "sqlite":
        opened = fresh_store(tmp_path)
        yield opened
        opened.close()
        return
    sockets = request.getfixturevalue("postgres_sockets")
    name = f"api_{secrets.token_hex(6)}"
    postgres.create_database(sockets, name, template=TEMPLATE)
    opened = SqlStore.open(postgres.url_of(sockets, name))
    yield opened
    opened.close()
    postgres.drop_database(sockets, name)


@pytest.fixture
async def site(store: SqlStore, tmp_path: Path) -> AsyncIterator[Site]:
    there = Site(store, SecretBox.open(tmp_path / "secrets.key"), FixedClock())
    yield there
    await there.client.aclose()


@pytest.fixture
def admin(site: Site) -> str:
    return site.key("admin")
