"""Requests that nobody here thought of, made from the API's own description: none breaks it.

A few per operation, so that a run takes seconds, and always the same ones; many as `long`, on both
databases. Every role asks them all: what it may not do must be refused in the form that the
description says.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from inventory.access_settings import AccessSettings
from inventory.api import build_api, openapi_document
from inventory.deps import ApiDeps
from inventory.keys import Role, Scope, mint
from inventory.model import Tenant
from inventory.secrets import SecretBox
from inventory.store.protocol import Change
from inventory.store.sql import SqlStore
from tests.contract.api.cut_records import cut_records_conform
from tests.contract.store import postgres
from tests.unit.inventory.records import (
    NOW,
    FixedClock,
    make_claim,
    make_deployment,
    make_facts,
    make_host,
    make_pod,
    make_unit,
)

EXAMPLES, EXAMPLES_OF_OTHERS = 5, 1
EXAMPLES_LONG = int(os.environ.get("PODYARD_FUZZ_EXAMPLES", "10"))
"""Per operation and role in the `long` runs: 10 before a push, 500 at night."""
ANSWERED_WITHIN_S = 120  # how fast is a question for benchmarks, not for a busy machine here
DOCUMENT = Path(__file__).parents[3] / "docs" / "reference" / "openapi.json"
ENDLESS = {"/api/events/stream"}
"""Never ends by itself; `tests/integration/doors` follows it on a real socket."""
ROLES: dict[str, tuple[Role, str, tuple[str, ...]]] = {
    "admin": ("admin", "", ()),
    "viewer": ("viewer", "", ()),
    "operator": ("operator", "", ()),
    "operator@here": ("operator", "", ("here",)),
    "tenant": ("tenant", "acme", ()),
    "setup": ("setup", "", ()),
}
WHO = (*ROLES, "anonymous")
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance]
CUTS = {"brief", "fields", "omit"}
"""Parameters that cut records down to what was asked for: any of a record's fields may be missing
then, which OpenAPI cannot say. Those answers are checked against a description that does."""


@pytest.fixture(scope="module")
def schema(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    folder: Path = tmp_path_factory.mktemp("api")
    with described_api(f"sqlite:///{folder / 'podyard.db'}", folder) as made:
        yield made


@pytest.fixture(scope="module")
def schema_on_postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    if reason := postgres.may_start():
        pytest.skip(reason)
    folder: Path = tmp_path_factory.mktemp("api-on-postgres")
    with postgres.server() as sockets:
        postgres.create_database(sockets, "fuzzed")
        with described_api(postgres.url_of(sockets, "fuzzed"), folder) as made:
            yield made


@contextmanager
def described_api(address: str, folder: Path) -> Iterator[Any]:
    """The API on a database with a record of most kinds, by its own description."""
    store = SqlStore.open(address)
    keys = {"anonymous": ""}
    made_keys = []
    for who, (role, tenant, sites) in ROLES.items():
        record, keys[who] = mint(role, now=NOW, tenant=tenant, scope=Scope(sites=sites))
        made_keys.append(record)
    records = (
        *made_keys,
        make_pod(),
        make_host(facts=make_facts()),
        make_unit(),
        make_claim(),
        make_deployment(),
        Tenant(name="acme", created_at=NOW),
    )
    store.apply(Change(insert=records), now=NOW)
    box = SecretBox.open(folder / "secrets.key")
    limits = AccessSettings(requests_per_minute=10**6, unknown_per_minute=10**6)
    deps = ApiDeps(store, FixedClock(), box, asyncio.to_thread, lambda: None, access=limits)
    app = build_api(deps)
    made = schemathesis.openapi.from_dict(openapi_document(app))
    made.app = app
    made.podyard_keys = keys
    yield made
    store.close()


def operations() -> list[tuple[str, str]]:
    """Every operation of the checked-in description; a test compares that with the code."""
    paths = json.loads(DOCUMENT.read_text())["paths"]
    return [
        (path, method)
        for path, methods in sorted(paths.items())
        for method in methods
        if path not in ENDLESS
    ]


@pytest.mark.parametrize(("path", "method"), operations())
def test_no_request_breaks_the_api(schema: Any, path: str, method: str) -> None:
    try_out(schema, path, method, who="admin", examples=EXAMPLES)


@pytest.mark.parametrize("who", WHO[1:])
def test_every_role_is_answered_as_described(schema: Any, who: str) -> None:
    for path, method in operations():
        try_out(schema, path, method, who=who, examples=EXAMPLES_OF_OTHERS)


def test_every_list_that_is_cut_down_is_as_described(schema: Any) -> None:
    headers = {"Authorization": f"Bearer {schema.podyard_keys['admin']}"}
    tried = 0
    for path, method in operations():
        operation = schema[path][method]
        if "brief" not in {one["name"] for one in operation.definition.raw.get("parameters", ())}:
            continue
        fields = field_names(schema.raw_schema, operation.definition.raw)
        half = ",".join(fields[::2])
        for query in ({"brief": "true"}, {"fields": half}, {"omit": half}, {"fields": fields[0]}):
            case = operation.Case(query=query, path_parameters={"name": "r1-h1"})
            reply = case.call(headers=headers, timeout=ANSWERED_WITHIN_S)
            assert reply.status_code == 200 or "{name}" in path, f"{path} {query} {reply.text}"
            case.validate_response(reply, checks=[*CHECKS, cut_records_conform])
            tried += reply.status_code == 200
    assert tried > 80


def field_names(document: dict[str, Any], operation: dict[str, Any]) -> list[str]:
    """What a record of this operation's answer is made of, by the description."""
    components = document["components"]["schemas"]
    schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
    named = components[schema["$ref"].rpartition("/")[2]]
    if "results" in named["properties"]:
        named = components[named["properties"]["results"]["items"]["$ref"].rpartition("/")[2]]
    return sorted(named["properties"])


@pytest.mark.postgres
def test_no_request_breaks_the_api_on_postgresql(schema_on_postgres: Any) -> None:
    for path, method in operations():
        try_out(schema_on_postgres, path, method, who="admin", examples=EXAMPLES_OF_OTHERS)


@pytest.mark.long
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("who", WHO)
def test_many_requests_of_every_role_are_answered_as_described(schema: Any, who: str) -> None:
    for path, method in operations():
        try_out(schema, path, method, who=who, examples=EXAMPLES_LONG)


def try_out(schema: Any, path: str, method: str, *, who: str, examples: int) -> None:
    """So many requests of one operation, each checked against the description."""
    key = schema.podyard_keys[who]
    headers = {"Authorization": f"Bearer {key}"} if key else {}

    @given(case=schema[path][method].as_strategy())
    @settings(
        max_examples=examples,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        derandomize=True,
        database=None,
    )
    def ask(case: schemathesis.Case) -> None:
        cut = bool(CUTS & {*(case.query or ())})
        whole = cut_records_conform if cut else response_schema_conformance
        reply = case.call(headers=headers, timeout=ANSWERED_WITHIN_S)
        case.validate_response(reply, checks=[*CHECKS, whole])

    ask()


@pytest.mark.long
@pytest.mark.postgres
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("who", WHO)
def test_many_requests_of_every_role_are_answered_as_described_on_postgresql(
    schema_on_postgres: Any, who: str
) -> None:
    for path, method in operations():
        try_out(schema_on_postgres, path, method, who=who, examples=EXAMPLES_LONG)
