"""`podyard certificate`: looking is not believing, revocation is said, keys hand over."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from pods import catalogue
from pods.acceptance import Measurement
from pods.certificate import HostReference, issue
from pods.cli import certificate_app
from pods.document import to_yaml
from pods.facts import HardwareFacts
from pods.keys import SigningKey

app = typer.Typer(rich_markup_mode=None)
app.add_typer(certificate_app, name="certificate")

AT = "2026-03-01T12:00:00"
LATER = "2026-03-02T12:00:00"
SIM = "--simulated"


def podyard(*arguments: str | Path) -> Result:
    return CliRunner(env={"COLUMNS": "80", "NO_COLOR": "1", "TERM": "dumb"}).invoke(
        app, ["certificate", *map(str, arguments)]
    )


@pytest.fixture
def desk(tmp_path: Path, make_facts: Callable[..., HardwareFacts]) -> Path:
    """A folder with `key`, `key.pub` and a certificate `h1.json`, all for simulated hardware."""
    key = SigningKey.generate(tmp_path / "key", purpose="simulated")
    (tmp_path / "key.pub").write_bytes(key.public_pem())
    certify(tmp_path / "h1.json", key, make_facts(), at=AT)
    return tmp_path


def certify(path: Path, key: SigningKey, facts: HardwareFacts, *, at: str) -> None:
    lab = catalogue.load("lab-4")
    envelope = issue(
        lab,
        pod="lab",
        unit="h1",
        host=HostReference(name="h1", slot="r1-h1", serial=facts.serial, uuid=facts.uuid),
        facts=facts,
        measurements=[
            Measurement(test=floor.test, value=1.0, reference=1.0)
            for floor in lab.acceptance.floors
        ],
        key=key,
        now=datetime.fromisoformat(at).replace(tzinfo=UTC),
    )
    path.write_bytes(envelope.to_bytes())


def verified(desk: Path, *more: str | Path) -> Result:
    key = ("--simulated-key", desk / "key.pub")
    return podyard("verify", desk / "h1.json", *key, "--at", LATER, *more)


def saved(path: Path, result: Result) -> Path:
    assert result.exit_code == 0, result.stderr
    path.write_text(result.stdout)
    return path


def revoked(desk: Path, *more: str | Path) -> Path:
    arguments = ("--signing-key", desk / "key", "--reason", "board stolen", SIM, "--at", AT, *more)
    return saved(desk / "list.json", podyard("revoke", *arguments))


@pytest.mark.parametrize("command", ["show", "verify", "revoke", "rotate"])
def test_every_command_shows_an_example_within_80_columns(command: str) -> None:
    result = podyard(command, "--help")
    assert f"Example: podyard certificate {command}" in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 80


def test_showing_needs_no_key_and_says_that_nothing_is_verified(desk: Path) -> None:
    result = podyard("show", desk / "h1.json")
    assert result.exit_code == 0
    assert "not verified" in result.stdout
    assert "lab-4@1" in result.stdout
    assert json.loads(podyard("show", desk / "h1.json", "-o", "json").stdout)["verified"] is False


def test_a_strangers_certificate_cannot_write_on_the_terminal(desk: Path) -> None:
    envelope = json.loads((desk / "h1.json").read_bytes())
    payload = json.loads(base64.b64decode(envelope["payload"]))
    payload["predicate"]["host"]["name"] = "h1\x1b[2J\x1b]0;verified\x07\x9b1A"
    envelope["payload"] = base64.b64encode(json.dumps(payload).encode()).decode()
    (desk / "evil.json").write_text(json.dumps(envelope))
    result = podyard("show", desk / "evil.json")
    assert result.exit_code == 0
    assert "h1\N{REPLACEMENT CHARACTER}[2J" in result.stdout
    assert all(line.isprintable() for line in result.stdout.split("\n"))


def test_without_a_list_the_answer_says_so(desk: Path) -> None:
    assert "revocation not checked" in verified(desk).stdout
    said = json.loads(verified(desk, "-o", "json").stdout)
    assert (said["verified"], said["revocation"]) == (True, "revocation not checked")


def test_with_a_list_the_answer_names_it(desk: Path) -> None:
    listed = revoked(desk)
    assert "not revoked, by list 1 of 2026-03-01" in verified(desk, "--revocations", listed).stdout


def test_a_revoked_certificate_is_refused_and_stays_so_on_the_next_list(desk: Path) -> None:
    first = revoked(desk, desk / "h1.json")
    result = verified(desk, "--revocations", first)
    assert result.exit_code == 1
    assert result.stderr.startswith("error: revoked at 2026-03-01")
    second = revoked(desk, "--previous", first)
    assert "board stolen" in verified(desk, "--revocations", second).stderr


def test_a_rotation_makes_the_next_key_and_the_old_one_vouches_for_it(
    desk: Path, make_facts: Callable[..., HardwareFacts]
) -> None:
    rotated = podyard("rotate", desk / "key", desk / "next", SIM, "--at", AT)
    hand_over = saved(desk / "rotation.json", rotated)
    assert (desk / "next").stat().st_mode & 0o777 == 0o600
    certify(
        desk / "h1.json",
        SigningKey.load(desk / "next", purpose="simulated"),
        make_facts(),
        at=LATER,
    )
    assert "is not one of the 1 trusted keys" in verified(desk).stderr
    assert verified(desk, "--rotation", hand_over).exit_code == 0


def test_a_list_goes_on_under_the_next_key(desk: Path) -> None:
    first = revoked(desk, desk / "h1.json")
    hand_over = saved(
        desk / "rotation.json", podyard("rotate", desk / "key", desk / "next", SIM, "--at", AT)
    )
    second = podyard(
        *("revoke", "--signing-key", desk / "next", "--reason", "more", SIM, "--at", LATER),
        *("--previous", first, "--previous-key", desk / "key.pub"),
    )
    listed = saved(desk / "second.json", second)
    result = verified(desk, "--rotation", hand_over, "--revocations", listed)
    assert result.stderr.startswith("error: revoked at")


def test_a_certificate_is_held_to_the_very_design_that_was_asked_for(desk: Path) -> None:
    assert verified(desk, "--spec", "lab-4@1").exit_code == 0
    twin = catalogue.load("lab-4").document() | {"boot_policy": "disk"}
    (desk / "twin.yaml").write_text(to_yaml(twin))
    for other in ("lab-16", desk / "twin.yaml"):
        result = verified(desk, "--spec", other)
        assert result.exit_code == 1
        assert result.stderr.startswith("error: issued for spec 'lab-4@1' sha256:")
        assert "hint: give the spec that the pod was built by" in result.stderr


def test_days_beyond_the_calendar_are_a_usage_error(desk: Path) -> None:
    key = ("--signing-key", desk / "key", "--reason", "x", SIM, "--valid-days", "9999999")
    assert podyard("revoke", *key).exit_code == 2
    rotation = (desk / "key", desk / "next", SIM, "--overlap-days", "9999999")
    assert podyard("rotate", *rotation).exit_code == 2


def test_the_last_day_of_the_calendar_is_a_day_and_has_none_after_it(desk: Path) -> None:
    listed = revoked(desk)
    key = ("--simulated-key", desk / "key.pub", "--revocations", listed)
    for at, words in (("9999-12-31T23:59:00", "expired at"), ("0001-01-01T00:00:00", "future")):
        result = podyard("verify", desk / "h1.json", *key, "--at", at)
        assert result.exit_code == 1
        assert words in result.stderr
        assert "hint: " in result.stderr
    late = ("--at", "9999-12-31T23:59:00")
    signed = ("--signing-key", desk / "key", "--reason", "x", SIM, *late)
    for refused in (podyard("revoke", *signed), podyard("rotate", desk / "key", desk / "n", *late)):
        assert refused.exit_code == 2
        assert "before the year 10000" in refused.stderr
        assert "hint: give --at a time before 9999-12-" in refused.stderr


def test_a_key_does_not_revoke_itself(desk: Path) -> None:
    name = SigningKey.load(desk / "key", purpose="simulated").key_id
    arguments = ("--signing-key", desk / "key", "--reason", "x", SIM, "--key-id", name)
    result = podyard("revoke", *arguments)
    assert result.exit_code == 1
    assert "hint: sign the list with the key that replaces it" in result.stderr


@pytest.mark.parametrize("file", ["none.json", "key.pub"])
def test_what_is_no_list_is_refused_with_a_hint(desk: Path, file: str) -> None:
    result = verified(desk, "--revocations", desk / file)
    assert result.exit_code in {1, 2}
    assert "hint: " in result.stderr
