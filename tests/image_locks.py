"""The locks that images install podyard's own needs from, drawn from uv's.

`python tests/image_locks.py` writes them after `uv lock`; a test says when they are old. They hold
only the wheels that an image can use: those for its Python and for Linux.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from packaging.markers import Marker
from packaging.tags import Tag
from packaging.utils import parse_wheel_filename

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ROOT / "provisioning" / "images" / "locks"
EXTRAS = {"core": (), "worker": ("worker",)}
ALSO = {"core": ("numpy",), "worker": ()}
"""What acceptance measures with: a host without Ray is accepted too."""
HEAD = "# Written by tests/image_locks.py from uv.lock.\n"
TARGET = {
    "implementation_name": "cpython",
    "implementation_version": "3.11.2",
    "os_name": "posix",
    "platform_machine": "x86_64",
    "platform_python_implementation": "CPython",
    "platform_release": "",
    "platform_system": "Linux",
    "platform_version": "",
    "python_full_version": "3.11.2",
    "python_version": "3.11",
    "sys_platform": "linux",
    "extra": "",
}
"""Debian 12's Python."""
PLATFORM = re.compile(r"any|linux_x86_64|manylinux(1|2010|2014)_x86_64|manylinux_2_(\d+)_x86_64")
GLIBC_MINOR_MOST = 36


def locks() -> dict[str, str]:
    """File name to content."""
    return {f"{name}.txt": HEAD + lock(extras, ALSO[name]) for name, extras in EXTRAS.items()}


def lock(extras: tuple[str, ...], also: tuple[str, ...] = ()) -> str:
    """What podyard with these extras needs in an image, each by its digests; and these packages."""
    entries = tomllib.loads((ROOT / "uv.lock").read_text())["package"]
    found: dict[str, dict[str, object]] = {}
    waiting: list[tuple[dict[str, object], tuple[str, ...]]] = [({"name": "podyard"}, extras)]
    waiting += [({"name": one}, ()) for one in also]
    seen: set[tuple[str, tuple[str, ...]]] = set()
    while waiting:
        wanted, asked = waiting.pop()
        if (str(wanted["name"]), asked) in seen:
            continue
        seen.add((str(wanted["name"]), asked))
        entry = _entry(entries, wanted)
        found[str(entry["name"])] = entry
        optional = entry.get("optional-dependencies", {})
        needed = [*entry.get("dependencies", ()), *(d for one in asked for d in optional[one])]
        waiting += [(one, tuple(sorted(one.get("extra", ())))) for one in needed if _holds(one)]
    del found["podyard"]
    return "".join(_requirement(found[name]) for name in sorted(found))


def _holds(thing: dict[str, object]) -> bool:
    marker = thing.get("marker")
    return marker is None or Marker(str(marker)).evaluate(TARGET)


def _entry(entries: list[dict[str, object]], wanted: dict[str, object]) -> dict[str, object]:
    """The one of this name, of the version that is meant for this Python."""
    found = [one for one in entries if one["name"] == wanted["name"]]
    if "version" in wanted:
        found = [one for one in found if one["version"] == wanted["version"]]
    if len(found) > 1:
        found = [
            one
            for one in found
            if any(Marker(m).evaluate(TARGET) for m in one.get("resolution-markers", ()))
        ]
    (entry,) = found
    return entry


def _requirement(entry: dict[str, object]) -> str:
    hashes = sorted(
        wheel["hash"] for wheel in entry.get("wheels", ()) if _fits(wheel["url"].rpartition("/")[2])
    )
    if not hashes:
        raise SystemExit(
            f"error: {entry['name']} {entry['version']} has no wheel for Debian 12\n"
            "hint: choose a version that has one"
        )
    lines = "".join(f" \\\n    --hash={digest}" for digest in hashes)
    return f"{entry['name']}=={entry['version']}{lines}\n"


def _fits(file: str) -> bool:
    return any(_tag_fits(tag) for tag in parse_wheel_filename(file)[3])


def _tag_fits(tag: Tag) -> bool:
    platform = PLATFORM.fullmatch(tag.platform)
    if platform is None or (platform[2] and int(platform[2]) > GLIBC_MINOR_MOST):
        return False
    minor = re.fullmatch(r"cp3(\d+)", tag.interpreter)
    if tag.abi == "abi3":
        return minor is not None and int(minor[1]) <= 11
    return tag.interpreter in {"cp311", "py3", "py311"} and tag.abi in {"cp311", "none"}


if __name__ == "__main__":
    for name, content in locks().items():
        LOCKS.mkdir(exist_ok=True)
        (LOCKS / name).write_text(content)
