"""Who installs podyard to talk to a service, without an extra, has a command that works.

What only the service, a host or NetBox needs is looked for as if it were not installed.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
ALONE = """
import sys
class NotInstalled:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {names!r}:
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, NotInstalled())
from runtime.cli import main
sys.argv = ["podyard", *{words!r}]
main()
"""


def extras() -> set[str]:
    """The modules of every distribution that an extra of ours names."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = [line for extra in project["optional-dependencies"].values() for line in extra]
    wanted = {_plain(re.split(r"[\[><=]", line)[0]) for line in asked}
    return {
        module
        for module, found in packages_distributions().items()
        if {_plain(one) for one in found} & wanted
    }


def _plain(name: str) -> str:
    return name.strip().lower().replace("_", "-")


def podyard(*words: str) -> subprocess.CompletedProcess[str]:
    """The command, where no extra is installed."""
    names = extras() | {"starlette"}
    assert {"fastapi", "aiohttp", "uvicorn", "ray", "redfish", "sqlalchemy"} <= names
    return subprocess.run(
        [sys.executable, "-c", ALONE.format(names=names, words=words)],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )


@pytest.mark.parametrize("words", [["--help"], ["spec", "validate", "lab-4"], ["host", "--help"]])
def test_commands_that_need_no_extra_run_without_any(words: list[str]) -> None:
    ended = podyard(*words)
    assert (ended.returncode, ended.stderr) == (0, "")


@pytest.mark.parametrize("words", ["serve --state {0}", "simulate lab-4 --state {0}"])
def test_command_that_needs_an_extra_names_it(words: str, tmp_path: Path) -> None:
    ended = podyard(*words.format(tmp_path).split())
    assert ended.returncode != 0
    assert "which is not installed" in ended.stderr
    assert "hint: pip install 'podyard[server]'" in ended.stderr
    assert "Traceback" not in ended.stderr
