"""Requests that nobody here thought of, made from the API's own description: none breaks it.

A few per operation, so that a run takes seconds, and always the same ones.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
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

from inventory.api import build_api, openapi_document
from inventory.deps import ApiDeps
from inventory.keys import mint
from inventory.model import Tenant
from inventory.secrets import SecretBox
from inventory.store.protocol import Change
from inventory.store.sql import SqlStore
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

EXAMPLES = 5
DOCUMENT = Path(__file__).parents[3] / "docs" / "reference" / "openapi.json"


@pytest.fixture(scope="module")
def schema(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    folder: Path = tmp_path_factory.mktemp("api")
    store = SqlStore.open(f"sqlite:///{folder / 'podyard.db'}")
    key, text = mint("admin", now=NOW)
    records = (
        key,
        make_pod(),
        make_host(facts=make_facts()),
        make_unit(),
        make_claim(),
        make_deployment(),
        Tenant(name="acme", created_at=NOW),
    )
    store.apply(Change(insert=records), now=NOW)
    box = SecretBox.open(folder / "secrets.key")
    app = build_api(ApiDeps(store, FixedClock(), box, asyncio.to_thread, lambda: None))
    made = schemathesis.openapi.from_dict(openapi_document(app))
    made.app = app
    made.podyard_key = text
    yield made
    store.close()


def operations() -> list[tuple[str, str]]:
    """Every operation of the checked-in description; a test compares that with the code."""
    paths = json.loads(DOCUMENT.read_text())["paths"]
    return [(path, method) for path, methods in sorted(paths.items()) for method in methods]


@pytest.mark.parametrize(("path", "method"), operations())
def test_no_request_breaks_the_api(schema: Any, path: str, method: str) -> None:
    @given(case=schema[path][method].as_strategy())
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        derandomize=True,
        database=None,
    )
    def ask(case: schemathesis.Case) -> None:
        response = case.call(headers={"Authorization": f"Bearer {schema.podyard_key}"})
        case.validate_response(
            response,
            checks=[
                not_a_server_error,
                status_code_conformance,
                content_type_conformance,
                response_schema_conformance,
            ],
        )

    ask()
