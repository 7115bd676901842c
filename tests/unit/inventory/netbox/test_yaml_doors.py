"""Every place where YAML comes in reads it by the one loader that caps it first."""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from inventory.netbox.errors import Unsupported
from inventory.netbox.mapping import load_mapping
from pods.cli import spec_app
from pods.document import parse_document, read_document
from pods.errors import PodsError

ROOT = Path(__file__).resolve().parents[4]
PACKAGES = ("pods", "inventory", "provisioning", "runtime")
ONE_LOADER = "pods/document.py"
READING = frozenset(
    ("load", "load_all", "safe_load", "safe_load_all", "full_load", "full_load_all")
) | frozenset(("unsafe_load", "unsafe_load_all", "parse", "compose", "compose_all", "scan"))

HOSTILE = {
    "larger than the cap": b"role: " + b"a" * (1024 * 1024),
    "deeper than the cap": b"own: " + b"[" * 40 + b"]" * 40,
    "a bomb of aliases": b"a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n",
    "an anchor alone": b"role: &r gpu-host\n",
    "the same key twice": b"role: gpu-host\nrole: other\n",
    "the same key twice, below": b"status:\n  ready: active\n  ready: offline\n",
    "a tag that names code": b"role: !!python/object/apply:os.system ['true']\n",
    "a tag of its own": b"role: !env HOME\n",
    "a merge": b"<<: {role: gpu-host}\nrole: other\n<<: {role: x}\n",
    "a second document": b"role: gpu-host\n---\nrole: other\n",
    "a key that is no text": b"? [a, b]\n: c\n",
    "not UTF-8": b"role: \xff\xfe\n",
    "not YAML": b"role: [unclosed\n",
    "a number without end": b"role: " + b"9" * 5000 + b"\n",
}


def _mapping(path: Path) -> None:
    load_mapping(path)


def _document(path: Path) -> None:
    read_document(path)


def _text(path: Path) -> None:
    parse_document(path.read_bytes())


def _command(path: Path) -> None:
    done = CliRunner().invoke(spec_app, ["validate", str(path)])
    if done.exit_code != 0 and isinstance(done.exception, PodsError):
        raise done.exception
    if done.exit_code != 0 and isinstance(done.exception, SystemExit):
        raise PodsError(done.output)
    assert done.exception is None, done.exception


@pytest.mark.parametrize("door", [_mapping, _document, _text, _command])
@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_yaml_is_refused_at_every_door(
    door: Callable[[Path], None], text: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "given.yaml"
    path.write_bytes(text)
    with pytest.raises((PodsError, Unsupported)) as refused:
        door(path)
    if door is _mapping:
        assert "PODYARD_NETBOX_MAPPING_FILE" in str(refused.value)


def test_a_mapping_file_may_be_no_pipe(tmp_path: Path) -> None:
    with pytest.raises(Unsupported, match="no regular file"):
        load_mapping(Path("/dev/zero"))


def test_an_empty_mapping_file_is_the_defaults(tmp_path: Path) -> None:
    path = tmp_path / "mapping.yaml"
    path.write_text("# nothing of our own\n")
    assert load_mapping(path).role == "gpu-host"


def test_only_one_file_parses_yaml() -> None:
    """`yaml.safe_load` is safe from code, and from nothing else: aliases multiply, keys hide."""
    found: dict[str, list[str]] = {}
    for path in sorted(one for folder in PACKAGES for one in (ROOT / folder).rglob("*.py")):
        tree = ast.parse(path.read_text())
        here = [
            node.attr
            for node in ast.walk(tree)
            if isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id == "yaml"
            and (node.attr in READING or node.attr.endswith("Loader"))
        ]
        here += [
            alias.name
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "yaml"
            for alias in node.names
        ]
        if here:
            found[str(path.relative_to(ROOT))] = here
    assert list(found) == [ONE_LOADER]
