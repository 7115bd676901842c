"""Every secret sealed with another key: whenever it dies, each row opens, and it goes on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from inventory.errors import Conflict, SecretRefused
from inventory.rewrapping import rewrap
from inventory.secrets import SecretBox, former_key
from inventory.store.protocol import Change
from inventory.store.resealing import Sealed, SealedRows
from inventory.store.sql import SqlStore
from tests.migrated import DATABASE, fresh_store
from tests.unit.inventory.records import NOW

ROWS = [(f"host-{number}", name) for number in range(5) for name in ("bmc-password", "token")]


class Death(Exception):
    """The process dies here."""


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "keys" / "secrets.key"
    SecretBox.open(path)
    return path


@pytest.fixture
def site(tmp_path: Path, key: Path) -> Iterator[SqlStore]:
    store, box = fresh_store(tmp_path), SecretBox.existing(key)
    sealed = {row: box.seal(*row, SecretStr(word(row))) for row in ROWS}
    store.apply(Change(secrets=sealed), now=NOW)
    yield store
    store.close()


@pytest.fixture
def rows(tmp_path: Path, site: SqlStore) -> Iterator[SealedRows]:
    assert site
    opened = SealedRows(f"sqlite:///{tmp_path / DATABASE}")
    yield opened
    opened.close()


def test_every_row_opens_with_the_new_key_alone(
    key: Path, site: SqlStore, rows: SealedRows
) -> None:
    old = key.read_bytes()
    assert rewrap(key, rows, page=3) == len(ROWS)
    assert key.read_bytes() != old
    assert not former_key(key).exists()
    assert opened(site, SecretBox.existing(key)) == expected()
    for row in ROWS:
        with pytest.raises(SecretRefused):
            SecretBox(old).unseal(*row, site.secret(*row) or b"")


def test_wherever_it_dies_every_row_opens_and_the_next_run_ends_it(
    key: Path, site: SqlStore, rows: SealedRows
) -> None:
    steps: list[str] = []
    rewrap(key, rows, page=3, reached=steps.append)
    assert set(steps) == {
        *("old key kept", "new key written", "page sealed", "page written", "old key removed")
    }
    for die_at in range(1, len(steps) + 1):
        with pytest.raises(Death):
            rewrap(key, rows, page=3, reached=dying(die_at))
        assert opened(site, SecretBox.existing(key)) == expected(), steps[die_at - 1]
        rewrap(key, rows, page=3)
        assert not former_key(key).exists()
        assert opened(site, SecretBox.existing(key)) == expected(), steps[die_at - 1]


def test_a_run_that_goes_on_takes_no_third_key(key: Path, site: SqlStore, rows: SealedRows) -> None:
    with pytest.raises(Death):
        rewrap(key, rows, page=3, reached=dying(4))
    begun = key.read_bytes()
    assert 0 < rewrap(key, rows, page=3) < len(ROWS)
    assert key.read_bytes() == begun
    assert opened(site, SecretBox.existing(key)) == expected()


def test_a_secret_that_is_written_meanwhile_is_not_lost(
    key: Path, site: SqlStore, rows: SealedRows
) -> None:
    running = SecretBox.existing(key)  # of a service that has the old key in its memory
    row = ROWS[1]

    def writes(step: str) -> None:
        if step == "page sealed" and site.secret(*row) is not None:
            fresh = {row: running.seal(*row, SecretStr("written meanwhile"))}
            site.apply(Change(secrets=fresh), now=NOW)

    with pytest.raises(Conflict, match="goes on sealing"):
        rewrap(key, rows, page=3, reached=writes)
    assert former_key(key).exists()
    assert opened(site, SecretBox.existing(key))[row] == "written meanwhile"


def test_a_row_that_neither_key_opens_keeps_both(
    key: Path, site: SqlStore, rows: SealedRows
) -> None:
    swapped = site.secret(*ROWS[0])
    assert swapped is not None
    site.apply(Change(secrets={ROWS[1]: swapped}), now=NOW)
    with pytest.raises(SecretRefused, match="does not open"):
        rewrap(key, rows, page=100)
    assert former_key(key).exists()
    assert SecretBox.existing(key).unseal(*ROWS[0], swapped).get_secret_value() == word(ROWS[0])


def test_a_row_that_changed_since_it_was_read_is_left(rows: SealedRows) -> None:
    stale = Sealed(*ROWS[0], sealed=b"what it held before")
    assert rows.replace([(stale, b"another")]) == 0


def word(row: tuple[str, str]) -> str:
    """What a row holds."""
    return f"secret of {row}"


def expected() -> dict[tuple[str, str], str]:
    """What they all hold."""
    return {row: word(row) for row in ROWS}


def opened(store: SqlStore, box: SecretBox) -> dict[tuple[str, str], str]:
    """Every row, opened."""
    return {row: box.unseal(*row, store.secret(*row) or b"").get_secret_value() for row in ROWS}


def dying(at: int):  # noqa: ANN201 - a callback
    """Dies at the given step."""
    seen: list[str] = []

    def reached(step: str) -> None:
        seen.append(step)
        if len(seen) == at:
            raise Death(step)

    return reached
