"""Who logs in without a token is told which of the two reasons it is."""

from __future__ import annotations

from pathlib import Path

from typer.testing import CliRunner

from inventory.statedir import StateDirectory
from runtime.cli import app


def said_in(folder: Path) -> str:
    ended = CliRunner().invoke(app, ["login", "--state", str(folder)])
    assert ended.exit_code != 0
    return " ".join(ended.output.split())


def test_folder_in_which_no_service_was_started_says_so(tmp_path: Path) -> None:
    assert "no service was ever started with" in said_in(tmp_path / "elsewhere")


def test_token_that_was_spent_is_called_spent(tmp_path: Path) -> None:
    state = StateDirectory(tmp_path)
    state.secret_key.parent.mkdir(parents=True, exist_ok=True)
    state.secret_key.write_bytes(b"x")
    assert "it is used up" in said_in(tmp_path)
