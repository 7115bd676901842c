"""A site's profiles: what a spec names and nobody has is told, never taken for satisfied."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any, cast

import pytest

from pods.errors import PodsError
from provisioning.drivers.redfish.whole import RESOURCES_MAX, links, read_whole
from provisioning.errors import AnswerRefused
from provisioning.profiles import Shelf

TREE = {
    "/redfish/v1": {"@odata.id": "/redfish/v1", "@odata.type": "#ServiceRoot.v1_16_0.ServiceRoot"},
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    profile = {
        "ProfileName": "Site",
        "ProfileVersion": "1.0.0",
        "Resources": {"Chassis": {"ReadRequirement": "Mandatory"}},
    }
    (tmp_path / "site.json").write_text(json.dumps(profile))
    return tmp_path


def test_what_a_bmc_misses_of_a_named_profile_blocks(folder: Path) -> None:
    (found,) = Shelf.read(folder).judge(["Site"], TREE)
    assert (found.effect, found.path) == ("blocks", "Site: Chassis")


def test_a_profile_that_is_not_there_blocks_and_says_where_to_put_it(folder: Path) -> None:
    (found,) = Shelf.read(folder).judge(["Other"], TREE)
    assert found.effect == "blocks"
    assert "no profile" in found.found
    assert "PODYARD_PROVISIONING_PROFILES" in found.remedy


def test_a_file_that_is_no_profile_stops_the_start(folder: Path) -> None:
    (folder / "other.json").write_text("{}")
    with pytest.raises(PodsError, match=r"other\.json"):
        Shelf.read(folder)


def test_a_folder_that_is_not_there_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(PodsError, match="is no folder"):
        Shelf.read(tmp_path / "none")


class Service:
    """Answers from a dictionary, and counts."""

    def __init__(self, tree: dict[str, Any]) -> None:
        self.tree = tree
        self.asked: list[str] = []

    async def optional_body(self, path: str) -> Any:
        self.asked.append(path)
        return self.tree.get(path, {})


def link(path: str) -> dict[str, str]:
    return {"@odata.id": path}


def whole(tree: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    service = Service(tree)
    found = asyncio.run(read_whole(cast("Any", service)))
    return found, service.asked


def test_every_resource_is_read_once_though_links_go_round() -> None:
    system = "/redfish/v1/Systems/1"
    tree = {
        "/redfish/v1": {"Systems": link("/redfish/v1/Systems")},
        "/redfish/v1/Systems": {"Members": [link(system), link(system + "/")]},
        system: {"Links": {"Chassis": [link("/redfish/v1/Chassis/1")]}, **link(system)},
        "/redfish/v1/Chassis/1": {"Links": {"ComputerSystems": [link(system)]}},
    }
    found, asked = whole(tree)
    assert found == tree
    assert sorted(asked) == sorted(tree)


def test_a_link_that_leads_nowhere_hides_nothing_else() -> None:
    found, _ = whole({"/redfish/v1": {"A": link("/redfish/v1/A"), "B": link("/redfish/v1/B")}})
    assert list(found) == ["/redfish/v1"]


@pytest.mark.parametrize(
    "path",
    [
        "https://elsewhere/redfish/v1/X",
        "/other",
        "/redfish/v1/Chassis/1/Power#/PowerSupplies/0",
        "/redfish/v1/Registries",
        "/redfish/v1/SessionService/Sessions/7",
    ],
)
def test_what_leads_away_or_is_endless_is_not_followed(path: str) -> None:
    assert list(links({"X": link(path)})) == []


def test_a_service_without_end_is_refused() -> None:
    class Endless(Service):
        async def optional_body(self, path: str) -> Any:
            return {"Members": [link(f"{path}/{n}") for n in range(200)]}

    with pytest.raises(AnswerRefused, match=str(RESOURCES_MAX)):
        asyncio.run(read_whole(cast("Any", Endless({}))))
