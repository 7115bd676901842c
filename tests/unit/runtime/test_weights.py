"""Weights are found without importing their package, and are the ones meant."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import pytest

from runtime.serving.weights import WeightsError, locate, verify


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package that cannot be imported, with a file in it."""
    directory = tmp_path / "pyd_weights"
    directory.mkdir()
    (directory / "__init__.py").write_text("raise ImportError('needs a compiler')")
    (directory / "model.gguf").write_bytes(b"weights")
    (tmp_path / "outside").write_bytes(b"x")
    monkeypatch.syspath_prepend(str(tmp_path))
    return directory


def test_file_in_a_package_is_found_without_importing_it(package: Path) -> None:
    assert locate("package:pyd_weights/model.gguf") == package / "model.gguf"
    assert "pyd_weights" not in sys.modules


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("package:pyd_weights/none.gguf", "there is no file"),
        ("package:pyd_weights/../outside", "leads out of the package"),
        ("package:no_such_package/x", "is not installed here"),
        ("package:os/x", "is not installed here"),
        ("package:a-b/x", "is not installed here"),
        ("relative/model.gguf", "neither an absolute path nor"),
        ("/nowhere/model.gguf", "there is no file"),
    ],
)
@pytest.mark.usefixtures("package")
def test_source_that_names_nothing_says_why(source: str, words: str) -> None:
    with pytest.raises(WeightsError, match=words):
        locate(source)


def test_weights_with_another_digest_are_refused(package: Path) -> None:
    path = package / "model.gguf"
    digest = hashlib.sha256(b"weights").hexdigest()
    assert verify(path, f"sha256:{digest}") == path
    with pytest.raises(WeightsError, match=f"has sha256 {digest}"):
        verify(path, "0" * 64)
