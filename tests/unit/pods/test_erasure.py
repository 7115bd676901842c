"""The certificate of erasure: what it states, who believes it, and what it refuses to state."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from pods.certificate import HostReference
from pods.erasing import DriveRead
from pods.erasure import ErasedDrive, is_erasure, issue_erasure, verify_erasure
from pods.errors import CertificateRefused, Refusal
from pods.keys import Purpose, SigningKey, keyring

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
HOST = HostReference(name="r1-h1", slot="r1-h1", serial="S1", uuid="u1")
CLEAN = DriveRead(
    slot="nvme0n1", serial="D1", completed=True, globally_erased=True, sampled=256, holding=0
)


def key(seed: int, purpose: Purpose = "production") -> SigningKey:
    return SigningKey(Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32), purpose)


def drive(*, erased: bool = True, evidence: DriveRead | None = CLEAN) -> ErasedDrive:
    return ErasedDrive(
        slot="NVME0", serial="D1", method="crypto", erased=erased, note="", evidence=evidence
    )


def signed(key: SigningKey, *drives: ErasedDrive) -> bytes:
    found = issue_erasure(HOST, pod="lab", drives=drives, began_at=NOW, key=key, now=NOW)
    return found.to_bytes()


def test_statement_is_believed_under_its_key_alone() -> None:
    ours, other = key(1), key(2)
    raw = signed(ours, drive(), drive(erased=False, evidence=None))
    assert is_erasure(raw)
    found = verify_erasure(raw, ring=ours.ring())
    assert [one.erased for one in found.drives] == [True, False]
    assert (found.complete, found.simulated) == (False, False)
    with pytest.raises(CertificateRefused):
        verify_erasure(raw, ring=other.ring())


@pytest.mark.parametrize("evidence", [None, CLEAN.model_copy(update={"holding": 3})])
def test_drive_without_proof_is_never_stated_as_erased(evidence: DriveRead | None) -> None:
    with pytest.raises(CertificateRefused, match="not proven erased") as caught:
        signed(key(1), drive(evidence=evidence))
    assert caught.value.refusal is Refusal.INCONSISTENT


def test_simulated_key_says_so_and_is_not_trusted_for_real_drives() -> None:
    lab = key(3, "simulated")
    raw = signed(lab, drive())
    assert verify_erasure(raw, ring=lab.ring()).simulated
    trusted_for_real = keyring((lab.public_key, "production"))
    with pytest.raises(CertificateRefused) as caught:
        verify_erasure(raw, ring=trusted_for_real)
    assert caught.value.refusal is Refusal.PURPOSE_DISAGREES


def test_drive_that_was_written_over_needs_no_log_but_a_clean_sample() -> None:
    bare = DriveRead(serial="V", completed=False, globally_erased=False, sampled=256, holding=0)
    assert bare.doubts()
    written = bare.model_copy(update={"overwritten": True})
    assert written.doubts() == ()
    assert written.model_copy(update={"holding": 1}).doubts()
    assert written.model_copy(update={"refused": "it is in use"}).doubts() == ("it is in use",)


def test_another_statement_is_none() -> None:
    assert not is_erasure(b"{}")
    assert not is_erasure(json.dumps({"payload": "!", "payloadType": "x"}).encode())
