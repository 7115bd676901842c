"""Sealed secrets open for their owner and field alone."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from pydantic import SecretStr

from inventory.errors import SecretRefused
from inventory.secrets import SecretBox, write_private
from inventory.store.protocol import Change
from inventory.store.sql import SqlStore
from tests.unit.inventory.records import NOW


@pytest.fixture
def box(tmp_path: Path) -> SecretBox:
    return SecretBox.open(tmp_path / "secrets.key")


def test_a_secret_opens_again(box: SecretBox) -> None:
    sealed = box.seal("host-1", "bmc-password", SecretStr("correct horse"))
    assert box.unseal("host-1", "bmc-password", sealed).get_secret_value() == "correct horse"
    assert b"correct" not in sealed


def test_the_same_secret_never_looks_the_same(box: SecretBox) -> None:
    seals = {box.seal("h", "n", SecretStr("x")) for _ in range(50)}
    assert len(seals) == 50
    assert len({sealed[:12] for sealed in seals}) == 50


def test_two_rows_that_were_swapped_do_not_open(box: SecretBox, store: SqlStore) -> None:
    rows = {("h1", "p"): b"", ("h2", "p"): b"", ("h1", "q"): b""}
    sealed = {key: box.seal(*key, SecretStr(f"of {key}")) for key in rows}
    swapped = {
        ("h1", "p"): sealed["h2", "p"],
        ("h2", "p"): sealed["h1", "p"],
        ("h1", "q"): sealed["h1", "p"],
    }
    store.apply(Change(secrets=swapped), now=NOW)
    for owner, name in rows:
        found = store.secret(owner, name)
        assert found is not None
        with pytest.raises(SecretRefused, match=f"{name} of {owner} does not open"):
            box.unseal(owner, name, found)


@pytest.mark.parametrize("change", [b"", b"short", None])
def test_a_damaged_secret_is_refused(box: SecretBox, change: bytes | None) -> None:
    sealed = box.seal("h", "n", SecretStr("x"))
    damaged = sealed[:-1] + bytes([sealed[-1] ^ 1]) if change is None else change
    with pytest.raises(SecretRefused):
        box.unseal("h", "n", damaged)


def test_another_key_does_not_open_it(box: SecretBox, tmp_path: Path) -> None:
    other = SecretBox.open(tmp_path / "other.key")
    with pytest.raises(SecretRefused) as refused:
        other.unseal("h", "n", box.seal("h", "n", SecretStr("x")))
    assert "key file" in refused.value.hint


def test_the_key_file_is_made_once_and_private(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "secrets.key"
    sealed = SecretBox.open(path).seal("h", "n", SecretStr("x"))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(path.read_bytes()) == 32
    assert SecretBox.open(path).unseal("h", "n", sealed).get_secret_value() == "x"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_key_file_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "secrets.key"
    SecretBox.open(path)
    path.chmod(mode)
    with pytest.raises(SecretRefused) as refused:
        SecretBox.open(path)
    assert refused.value.hint == f"chmod 600 {path}"


def test_writing_a_private_file_replaces_it_whole(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    path.chmod(0o644)
    write_private(path, b"new")
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]
