"""`podyard user`, `key` and `audit` against a service on a real socket."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import sqlalchemy as sa

from inventory.store.sql import SqlStore
from tests.integration.doors.test_cli import Run, run, store, url

pytestmark = pytest.mark.integration
__all__ = ["run", "store", "url"]

PASSWORD = "correct horse battery staple\n"


def test_a_person_is_added_changed_and_kept_out(run: Run) -> None:
    made = run(
        "user",
        "create",
        "jane",
        "--role",
        "operator",
        "--site",
        "zrh1",
        "--password-stdin",
        text=PASSWORD,
    )
    assert made.exit_code == 0, made.output
    assert "operator at zrh1" in made.stdout
    run("user", "grant", "jane", "--role", "viewer")
    run("user", "revoke", "jane", "--role", "operator", "--site", "zrh1")
    run("user", "disable", "jane")
    shown = json.loads(run("user", "show", "jane", "-o", "json").stdout)
    assert shown["grants"] == [{"role": "viewer", "site": ""}]
    assert shown["disabled"] is True
    assert "password_hash" not in shown
    assert "jane" in run("user", "list").stdout
    gone = run("user", "revoke", "jane", "--role", "admin")
    assert gone.exit_code == 1
    assert "hint:" in gone.stderr


def test_a_weak_password_is_refused(run: Run) -> None:
    for weak in ("short", "a" * 40):
        refused = run("user", "create", "jane", "--password-stdin", text=weak)
        assert refused.exit_code == 1
        assert weak not in refused.stderr
        assert "hint: use 15 characters or more" in refused.stderr


def test_a_key_is_narrowed_and_rotated(run: Run) -> None:
    made = run(
        *("key", "create", "--role", "viewer", "--permission", "host:read"),
        *("--network", "127.0.0.0/8", "--title", "metrics", "-o", "json"),
    )
    key = json.loads(made.stdout)
    assert (key["permissions"], key["networks"]) == (["host:read"], ["127.0.0.0/8"])
    new = json.loads(run("key", "rotate", key["id"], "-o", "json").stdout)
    assert (new["permissions"], new["title"]) == (["host:read"], "metrics")
    assert new["id"] in run("key", "list", COLUMNS="200").stdout


def test_the_log_is_listed_exported_and_verified(run: Run, tmp_path: Path) -> None:
    run("tenant", "create", "acme")
    run("tenant", "create", "acme")
    listed = json.loads(run("audit", "list", "-o", "json").stdout)
    assert [(e["action"], e["outcome"]) for e in listed] == [
        ("POST /api/tenants", "201"),
        ("POST /api/tenants", "409"),
    ]
    file = tmp_path / "audit.jsonl"
    assert run("audit", "export", str(file)).exit_code == 0
    assert file.stat().st_mode & 0o077 == 0
    run("tenant", "create", "beta")
    for words in ([], [str(file)], ["--against", str(file)]):
        done = run("audit", "verify", *words, "-o", "json")
        assert done.exit_code == 0, done.output
        assert json.loads(done.stdout)["faults"] == []


def test_a_log_that_was_made_anew_does_not_pass(run: Run, store: SqlStore, tmp_path: Path) -> None:
    for name in ("acme", "beta", "gamma"):
        run("tenant", "create", name)
    file = tmp_path / "audit.jsonl"
    run("audit", "export", str(file))
    with store._engine.begin() as connection:
        connection.execute(sa.text("UPDATE audit SET document = replace(document, '201', '409')"))
    changed = run("audit", "verify")
    assert changed.exit_code == 1
    assert "entry 1 was changed" in changed.stdout
    with store._engine.begin() as connection:
        connection.execute(sa.text("DELETE FROM audit"))
    cut = run("audit", "verify", "--against", str(file), "-o", "json")
    assert cut.exit_code == 1
    assert "it was cut" in " ".join(json.loads(cut.stdout)["faults"])
    lines = file.read_text().splitlines()
    file.write_text("\n".join(lines[:1] + lines[2:]) + "\n")
    assert run("audit", "verify", str(file)).exit_code == 1
    file.write_text("\n".join(lines[:-1]) + "\n")
    assert "hint:" in run("audit", "verify", str(file)).stderr


def test_an_entry_moved_in_lists_is_named(run: Run, store: SqlStore) -> None:
    for name in ("acme", "beta"):
        run("tenant", "create", name)
    assert run("audit", "verify").exit_code == 0
    with store._engine.begin() as connection:
        connection.execute(sa.text("UPDATE audit SET actor = 'user bob' WHERE key LIKE '%2'"))
    verified = run("audit", "verify", "-o", "json")
    assert verified.exit_code == 1
    assert "entry 2 is listed under what it does not say" in verified.stdout
