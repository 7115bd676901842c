"""The typed client is what the description says, and asks as a person would."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from inventory.client import Access, Service
from inventory.sdk import Podyard
from inventory.sdk.generating import FOLDER, files


def test_the_typed_client_is_current() -> None:
    for name, content in files().items():
        assert (FOLDER / name).read_text() == content, "run: python -m inventory.sdk.generating"


@pytest.fixture
def asked() -> list[httpx.Request]:
    return []


@pytest.fixture
def client(asked: list[httpx.Request]) -> Podyard:
    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        if request.method == "DELETE":
            return httpx.Response(204)
        more = "after" not in request.url.params
        results: list[Any] = [{"name": "r1"}] if more else [{"name": "r2"}]
        address = "http://elsewhere.example/api/racks?after=c" if more else None
        return httpx.Response(200, json={"count": 2, "next": address, "results": results})

    access = Access(url="http://podyard.example", key="pyd_a_b")
    return Podyard(Service(access, transport=httpx.MockTransport(answer)))


def test_a_list_is_walked_to_its_end_on_the_service_that_was_asked(
    client: Podyard, asked: list[httpx.Request]
) -> None:
    found = client.rest(client.list_racks(name__ic="r", tag=["a", "b"]))
    assert [one["name"] for one in found] == ["r1", "r2"]
    assert asked[0].url.params.get_list("tag") == ["a", "b"]
    assert {request.url.host for request in asked} == {"podyard.example"}


def test_names_are_quoted_and_bodies_sent(client: Podyard, asked: list[httpx.Request]) -> None:
    client.change_rack("a/b c", {"serial": "S"})
    assert asked[0].url.raw_path == b"/api/racks/a%2Fb%20c"
    assert json.loads(asked[0].content) == {"serial": "S"}
    client.remove_rack("r1")
    assert asked[1].method == "DELETE"
