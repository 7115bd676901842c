"""`podyard spec` and `podyard certificate`: data on stdout, hints on stderr, honest exit codes."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from typer.testing import CliRunner, Result

from pods import catalogue
from pods.acceptance import Measurement
from pods.certificate import HostReference, issue
from pods.cli import certificate_app, spec_app
from pods.facts import HardwareFacts
from pods.keys import SigningKey

app = typer.Typer()
app.add_typer(spec_app, name="spec")
app.add_typer(certificate_app, name="certificate")

AT = "2026-03-01T12:00:00"


def podyard(*arguments: str | Path) -> Result:
    return CliRunner(env={"COLUMNS": "80", "NO_COLOR": "1", "TERM": "dumb"}).invoke(
        app, [str(argument) for argument in arguments]
    )


@pytest.fixture
def wrong(lab_value: dict[str, Any], tmp_path: Path) -> Path:
    lab_value["boot_polcy"] = lab_value.pop("boot_policy")
    path = tmp_path / "wrong.yaml"
    path.write_text(yaml.safe_dump(lab_value))
    return path


@pytest.fixture
def certificate(tmp_path: Path, make_facts: Callable[..., HardwareFacts]) -> tuple[Path, Path]:
    """A certificate of simulated hardware, and its public key."""
    lab = catalogue.load("lab-4")
    key = SigningKey.generate(tmp_path / "key", purpose="simulated")
    facts = make_facts()
    host = HostReference(name="h1", slot="r1-h1", serial=facts.serial, uuid=facts.uuid)
    envelope = issue(
        lab,
        pod="lab",
        unit="h1",
        host=host,
        facts=facts,
        measurements=[
            Measurement(test=floor.test, value=1.0, reference=1.0)
            for floor in lab.acceptance.floors
        ],
        key=key,
        now=datetime.fromisoformat(AT).replace(tzinfo=UTC),
    )
    (tmp_path / "h1.json").write_bytes(envelope.to_bytes())
    (tmp_path / "key.pub").write_bytes(key.public_pem())
    return tmp_path / "h1.json", tmp_path / "key.pub"


@pytest.mark.parametrize(
    "command",
    [
        ("spec", "list"),
        ("spec", "show"),
        ("spec", "validate"),
        ("spec", "diff"),
        ("spec", "schema"),
        ("spec", "plan"),
        ("certificate", "verify"),
    ],
)
def test_every_command_shows_an_example_within_80_columns(command: tuple[str, ...]) -> None:
    result = podyard(*command, "--help")
    assert result.exit_code == 0
    assert f"Example: podyard {' '.join(command)}" in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 80


def test_list_names_the_shipped_specs() -> None:
    assert "lab-4@1" in podyard("spec", "list").stdout
    listed = {row["spec"]: row for row in json.loads(podyard("spec", "list", "-o", "json").stdout)}
    assert listed["lab-4@1"]["hosts"] == 4
    assert listed["su-gb200-8r@1"]["hosts"] == 144


def test_show_as_yaml_is_a_spec_that_validates(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(podyard("spec", "show", "lab-4", "-o", "yaml").stdout)
    result = podyard("spec", "validate", path, "-o", "json")
    assert result.exit_code == 0
    assert json.loads(result.stdout)[0]["digest"] == catalogue.load("lab-4").digest()


def test_show_as_table_fits_80_columns() -> None:
    result = podyard("spec", "show", "lab-4@1")
    assert "3680 W continuous budget" in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 80


def test_show_says_when_a_host_type_has_no_accelerators(
    lab_value: dict[str, Any], tmp_path: Path
) -> None:
    lab_value["host_types"]["lab-cpu"]["accelerators"] = None
    lab_value["unit"]["accelerators"] = 0
    path = tmp_path / "plain.json"
    path.write_text(json.dumps(lab_value))
    assert "no accelerators" in podyard("spec", "show", path).stdout


def test_validate_passes_a_good_spec_and_fails_a_wrong_one_with_its_hint(wrong: Path) -> None:
    result = podyard("spec", "validate", "lab-4", wrong)
    assert result.exit_code == 1
    assert "lab-4: valid" in result.stdout
    assert "boot_polcy: there is no such field (got 'memory')" in result.stderr
    assert "\nhint: did you mean `boot_policy`?" in result.stderr


def test_validate_as_json_carries_every_error(wrong: Path) -> None:
    (report,) = json.loads(podyard("spec", "validate", wrong, "-o", "json").stdout)
    assert not report["valid"]
    assert [error["path"] for error in report["errors"]] == ["boot_polcy"]
    assert set(report["errors"][0]) == {"path", "value", "message", "hint"}


@pytest.mark.parametrize(
    "arguments",
    [
        ("spec", "show", "no-such"),
        ("spec", "show", "lab-4@9"),
        ("spec", "validate", "none.yaml"),
        ("spec", "plan", "./none"),
        ("spec", "diff", "lab-4", "no-such"),
        ("certificate", "verify", "none.json", "--key", "none.pub"),
    ],
)
def test_what_is_not_there_is_a_usage_error_with_a_hint(arguments: tuple[str, ...]) -> None:
    result = podyard(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.startswith("error: ")
    assert "hint: " in result.stderr


def test_show_of_a_wrong_spec_is_invalid_not_misused(wrong: Path) -> None:
    result = podyard("spec", "show", wrong)
    assert result.exit_code == 1
    assert result.stderr.count("hint: ") == 1


def test_diff_names_what_changed(lab_value: dict[str, Any], tmp_path: Path) -> None:
    assert "no difference" in podyard("spec", "diff", "lab-4", "lab-4").stdout
    lab_value["feeds"]["a"]["rated_amps"] = 32.0
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(lab_value))
    changed = json.loads(podyard("spec", "diff", "lab-4", path, "-o", "json").stdout)
    assert changed == [{"path": "feeds.a.rated_amps", "before": "20.0", "after": "32.0"}]
    assert "feeds.a.rated_amps" in podyard("spec", "diff", "lab-4", path).stdout


def test_schema_is_json_schema() -> None:
    schema = json.loads(podyard("spec", "schema").stdout)
    assert "host_types" in schema["properties"]


def test_plan_shows_waves_and_envelope_within_80_columns() -> None:
    result = podyard("spec", "plan", "lab-4", "--pod", "lab")
    assert result.exit_code == 0
    assert "1 canary" in result.stdout
    assert "budget 3680 W, peak 3300 W (90%)" in result.stdout
    assert "wave 3 starting" in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 80


def test_plan_as_yaml_has_its_digest() -> None:
    plan = yaml.safe_load(podyard("spec", "plan", "lab-4", "-o", "yaml").stdout)
    assert plan["digest"].startswith("sha256:")


def test_a_good_certificate_verifies_and_says_it_is_simulated(
    certificate: tuple[Path, Path],
) -> None:
    file, key = certificate
    result = podyard("certificate", "verify", file, "--simulated-key", key, "--at", AT)
    assert result.exit_code == 0
    assert "verified, simulated hardware" in result.stdout
    as_json = podyard(
        "certificate", "verify", file, "--simulated-key", key, "--at", AT, "-o", "json"
    )
    assert json.loads(as_json.stdout)["predicate"]["simulated"] is True


def test_a_simulated_certificate_is_refused_where_real_hardware_is_asked(
    certificate: tuple[Path, Path],
) -> None:
    file, key = certificate
    result = podyard("certificate", "verify", file, "--key", key, "--at", AT)
    assert result.exit_code == 1
    assert "simulated hardware" in result.stderr
    assert "hint: trust this key for simulated hardware only" in result.stderr


def test_a_certificate_is_checked_against_now_unless_told_otherwise(
    certificate: tuple[Path, Path],
) -> None:
    file, key = certificate
    at = ("--at", "2030-01-01T00:00:00")
    result = podyard("certificate", "verify", file, "--simulated-key", key, *at)
    assert result.exit_code == 1
    assert "expired at" in result.stderr
    assert podyard("certificate", "verify", file, "--simulated-key", key).exit_code in (0, 1)


def test_verifying_without_a_key_is_a_usage_error(certificate: tuple[Path, Path]) -> None:
    result = podyard("certificate", "verify", certificate[0])
    assert result.exit_code == 2
    assert "--simulated-key" in result.stderr
