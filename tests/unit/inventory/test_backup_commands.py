"""`podyard backup` and `podyard restore` as a person meets them."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from inventory.model import Host
from inventory.restored import watching_only
from inventory.secrets import SecretBox
from inventory.statedir import StateDirectory
from inventory.store.protocol import Change
from inventory.store.sql import SqlStore
from runtime.cli import app
from tests.unit.inventory.records import NOW, make_host


def ran(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(one) for one in arguments])


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StateDirectory:
    """A service's directory with one host."""
    monkeypatch.delenv("PODYARD_DATABASE", raising=False)
    directory = StateDirectory(tmp_path / "state")
    SecretBox.open(directory.secret_key)
    store = SqlStore.open(directory.database_url)
    store.apply(Change(insert=(make_host(),)), now=NOW)
    store.close()
    return directory


def test_from_a_backup_to_acting_again(state: StateDirectory, tmp_path: Path) -> None:
    file = tmp_path / "b.db"
    made = ran("backup", file, "--state", state.path)
    assert made.exit_code == 0, made.output
    assert "keep them apart" in made.output

    (state.path / "podyard.db").unlink()
    back = ran("restore", file, "--state", state.path)
    assert back.exit_code == 0, back.output
    assert "podyard restore --confirm" in back.output
    store = SqlStore.open(state.database_url)
    assert store.count(Host) == 1
    assert watching_only(store)

    done = ran("restore", "--confirm", "--state", state.path)
    assert done.exit_code == 0, done.output
    assert "acting again" in done.output
    assert not watching_only(store)
    store.close()


def test_the_head_of_the_replaced_log_is_set_aside(state: StateDirectory, tmp_path: Path) -> None:
    file = tmp_path / "b.db"
    assert ran("backup", file, "--state", state.path).exit_code == 0
    state.audit_anchor.write_text("signed")
    back = ran("restore", file, "--force", "--state", state.path)
    assert back.exit_code == 0, back.output
    assert not state.audit_anchor.exists(), "the restored log does not hold it"
    (aside,) = state.path.glob("audit-anchor-before-*.json")
    assert aside.read_text() == "signed"
    assert aside.name in back.output.replace("\n", "")


def test_what_is_refused_says_what_to_do(state: StateDirectory, tmp_path: Path) -> None:
    file = tmp_path / "b.db"
    assert ran("backup", file, "--state", state.path).exit_code == 0
    again = ran("backup", file, "--state", state.path)
    assert again.exit_code == 1
    assert "exists already" in again.output
    elsewhere = ran("backup", tmp_path / "c.db", "--state", tmp_path / "nowhere")
    assert elsewhere.exit_code == 1
    assert "hint: give the service's directory" in elsewhere.output
    absent = ran("restore", tmp_path / "none.db", "--state", state.path)
    assert absent.exit_code == 1
    assert "hint: podyard backup FILE makes one" in absent.output
    assert ran("restore", "--state", state.path).exit_code == 2
    assert ran("restore", file, "--confirm", "--state", state.path).exit_code == 2
