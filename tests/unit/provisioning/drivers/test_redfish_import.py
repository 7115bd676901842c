"""The sync half of the Redfish library is never used, and one file alone uses the other half.

Its package imports the sync half by itself when any part of it is loaded, so "never loaded" cannot
be had; "never named, in any of our packages" can.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[4]
PACKAGES = ("pods", "inventory", "provisioning", "runtime")
DOOR = Path("provisioning/drivers/redfish/session.py")


def imported(source: str) -> Iterator[str]:
    """Every module or name that `source` imports, absolutely."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def used_through_the_package(source: str) -> set[str]:
    """The attributes taken directly from the name `redfish`."""
    return {
        node.attr
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "redfish"
    }


def test_only_the_door_imports_the_library_and_only_its_async_half() -> None:
    found = {
        (path.relative_to(ROOT), name)
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
        for name in imported(path.read_text())
        if name == "redfish" or name.startswith("redfish.")
    }
    assert found == {(DOOR, "redfish.aio")}


def test_the_door_takes_nothing_else_from_the_package() -> None:
    assert used_through_the_package((ROOT / DOOR).read_text()) == {"aio"}


def test_the_check_sees_the_ways_of_importing_the_sync_half() -> None:
    for line in (
        "import redfish.rest.v1",
        "from redfish.rest import v1",
        "from redfish import redfish_client",
        "import redfish",
    ):
        assert any(name.startswith("redfish") for name in imported(line))
    assert used_through_the_package("redfish.redfish_client()") == {"redfish_client"}
