"""The specs that podyard ships, and the one way to name a spec: shipped or a file of your own."""

from __future__ import annotations

from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from pods.checking import parse_spec, read_spec
from pods.errors import SpecNotFound, shown
from pods.spec import PodSpec

CATALOG: Traversable = files("pods") / "catalog"
"""The shipped specs, wherever the package was installed."""


def names() -> tuple[str, ...]:
    """The names of the shipped specs, sorted."""
    return tuple(
        sorted(
            entry.name.removesuffix(".yaml")
            for entry in CATALOG.iterdir()
            if entry.is_file() and entry.name.endswith(".yaml")
        )
    )


def load(name: str) -> PodSpec:
    """The spec called `lab-4` or `lab-4@1`, or in the file at this path."""
    stem, _, version = name.partition("@")
    if stem in names():
        entry = CATALOG / f"{stem}.yaml"
        spec = parse_spec(entry.read_bytes(), source=f"{stem} (shipped)")
        if version and version != spec.version:
            raise SpecNotFound(
                f"spec {stem} is shipped in version {spec.version}, not {shown(version)}",
                hint=f"ask for {spec.identity}, or give the path of a file that holds the other",
            )
        return spec
    if _looks_like_path(name):
        return read_spec(Path(name))
    raise SpecNotFound(
        f"no spec {shown(name)}: shipped are {', '.join(names())}",
        hint="see `podyard spec list`, or give the path of a YAML or JSON file",
    )


def _looks_like_path(name: str) -> bool:
    return "/" in name or name.endswith((".yaml", ".yml", ".json")) or Path(name).is_file()
