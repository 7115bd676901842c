"""One suite on two NetBoxes: our fake and a real one, which must behave alike."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests
from pydantic import SecretStr

from inventory.model import Host
from inventory.netbox.client import Access, NetBoxClient
from inventory.netbox.mapping import FieldMapping
from inventory.netbox.rounds import Order, Round, Site, go_round
from inventory.netbox.rows import Row
from inventory.store.protocol import Change
from inventory.store.reading import every
from inventory.store.sql import SqlStore
from tests.beds.netbox_fake import FakeNetbox, fake_netbox
from tests.beds.netbox_fleet import NOW, FixedClock, fleet_store
from tests.beds.netbox_server import NetboxServer, may_start, netbox_server

SMALL = {"racks": 1, "hosts_per_rack": 2, "accelerators": 2, "nics": 1}
PUSH = Order(pull=True, push=True)
TIMEOUT_S = 120


@dataclass
class NetboxBed:
    """A NetBox of either kind, and people who edit it by hand."""

    server: FakeNetbox | NetboxServer
    sent: list[str] = field(default_factory=list)
    """Methods of the requests that our client sent."""

    @property
    def fake(self) -> FakeNetbox | None:
        return self.server if isinstance(self.server, FakeNetbox) else None

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> requests.Response:
        """One request as a person with every right."""
        sent = {"Authorization": f"Bearer {self.server.token}", **headers}
        with requests.Session() as session:
            session.trust_env = False
            return session.request(
                method, f"{self.server.url}/api/{path}", json=body, timeout=TIMEOUT_S,
                headers=sent, allow_redirects=False,
            )  # fmt: skip

    def make(self, path: str, **body: Any) -> dict[str, Any]:
        """An object made by hand."""
        reply = self.ask("POST", f"{path}/", body)
        assert reply.status_code == 201, reply.text
        return dict(reply.json())

    def edit(self, path: str, key: int, **body: Any) -> dict[str, Any]:
        """An object changed by hand."""
        reply = self.ask("PATCH", f"{path}/{key}/", body)
        assert reply.status_code == 200, reply.text
        return dict(reply.json())

    def seen(self, path: str, key: int) -> dict[str, Any]:
        """An object as a person sees it."""
        return dict(self.ask("GET", f"{path}/{key}/").json())

    def connect(self) -> NetBoxClient:
        """Our client, with its requests noted."""
        access = Access(self.server.url, SecretStr(self.server.token))
        client = NetBoxClient(access)
        client._session.hooks["response"].append(
            lambda reply, **_: self.sent.append(str(reply.request.method))
        )
        return client

    def rows(self, kind: str) -> list[Row]:
        """Everything of a kind."""
        client = self.connect()
        try:
            return client.every(kind)
        finally:
            client.close()


@dataclass
class Fleet:
    """Records of ours, and rounds between them and a NetBox."""

    bed: NetboxBed
    store: SqlStore
    mapping: FieldMapping = field(default_factory=FieldMapping)
    owner: str = "podyard"

    def go(self, order: Order = PUSH, connect: Callable[[], NetBoxClient] | None = None) -> Round:
        self.bed.sent.clear()
        site = Site(self.store, FixedClock(), self.mapping, self.owner)
        return go_round(site, order, connect or self.bed.connect)

    def plan(self, **order: Any) -> Round:
        return self.go(Order(**order))

    def hosts(self) -> list[Host]:
        return sorted(every(self.store, Host), key=lambda host: host.name)

    def change(self, host: Host, **fields: Any) -> Host:
        """A host's record as a controller would write it."""
        now = self.store.get(Host, host.id)
        assert now is not None
        changed = now.model_copy(update=fields)
        self.store.apply(Change(replace=(changed,)), now=NOW)
        return changed

    def device(self, host: Host) -> Row:
        found = [row for row in self.bed.rows("device") if row.fields["cf.podyard_id"] == host.id]
        assert len(found) == 1
        return found[0]

    def journal(self, device: Row) -> list[str]:
        return [
            str(row.fields["comments"])
            for row in self.bed.rows("journal-entry")
            if row.fields["assigned_object_id"] == device.id
        ]


@pytest.fixture(scope="session")
def real_server() -> Iterator[NetboxServer]:
    """A real NetBox for the whole session. Where it cannot run, CI fails and others skip."""
    refused = may_start()
    if refused and os.environ.get("CI") == "true":
        pytest.fail(refused)
    if refused:
        pytest.skip(reason=refused)
    with netbox_server() as server:
        yield server


@pytest.fixture(scope="session")
def fake_server() -> Iterator[FakeNetbox]:
    with fake_netbox() as server:
        yield server


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.integration)])
def server(request: pytest.FixtureRequest) -> FakeNetbox | NetboxServer:
    """Either kind."""
    found = request.getfixturevalue(f"{request.param}_server")
    assert isinstance(found, FakeNetbox | NetboxServer)
    return found


@pytest.fixture
def bed(server: FakeNetbox | NetboxServer) -> NetboxBed:
    """An empty NetBox."""
    server.reset()
    return NetboxBed(server)


@pytest.fixture
def fake(fake_server: FakeNetbox) -> NetboxBed:
    """The fake alone, for what a real one cannot be made to do."""
    fake_server.reset()
    fake_server.version = "4.7.3"
    return NetboxBed(fake_server)


@pytest.fixture
def fleet(bed: NetboxBed, tmp_path: Path) -> Iterator[Fleet]:
    """Two hosts in one rack."""
    store = fleet_store(tmp_path, **SMALL)
    yield Fleet(bed, store)
    store.close()


@pytest.fixture(scope="session")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Our records after a first push, beside which the real server keeps what it was told."""
    return tmp_path_factory.mktemp("pushed")


@pytest.fixture
def pushed(server: FakeNetbox | NetboxServer, tmp_path: Path, kept: Path) -> Iterator[Fleet]:
    """Two hosts in one rack, pushed already. What takes the real NetBox long is done once."""
    if isinstance(server, NetboxServer):
        if not (kept / "fleet.db").exists():
            _push_first(server, kept)
            server.keep("pushed")
        server.reset("pushed")
        shutil.copy(kept / "fleet.db", tmp_path)
    else:
        server.reset()
        _push_first(server, tmp_path)
    store = SqlStore.open(f"sqlite:///{tmp_path / 'fleet.db'}")
    yield Fleet(NetboxBed(server), store)
    store.close()


def _push_first(server: FakeNetbox | NetboxServer, folder: Path) -> None:
    server.reset()
    store = fleet_store(folder, **SMALL)
    done = Fleet(NetboxBed(server), store).go()
    store.close()
    assert done.applied is not None
    assert done.applied.failed == []


@pytest.fixture
def fake_fleet(fake: NetboxBed, tmp_path: Path) -> Iterator[Fleet]:
    store = fleet_store(tmp_path, **SMALL)
    yield Fleet(fake, store)
    store.close()
