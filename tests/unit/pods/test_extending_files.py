"""A design may extend files of one's own: relative to it, never itself, and only from a file."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from pods import catalogue
from pods.checking import check
from pods.cli import spec_app
from pods.document import to_yaml
from pods.errors import SpecError, SpecInvalid
from pods.spec import SCHEMA

HEAD = {"name": "mine", "version": "2", "description": "mine"}


def write(path: Path, value: dict[str, Any]) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(to_yaml(value))
    return str(path)


def error_of(path: str) -> SpecError:
    with pytest.raises(SpecInvalid) as caught:
        catalogue.load(path)
    (error,) = caught.value.errors
    return error


def test_a_base_is_found_relative_to_the_file_that_names_it(tmp_path: Path) -> None:
    base = {"extends": "lab-4@1", "name": "base", "version": "3", "description": "base"}
    write(tmp_path / "bases" / "base.yaml", {**base, "bring_up": {"canary": 2}})
    middle = {**HEAD, "name": "middle", "extends": "bases/base.yaml"}
    write(tmp_path / "middle.yaml", middle)
    variant = write(tmp_path / "pods" / "mine.yaml", {**HEAD, "extends": "../middle.yaml"})
    spec = catalogue.load(variant)
    assert spec.bring_up.canary == 2
    assert spec.variant_of == "middle@2"


def test_links_that_lead_in_a_circle_are_no_base(tmp_path: Path) -> None:
    (tmp_path / "one.yaml").symlink_to("two.yaml")
    (tmp_path / "two.yaml").symlink_to("one.yaml")
    found = error_of(write(tmp_path / "mine.yaml", {**HEAD, "extends": "one.yaml"}))
    assert (found.path, found.value) == ("extends", "'one.yaml'")
    assert "circle of links" in found.message


def test_the_digest_is_that_of_the_whole_design_wherever_its_base_lies(tmp_path: Path) -> None:
    base = {"extends": "lab-4@1", "name": "base", "version": "3", "description": "base"}
    digests = set()
    for folder in ("one", "two/deeper"):
        write(tmp_path / folder / "base.yaml", base)
        mine = write(tmp_path / folder / "mine.yaml", {**HEAD, "extends": "./base.yaml"})
        digests.add(catalogue.load(mine).digest())
    assert digests == {check(catalogue.load(mine).document()).digest()}


def test_a_pod_takes_host_types_from_files(tmp_path: Path) -> None:
    box = {"kind": "host", "extends": "mi300x-8@1", **HEAD, "name": "my-box"}
    write(tmp_path / "box.yaml", {**box, "memory": {"modules": 16}})
    pod = catalogue.load("mi300x-8").document()
    pod["host_types"]["host"] = {"extends": "box.yaml"}
    (host_type,) = catalogue.load(write(tmp_path / "pod.yaml", pod)).host_types.values()
    assert (host_type.type, host_type.memory.modules) == ("my-box@2", 16)


def test_a_design_that_extends_itself_is_told_its_circle(tmp_path: Path) -> None:
    write(tmp_path / "a.yaml", {**HEAD, "extends": "b.yaml"})
    write(tmp_path / "b.yaml", {**HEAD, "extends": "./a.yaml"})
    error = error_of(str(tmp_path / "a.yaml"))
    assert error.path == "extends"
    assert "a.yaml → b.yaml → a.yaml" in error.message
    assert error.hint


@pytest.mark.parametrize(
    ("base", "words"),
    [
        (None, "cannot read"),
        ({"kind": "host", **HEAD}, "holds no spec"),
        ({"extends": "lab-4@1", "name": "base", "description": "x"}, "no name and version"),
        ({**HEAD, "schema_version": SCHEMA + 1}, f"of schema {SCHEMA + 1}"),
        ({**HEAD, "description": "\x1b[31m"}, "cannot be printed"),
    ],
)
def test_a_base_that_cannot_be_built_on_is_told(
    tmp_path: Path, base: dict[str, Any] | None, words: str
) -> None:
    if base is not None:
        (tmp_path / "base.json").write_text(json.dumps(base))
    error = error_of(write(tmp_path / "mine.yaml", {**HEAD, "extends": "base.json"}))
    assert words in error.message
    assert error.hint


@pytest.fixture
def impatient() -> Iterator[None]:
    """Ends a test that waits for a pipe's writer."""

    def give_up(*_: object) -> None:
        pytest.fail("opening a base waited")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(20)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.mark.usefixtures("impatient")
def test_a_pipe_or_a_device_is_no_base(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")
    (tmp_path / "zero.yaml").symlink_to("/dev/zero")
    for base in ("pipe.yaml", "zero.yaml"):
        error = error_of(write(tmp_path / "mine.yaml", {**HEAD, "extends": base}))
        assert error.path == "extends"
        assert "no regular file" in error.message
        assert error.hint


def test_what_comes_without_a_file_opens_none(tmp_path: Path) -> None:
    base = {"extends": "lab-4@1", "name": "base", "version": "3", "description": "base"}
    path = write(tmp_path / "base.yaml", base)
    with pytest.raises(SpecInvalid) as caught:
        check({**HEAD, "extends": path})
    assert "there is no shipped spec" in caught.value.errors[0].message


def test_a_variant_of_a_file_is_begun_by_command(tmp_path: Path) -> None:
    base = {"extends": "lab-4@1", "name": "base", "version": "3", "description": "base"}
    path = write(tmp_path / "base.yaml", base)
    out = tmp_path / "pods" / "mine.yaml"
    out.parent.mkdir()
    done = CliRunner().invoke(spec_app, ["new", "mine", "--extends", path, "--out", str(out)])
    assert done.exit_code == 0, done.stderr
    assert "extends: ../base.yaml" in out.read_text()
    assert catalogue.load(str(out)).variant_of == "base@3"
