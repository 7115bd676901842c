"""A message is what the Standard Webhooks specification says, and its own library verifies it."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime

import pytest
from standardwebhooks.webhooks import Webhook as Verifier
from standardwebhooks.webhooks import WebhookVerificationError

from inventory.model import Event
from inventory.outbound.receivers import KEY_BYTES, delivery_id, hears, new_key
from inventory.outbound.sending import headers_of, message_of
from inventory.webhooks import Webhook

NOW = datetime(2026, 1, 1, tzinfo=UTC)
EVENT = Event(seq=7, at=NOW, actor="provisioning", kind="host.parked", subject="host:gpu-01")


def make_webhook(**changes: object) -> Webhook:
    return Webhook(
        id="ab12", name="pager", url="https://hooks.example.com/", created_at=NOW
    ).model_copy(update=changes)


def just_now() -> datetime:
    """Not when this file was read: the verifier reads the clock, and takes five minutes at most."""
    return datetime.now(UTC)


def test_a_receiver_s_own_library_verifies_a_message() -> None:
    key = new_key()
    message = message_of("msg_ab12_7", EVENT)
    headers = headers_of(message, (key,), now=just_now())
    told = Verifier(key.get_secret_value()).verify(message.body, headers)
    assert told["type"] == "host.parked"
    assert told["data"]["seq"] == 7


def test_a_changed_body_or_id_or_another_key_does_not_verify() -> None:
    key = new_key()
    message = message_of("msg_ab12_7", EVENT)
    headers = headers_of(message, (key,), now=just_now())
    verifier = Verifier(key.get_secret_value())
    with pytest.raises(WebhookVerificationError):
        verifier.verify(message.body.replace("parked", "ready"), headers)
    with pytest.raises(WebhookVerificationError):
        verifier.verify(message.body, headers | {"webhook-id": "msg_ab12_8"})
    with pytest.raises(WebhookVerificationError):
        Verifier(new_key().get_secret_value()).verify(message.body, headers)


def test_while_a_key_is_changed_the_old_and_the_new_one_verify() -> None:
    old, new = new_key(), new_key()
    message = message_of("msg_ab12_7", EVENT)
    headers = headers_of(message, (new, old), now=just_now())
    for key in (old, new):
        assert Verifier(key.get_secret_value()).verify(message.body, headers)


def test_a_key_is_as_long_and_as_spelled_as_the_specification_asks() -> None:
    text = new_key().get_secret_value()
    assert text.startswith("whsec_")
    assert len(base64.b64decode(text.removeprefix("whsec_"))) == KEY_BYTES


@pytest.mark.parametrize(
    ("kinds", "kind", "heard"),
    [
        ((), "host.parked", True),
        (("*",), "host.parked", True),
        (("host.parked",), "host.parked", True),
        (("host.*",), "host.power.on", True),
        (("host.*",), "hostile.thing", False),
        (("host.parked", "unit.*"), "unit.withdrawn", True),
        (("host.parked",), "host.parked-again", False),
        ((), "webhook.failed", False),
        (("webhook.*",), "webhook.failed", False),
    ],
)
def test_a_receiver_hears_the_kinds_it_asked_for_and_never_of_webhooks(
    kinds: tuple[str, ...], kind: str, *, heard: bool
) -> None:
    event = EVENT.model_copy(update={"kind": kind})
    assert hears(make_webhook(kinds=kinds), event) is heard


def test_a_message_keeps_its_id_for_the_same_event_and_receiver() -> None:
    webhook = make_webhook()
    assert delivery_id(webhook, 7) == delivery_id(make_webhook(name="renamed"), 7)
    assert delivery_id(webhook, 7) != delivery_id(make_webhook(id="cd34"), 7)


def test_a_hostile_name_in_an_event_stays_data() -> None:
    event = EVENT.model_copy(update={"subject": 'host:"}<script>\n'})
    assert json.loads(message_of("m", event).body)["data"]["subject"] == 'host:"}<script>\n'
