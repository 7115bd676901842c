"""What a receiver's answer means for the message."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from inventory.outbound.deliverer import settle
from inventory.outbound.schedule import WAITS
from inventory.outbound.sending import Answer
from inventory.webhooks import Delivery

NOW = datetime(2026, 3, 1, tzinfo=UTC)
PENDING = Delivery(id="msg_a_1", webhook_id="a", event_seq=1, next_at=NOW, created_at=NOW)


def test_an_answer_of_two_hundred_settles_it() -> None:
    settled = settle(PENDING, Answer(status=204), lost=False, now=NOW)
    assert (settled.state, settled.attempts, settled.last_status) == ("delivered", 1, 204)


def test_a_refusal_is_tried_again_later_and_says_why() -> None:
    answer = Answer(status=500, error="the receiver did not take it (HTTP 500)")
    settled = settle(PENDING, answer, lost=False, now=NOW)
    assert settled.state == "pending"
    assert settled.next_at >= NOW + WAITS[0]
    assert settled.last_error == answer.error


def test_after_the_last_try_it_is_given_up() -> None:
    tried = PENDING.model_copy(update={"attempts": len(WAITS)})
    assert settle(tried, Answer(error="refused"), lost=False, now=NOW).state == "failed"


def test_a_receiver_that_wants_no_more_is_not_asked_again() -> None:
    answer = Answer(status=410, error="the receiver wants no more messages (HTTP 410)")
    assert settle(PENDING, answer, lost=False, now=NOW).state == "failed"


def test_an_event_that_is_no_longer_kept_cannot_be_told() -> None:
    assert settle(PENDING, Answer(error="gone"), lost=True, now=NOW).state == "failed"


def test_a_receiver_s_wish_for_time_is_kept() -> None:
    answer = Answer(status=429, error="busy", retry_after=timedelta(hours=3))
    settled = settle(PENDING, answer, lost=False, now=NOW)
    assert settled.next_at == NOW + timedelta(hours=3)
