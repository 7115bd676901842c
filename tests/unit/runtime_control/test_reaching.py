"""A host names its relays; the name must not lead anywhere else."""

from __future__ import annotations

from pathlib import Path

import pytest

from runtime.reaching import UnreachableError, relay_socket
from tests.unit.runtime_control.builders import make_host


@pytest.fixture
def run(tmp_path: Path) -> Path:
    directory = tmp_path / "hosts" / "h1" / "run"
    (directory / "relay").mkdir(parents=True)
    (directory.parent / "root").mkdir()
    return directory


def reach(run: Path, name: str) -> Path:
    return relay_socket(make_host("h1", root=str(run.parent / "root")), name)


def test_a_relay_lies_in_the_run_directory_beside_the_root(run: Path) -> None:
    assert reach(run, "relay/serve.sock") == run / "relay" / "serve.sock"


@pytest.mark.parametrize(
    "name", ["", "/etc/passwd", "../../h2/run/relay/serve.sock", "relay/../../x", "a\0b"]
)
def test_a_name_that_is_no_plain_name_is_refused(run: Path, name: str) -> None:
    with pytest.raises(UnreachableError):
        reach(run, name)


@pytest.mark.parametrize("link", ["relay/serve.sock", "escape"])
def test_a_symbolic_link_is_not_followed(run: Path, tmp_path: Path, link: str) -> None:
    (run / link).symlink_to(tmp_path)
    with pytest.raises(UnreachableError, match="leads out"):
        reach(run, link if link.startswith("relay") else f"{link}/serve.sock")


def test_a_host_elsewhere_has_no_relay_here() -> None:
    with pytest.raises(UnreachableError, match="not run on this machine"):
        relay_socket(make_host("h1"), "relay/serve.sock")
