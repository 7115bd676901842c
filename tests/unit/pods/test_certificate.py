"""Certificates: believed only whole, in time, under a key of their purpose, and with floors met."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from pods import catalogue
from pods.acceptance import Measurement
from pods.canonical import canonical_json
from pods.certificate import CLOCK_SKEW, PAYLOAD_TYPE, HostReference, issue, verify
from pods.envelope import ENVELOPE_MAX_BYTES, pre_authentication_encoding, seal
from pods.errors import CertificateRefused, Refusal
from pods.facts import HardwareFacts
from pods.keys import Purpose, SigningKey
from pods.spec import PodSpec

MakeFacts = Callable[..., HardwareFacts]

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
LAB = catalogue.load("lab-4")


def new_key(purpose: Purpose = "simulated", seed: int = 1) -> SigningKey:
    return SigningKey(Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32), purpose)


KEY = new_key()
HOST = HostReference(
    name="lab-r1-h1",
    slot="r1-h1",
    serial="LAB0001",
    uuid="00000000-0000-0000-0000-000000000001",
)
FACTS = HardwareFacts(
    observed_at=NOW,
    source="recorded",
    manufacturer="Podyard",
    model="Lab Host 1",
    serial=HOST.serial,
    uuid=HOST.uuid,
    firmware={"BIOS": "2.4.1", "BMC": "1.8.0"},
)


def measurements(value: float = 0.95) -> list[Measurement]:
    return [
        Measurement(test=floor.test, value=value, reference=1.0) for floor in LAB.acceptance.floors
    ]


def issued(key: SigningKey = KEY, **changes: Any) -> bytes:
    arguments: dict[str, Any] = {
        "pod": "lab",
        "unit": "lab-r1-h1",
        "host": HOST,
        "facts": FACTS,
        "measurements": measurements(),
        "key": key,
        "now": NOW,
    }
    return issue(LAB, **(arguments | changes)).to_bytes()


RAW = issued()


def refusal(raw: bytes, *, key: SigningKey = KEY, now: datetime = NOW) -> Refusal:
    with pytest.raises(CertificateRefused) as caught:
        verify(raw, ring=key.ring(), now=now)
    assert caught.value.hint
    return caught.value.refusal


def resigned(change: Callable[[dict[str, Any]], object], key: SigningKey = KEY) -> bytes:
    """A statement changed and signed again: what an issuer gone wrong could send."""
    statement = json.loads(base64.b64decode(json.loads(RAW)["payload"]))
    change(statement)
    return seal(canonical_json(statement), payload_type=PAYLOAD_TYPE, key=key).to_bytes()


def rewrapped(change: Callable[[dict[str, Any]], object]) -> bytes:
    """The envelope changed and not signed again: what anybody on the way could send."""
    envelope = json.loads(RAW)
    change(envelope)
    return canonical_json(envelope)


def test_a_certificate_says_what_was_certified() -> None:
    said = verify(RAW, ring=KEY.ring(), now=NOW).predicate
    assert (said.spec.identity, said.spec.digest) == ("lab-4@1", LAB.digest())
    assert said.facts_digest == FACTS.digest()
    assert said.firmware == {"BIOS": "2.4.1", "BMC": "1.8.0"}
    assert said.host == HOST
    assert [line.test for line in said.results] == [f.test for f in LAB.acceptance.floors]
    assert said.rating.basis == "measured"
    assert said.simulated
    assert said.expires_at - said.issued_at == timedelta(days=LAB.acceptance.valid_days)
    assert said.supersedes is None


def test_the_envelope_is_dsse_around_an_in_toto_statement() -> None:
    envelope = json.loads(RAW)
    assert envelope["payloadType"] == "application/vnd.in-toto+json"
    (signature,) = envelope["signatures"]
    payload = base64.b64decode(envelope["payload"])
    KEY.public_key.verify(
        base64.b64decode(signature["sig"]),
        b"DSSEv1 28 application/vnd.in-toto+json %d %s" % (len(payload), payload),
    )
    statement = json.loads(payload)
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert statement["predicateType"] == "https://podyard.dev/certificate/v1"
    (subject,) = statement["subject"]
    assert subject["name"] == "lab-r1-h1/lab-r1-h1"
    assert "sha256:" + subject["digest"]["sha256"] == FACTS.digest()


def test_the_encoding_is_the_one_of_the_dsse_specification() -> None:
    encoded = pre_authentication_encoding("http://example.com/HelloWorld", b"hello world")
    assert encoded == b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"


def test_a_certificate_can_name_the_one_it_supersedes() -> None:
    before = "sha256:" + hashlib.sha256(RAW).hexdigest()
    said = verify(issued(supersedes=before), ring=KEY.ring(), now=NOW).predicate
    assert said.supersedes == before


def test_whether_a_statement_is_simulated_is_the_keys_purpose() -> None:
    real = new_key("production", seed=2)
    said = verify(issued(real), ring=real.ring(), now=NOW).predicate
    assert not said.simulated


def test_a_host_below_a_floor_is_not_certified() -> None:
    with pytest.raises(CertificateRefused, match=r"matrix_multiply: 0\.33") as caught:
        issued(measurements=measurements(0.33))
    assert caught.value.refusal is Refusal.FLOORS_NOT_MET


def test_a_spec_without_floors_certifies_nobody() -> None:
    bare = LAB.model_copy(update={"acceptance": LAB.acceptance.model_copy(update={"floors": ()})})
    with pytest.raises(CertificateRefused, match="no floors"):
        issue(
            bare,
            pod="lab",
            unit="u",
            host=HOST,
            facts=FACTS,
            measurements=[],
            key=KEY,
            now=NOW,
        )


def test_a_host_swapped_after_inspection_is_not_certified() -> None:
    with pytest.raises(CertificateRefused, match="serial OTHER on record") as caught:
        issued(host=HOST.model_copy(update={"serial": "OTHER"}))
    assert caught.value.refusal is Refusal.INCONSISTENT


def test_a_certificate_is_valid_until_it_expires() -> None:
    expires = NOW + timedelta(days=LAB.acceptance.valid_days)
    verify(RAW, ring=KEY.ring(), now=expires - timedelta(seconds=1))
    assert refusal(RAW, now=expires) is Refusal.EXPIRED


def test_a_certificate_from_the_future_is_refused_beyond_clock_skew() -> None:
    verify(RAW, ring=KEY.ring(), now=NOW - CLOCK_SKEW)
    early = NOW - CLOCK_SKEW - timedelta(seconds=1)
    assert refusal(RAW, now=early) is Refusal.NOT_YET_VALID


def test_an_unknown_key_is_refused() -> None:
    assert refusal(RAW, key=new_key(seed=9)) is Refusal.UNKNOWN_KEY
    with pytest.raises(CertificateRefused):
        verify(RAW, ring={}, now=NOW)


def test_a_key_id_that_names_another_trusted_key_is_refused() -> None:
    other = new_key(seed=3)
    raw = rewrapped(lambda e: e["signatures"][0].update(keyid=other.key_id))
    with pytest.raises(CertificateRefused) as caught:
        verify(raw, ring=KEY.ring() | other.ring(), now=NOW)
    assert caught.value.refusal is Refusal.BAD_SIGNATURE


def test_a_simulated_statement_under_a_production_key_is_refused() -> None:
    as_production = new_key("production")
    assert refusal(RAW, key=as_production) is Refusal.PURPOSE_DISAGREES


def test_a_real_statement_under_a_key_for_simulated_hardware_is_refused() -> None:
    raw = resigned(lambda s: s["predicate"].update(simulated=False))
    assert refusal(raw) is Refusal.PURPOSE_DISAGREES


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda e: e.update(payloadType="application/json"), Refusal.WRONG_TYPE),
        (lambda e: e.update(payloadType=""), Refusal.WRONG_TYPE),
        (lambda e: e.update(extra=1), Refusal.MALFORMED),
        (lambda e: e.pop("payload"), Refusal.MALFORMED),
        (lambda e: e.update(payload=7), Refusal.MALFORMED),
        (lambda e: e.update(payload="not base64!"), Refusal.MALFORMED),
        (lambda e: e.update(payload=e["payload"] + "\n"), Refusal.MALFORMED),
        (lambda e: e.update(payload=""), Refusal.BAD_SIGNATURE),
        (lambda e: e.update(signatures=[]), Refusal.MALFORMED),
        (lambda e: e["signatures"].append(e["signatures"][0]), Refusal.MALFORMED),
        (lambda e: e["signatures"].append({"keyid": "x", "sig": "AA=="}), Refusal.MALFORMED),
        (lambda e: e["signatures"][0].update(junk=1), Refusal.MALFORMED),
        (lambda e: e["signatures"][0].update(sig=""), Refusal.BAD_SIGNATURE),
        (lambda e: e["signatures"][0].update(sig="AAAA"), Refusal.BAD_SIGNATURE),
        (lambda e: e["signatures"][0].update(sig="é"), Refusal.MALFORMED),
        (
            lambda e: e["signatures"][0].update(keyid=e["signatures"][0]["keyid"].upper()),
            Refusal.UNKNOWN_KEY,
        ),
    ],
)
def test_an_envelope_changed_on_the_way_is_refused(
    change: Callable[[dict[str, Any]], object], expected: Refusal
) -> None:
    assert refusal(rewrapped(change)) is expected


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"null",
        b"[]",
        b"\xff",
        b"{}",
        RAW[:-1],
        RAW + b"x",
        b" " * (ENVELOPE_MAX_BYTES + 1),
        b"[" * 100_000,
        RAW.replace(b'{"payload"', b'{"payload":"","payload"', 1),
    ],
)
def test_what_is_no_envelope_is_refused(raw: bytes) -> None:
    assert refusal(raw) is Refusal.MALFORMED


def spoil_line(statement: dict[str, Any], **changes: Any) -> None:
    statement["predicate"]["results"][0].update(changes)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda s: s.update(_type="https://in-toto.io/Statement/v0.1"), Refusal.WRONG_TYPE),
        (lambda s: s.update(predicateType="https://slsa.dev/x"), Refusal.WRONG_TYPE),
        (lambda s: s.pop("predicate"), Refusal.MALFORMED),
        (lambda s: s["predicate"].update(more=1), Refusal.MALFORMED),
        (lambda s: s["predicate"].pop("simulated"), Refusal.MALFORMED),
        (lambda s: s["predicate"].update(issued_at="2026-03-01T12:00:00"), Refusal.MALFORMED),
        (lambda s: s["predicate"].update(facts_digest="sha256:0"), Refusal.MALFORMED),
        (lambda s: s.update(subject=[]), Refusal.INCONSISTENT),
        (lambda s: s["subject"].append(s["subject"][0]), Refusal.INCONSISTENT),
        (lambda s: s["subject"][0]["digest"].update(sha256="0" * 64), Refusal.INCONSISTENT),
        (
            lambda s: s["predicate"].update(expires_at=s["predicate"]["issued_at"]),
            Refusal.INCONSISTENT,
        ),
        (lambda s: s["predicate"].update(results=[]), Refusal.FLOORS_NOT_MET),
        (lambda s: spoil_line(s, passed=False), Refusal.FLOORS_NOT_MET),
        (lambda s: spoil_line(s, reached=0.1), Refusal.FLOORS_NOT_MET),
        (lambda s: spoil_line(s, reached=None), Refusal.FLOORS_NOT_MET),
    ],
)
def test_a_statement_that_a_correct_issuer_cannot_sign_is_refused(
    change: Callable[[dict[str, Any]], object], expected: Refusal
) -> None:
    assert refusal(resigned(change)) is expected


@pytest.mark.parametrize("payload", [b"", b"\xff", b'{"a":1,"a":2}', b"[" * 100_000])
def test_signed_bytes_that_are_no_plain_json_are_refused(payload: bytes) -> None:
    raw = seal(payload, payload_type=PAYLOAD_TYPE, key=KEY).to_bytes()
    assert refusal(raw) is Refusal.MALFORMED


@given(position=st.integers(0, len(RAW) - 1), flip=st.integers(1, 255))
def test_any_flipped_byte_is_refused(position: int, flip: int) -> None:
    changed = bytearray(RAW)
    changed[position] ^= flip
    with pytest.raises(CertificateRefused):
        verify(bytes(changed), ring=KEY.ring(), now=NOW)


@given(position=st.integers(0, len(RAW) - 1), length=st.integers(1, 50))
def test_any_cut_is_refused(position: int, length: int) -> None:
    with pytest.raises(CertificateRefused):
        verify(RAW[:position] + RAW[position + length :], ring=KEY.ring(), now=NOW)


@given(st.binary(max_size=400))
def test_any_bytes_are_refused_in_words(raw: bytes) -> None:
    with pytest.raises(CertificateRefused) as caught:
        verify(raw, ring=KEY.ring(), now=NOW)
    assert caught.value.hint


texts = st.text(st.characters(codec="utf-8"), max_size=30)


@given(
    serial=texts,
    pod=texts,
    firmware=st.dictionaries(texts, texts, max_size=3),
    value=st.floats(0.6, 10.0),
    moment=st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    purpose=st.sampled_from(["production", "simulated"]),
)
def test_whatever_is_issued_verifies_and_says_the_same(
    *,
    serial: str,
    pod: str,
    firmware: dict[str, str],
    value: float,
    moment: datetime,
    purpose: Purpose,
) -> None:
    key = new_key(purpose)
    facts = FACTS.model_copy(update={"serial": serial, "firmware": firmware})
    host = HOST.model_copy(update={"serial": serial})
    raw = issued(key, pod=pod, facts=facts, host=host, measurements=measurements(value), now=moment)
    said = verify(raw, ring=key.ring(), now=moment).predicate
    assert (said.pod, said.host.serial, said.firmware) == (pod, serial, firmware)
    assert said.facts_digest == facts.digest()
    assert said.simulated == (purpose == "simulated")


def test_the_digests_in_a_certificate_do_not_depend_on_when_facts_were_taken() -> None:
    later = FACTS.model_copy(update={"observed_at": NOW + timedelta(days=1), "source": "agent"})
    assert later.digest() == FACTS.digest()
    assert issued(facts=later) == RAW


def test_the_spec_digest_is_pinned(lab: PodSpec) -> None:
    copied = PodSpec.model_validate_json(lab.model_dump_json())
    assert copied.digest() == lab.digest()
    changed = lab.model_copy(update={"version": "2"})
    assert changed.digest() != lab.digest()


def test_a_certificate_from_before_optional_fields_of_the_rating_still_verifies() -> None:
    def as_before(statement: dict[str, Any]) -> None:
        for name in ("scale_up_domain", "known_error"):
            del statement["predicate"]["rating"][name]

    said = verify(resigned(as_before), ring=KEY.ring(), now=NOW).predicate
    assert said.rating.basis == "measured"
    assert said.rating.scale_up_domain is None
