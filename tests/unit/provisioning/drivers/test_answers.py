"""What is believed of a BMC's answer."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provisioning.drivers.redfish.answers import (
    MAX_DEPTH,
    MAX_TEXT_CHARS,
    action_target,
    decode,
    link,
    location_path,
    message_ids,
    number,
    reference,
    text,
    worst_message,
)
from provisioning.errors import AnswerRefused

BASE = "https://127.0.0.1:8443"


def nested(depth: int) -> bytes:
    return b'{"a":' * depth + b"1" + b"}" * depth


def test_nesting_up_to_the_limit_is_read() -> None:
    assert decode(nested(MAX_DEPTH), what="x")


@pytest.mark.parametrize("depth", [MAX_DEPTH + 1, 990, 200_000])
def test_nesting_beyond_the_limit_is_refused(depth: int) -> None:
    with pytest.raises(AnswerRefused, match="deep"):
        decode(nested(depth), what="x")


@pytest.mark.parametrize(
    "raw", [b"", b"[1]", b'"a"', b"\xff\xfe{}", b'{"a": Infinity}', b'{"a": ' + b"9" * 5000 + b"}"]
)
def test_what_is_not_an_object_of_plain_json_is_refused(raw: bytes) -> None:
    with pytest.raises(AnswerRefused):
        decode(raw, what="x")


@given(st.binary(max_size=200))
@settings(deadline=None)  # a loaded machine stops a process for longer than any of these takes
def test_any_bytes_are_an_object_or_refused(raw: bytes) -> None:
    with contextlib.suppress(AnswerRefused):
        assert isinstance(decode(raw, what="x"), dict)


@pytest.mark.parametrize(
    ("said", "path"),
    [
        ("/redfish/v1/Systems/1", "/redfish/v1/Systems/1"),
        ("/redfish/v1/Chassis/1/Power#/PowerControl/0", "/redfish/v1/Chassis/1/Power"),
        ("/redfish/v1/Systems?$skip=2", "/redfish/v1/Systems?$skip=2"),
        ("/redfish/v1/a..b", "/redfish/v1/a..b"),
    ],
)
def test_links_on_the_same_host_are_followed(said: str, path: str) -> None:
    assert link(said) == path


@pytest.mark.parametrize(
    "said",
    [
        "",
        "redfish/v1",
        "/redfish",
        "/etc/passwd",
        "//evil/redfish/v1",
        "https://evil/redfish/v1",
        "/redfish/v1/../../admin",
        "/redfish/v1/..",
        "/redfish/v1/%2E%2e/admin",
        "/redfish//evil",
        "/redfish/v1\\..\\x",
        "/redfish/v1/a\r\nHost: evil",
        "/redfish/" + "a" * 3000,
        None,
        5,
        ["/redfish/v1"],
    ],
)
def test_links_elsewhere_are_refused(said: object) -> None:
    with pytest.raises(AnswerRefused):
        link(said)


def test_location_may_be_absolute_on_the_same_origin_only() -> None:
    assert location_path(f"{BASE}/redfish/v1/T/1", base_url=BASE) == "/redfish/v1/T/1"
    assert location_path("/redfish/v1/T/1", base_url=BASE) == "/redfish/v1/T/1"
    assert location_path(None, base_url=BASE) is None
    with pytest.raises(AnswerRefused, match="another host"):
        location_path("https://127.0.0.1:8444/redfish/v1/T/1", base_url=BASE)


def test_reference_walks_through_what_is_there() -> None:
    body = {"Links": {"Chassis": [{"@odata.id": "/redfish/v1/Chassis/1"}]}, "Bios": None}
    assert reference(body, "Links", "Chassis") == "/redfish/v1/Chassis/1"
    assert reference(body, "Links", "ManagedBy") is None
    assert reference(body, "Bios", "x") is None
    assert reference({"Links": {"Chassis": []}}, "Links", "Chassis") is None
    assert reference({"@odata.id": "/redfish/v1/a"}) == "/redfish/v1/a"


def test_action_target_to_another_host_is_refused() -> None:
    with pytest.raises(AnswerRefused):
        action_target({"Actions": {"#A": {"target": "https://evil/redfish/v1"}}}, "#A")
    assert action_target({"Actions": {"#A": {}}}, "#A") is None
    assert action_target({"Actions": "none"}, "#A") is None


@given(st.text())
@settings(deadline=None)  # a loaded machine stops a process for longer than any of these takes
def test_text_is_short_printable_and_storable(said: str) -> None:
    shown = text(json.loads(json.dumps(said)))
    assert len(shown) <= MAX_TEXT_CHARS
    assert shown.isprintable()
    shown.encode()


def test_text_of_lone_surrogates_can_be_encoded() -> None:
    assert text(json.loads('"a\\ud800b"')) == "a b"


@pytest.mark.parametrize("value", [True, None, "5", [], 2**70])
def test_only_numbers_are_numbers(value: object) -> None:
    assert number(value) is None


def test_worst_message_is_the_most_severe() -> None:
    body = {
        "error": {
            "message": "general",
            "@Message.ExtendedInfo": [
                {"Message": "fine", "Severity": "OK"},
                {"Message": "broken", "MessageSeverity": "Critical", "Resolution": "mend it"},
                {"Message": "odd", "Severity": "Warning"},
                "not a message",
            ],
        }
    }
    assert worst_message(body) == ("broken", "mend it")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({}, ""),
        ({"error": "no"}, ""),
        ({"error": {"message": "general"}}, "general"),
        ({"error": {"message": 7}}, ""),
        ({"error": {"@Message.ExtendedInfo": [{"MessageId": "Base.1.0.X"}]}}, "Base.1.0.X"),
    ],
)
def test_worst_message_of_odd_errors(body: dict[str, object], said: str) -> None:
    assert worst_message(body)[0] == said


def test_message_ids_lose_their_registry() -> None:
    body = {"error": {"code": "Base.1.2.A", "@Message.ExtendedInfo": [{"MessageId": "X.1.B"}]}}
    assert message_ids(body) == {"A", "B"}
