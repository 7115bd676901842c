"""Signing keys: written for their owner alone, loaded only while that is so."""

from __future__ import annotations

import hashlib
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from pods.errors import KeyRefused
from pods.keys import SigningKey, keyring, public_key_from_pem


@pytest.fixture
def key_path(tmp_path: Path) -> Path:
    return tmp_path / "issuer.key"


def test_a_generated_key_is_readable_by_its_owner_alone_and_loads(key_path: Path) -> None:
    key = SigningKey.generate(key_path, purpose="production")
    assert stat.S_IMODE(key_path.stat().st_mode) == 0o600
    assert SigningKey.load(key_path, purpose="production").key_id == key.key_id


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o610, 0o777])
def test_a_key_that_others_can_touch_is_refused(key_path: Path, mode: int) -> None:
    SigningKey.generate(key_path, purpose="production")
    key_path.chmod(mode)
    with pytest.raises(KeyRefused, match="by others") as caught:
        SigningKey.load(key_path, purpose="production")
    assert "chmod 600" in caught.value.hint


def test_a_key_is_never_written_over_another_file(key_path: Path) -> None:
    key_path.write_text("precious")
    with pytest.raises(KeyRefused, match="lies at"):
        SigningKey.generate(key_path, purpose="production")
    assert key_path.read_text() == "precious"


def test_a_key_is_never_written_through_a_link(key_path: Path, tmp_path: Path) -> None:
    key_path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(KeyRefused):
        SigningKey.generate(key_path, purpose="production")
    assert not (tmp_path / "elsewhere").exists()


def test_a_folder_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(KeyRefused, match="cannot write a key"):
        SigningKey.generate(tmp_path / "none" / "k", purpose="production")
    with pytest.raises(KeyRefused, match="cannot read the signing key"):
        SigningKey.load(tmp_path / "none" / "k", purpose="production")


def test_a_file_that_is_no_signing_key_is_refused(key_path: Path) -> None:
    key_path.write_bytes(b"hello")
    key_path.chmod(0o600)
    with pytest.raises(KeyRefused, match="does not hold a signing key"):
        SigningKey.load(key_path, purpose="production")


def test_a_key_of_another_kind_is_refused(key_path: Path) -> None:
    other = ec.generate_private_key(ec.SECP256R1())
    pem = other.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    key_path.write_bytes(pem)
    key_path.chmod(0o600)
    with pytest.raises(KeyRefused, match="another kind"):
        SigningKey.load(key_path, purpose="production")
    public = other.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    with pytest.raises(KeyRefused, match="another kind"):
        public_key_from_pem(public)


def test_the_key_id_is_the_digest_of_the_raw_public_key(key_path: Path) -> None:
    key = SigningKey.generate(key_path, purpose="production")
    raw = key.public_key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    assert key.key_id == hashlib.sha256(raw).hexdigest()


def test_the_public_half_can_be_exported_and_read_back(key_path: Path) -> None:
    key = SigningKey.generate(key_path, purpose="simulated")
    ring = keyring((public_key_from_pem(key.public_pem()), "simulated"))
    assert list(ring) == list(key.ring()) == [key.key_id]
    assert b"PRIVATE" not in key.public_pem()


def test_a_private_key_given_as_public_is_refused(key_path: Path) -> None:
    SigningKey.generate(key_path, purpose="simulated")
    with pytest.raises(KeyRefused, match="holds a private key"):
        public_key_from_pem(key_path.read_bytes())


def test_text_given_as_public_key_is_refused() -> None:
    with pytest.raises(KeyRefused, match="is not a public key"):
        public_key_from_pem(b"ssh-ed25519 AAAA")


def test_the_repr_of_a_key_shows_nothing_secret(key_path: Path) -> None:
    key = SigningKey.generate(key_path, purpose="simulated")
    assert repr(key) == f"SigningKey(key_id='{key.key_id}', purpose='simulated')"


def test_one_key_cannot_be_trusted_for_both_purposes(key_path: Path) -> None:
    public = SigningKey.generate(key_path, purpose="simulated").public_key
    with pytest.raises(KeyRefused, match="trusted both"):
        keyring((public, "simulated"), (public, "production"))
    assert len(keyring((public, "simulated"), (public, "simulated"))) == 1
