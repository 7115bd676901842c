"""Interoperability profiles against trees: ours for each rule, OCP's against DMTF's mockups."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from pods.errors import PodsError
from pods.interop import Profile, check, chosen, conforms, read_profile
from pods.interop_rules import compares
from pods.spec import PodSpec

SHARED = Path(__file__).parents[4] / "shared"
BOX = "/redfish/v1/Chassis/1"

TREE: dict[str, Any] = {
    "/redfish/v1": {"@odata.type": "#ServiceRoot.v1_9_0.ServiceRoot", "RedfishVersion": "1.9.0"},
    BOX: {
        "@odata.type": "#Chassis.v1_10_0.Chassis",
        "ChassisType": "RackMount",
        "SerialNumber": "C1",
        "Links": {"ComputerSystems": [{"@odata.id": "/redfish/v1/Systems/1"}]},
        "Actions": {"#Chassis.Reset": {"target": f"{BOX}/Actions/Chassis.Reset"}},
    },
    f"{BOX}/Thermal": {
        "@odata.type": "#Thermal.v1_5_0.Thermal",
        "Temperatures": [
            {"Name": "Intake", "ReadingCelsius": 22},
            {"Name": "CPU", "ReadingCelsius": None},
        ],
    },
}


def profile(resources: dict[str, Any], **more: Any) -> Profile:
    document = {"ProfileName": "P", "ProfileVersion": "1.0.0", "Resources": resources, **more}
    return read_profile(json.dumps(document), name="p.json")


def properties(**wanted: Any) -> dict[str, Any]:
    return {"Chassis": {"PropertyRequirements": wanted}}


def told(resources: dict[str, Any], tree: dict[str, Any] | None = None) -> list[tuple[str, str]]:
    found = check([profile(resources)], TREE if tree is None else tree).findings
    return [(one.effect, one.path.removeprefix("P: ")) for one in found]


def condition(need: str = "Mandatory", **rule: Any) -> dict[str, Any]:
    return {
        "ReadRequirement": "Recommended",
        "ConditionalRequirements": [{"ReadRequirement": need, **rule}],
    }


RACKS: dict[str, Any] = {"CompareProperty": "ChassisType", "CompareValues": ["RackMount", "Sled"]}


@pytest.mark.parametrize(
    ("resources", "expected"),
    [
        ({"Chassis": {}}, []),
        ({"Power": {}}, [("blocks", "Power")]),
        ({"Power": {"ReadRequirement": "Recommended"}}, [("notes", "Power")]),
        ({"Power": {"ReadRequirement": "IfImplemented"}}, []),
        ({"Chassis": {"MinVersion": "1.9.0"}}, []),
        ({"Chassis": {"MinVersion": "1.12.0"}}, [("blocks", f"{BOX} @odata.type")]),
        ({"Chassis": {"URIs": ["/redfish/v1/Chassis/{ChassisId}"]}}, []),
        ({"Chassis": {"URIs": ["/redfish/v1/Racks/{RackId}"]}}, [("blocks", "Chassis")]),
        (properties(SerialNumber={}), []),
        (properties(AssetTag={}), [("blocks", f"{BOX} AssetTag")]),
        (properties(AssetTag={"ReadRequirement": "Recommended"}), [("notes", f"{BOX} AssetTag")]),
        (properties(AssetTag={"ReadRequirement": "IfImplemented"}), []),
        (properties(AssetTag={"ReadRequirement": "Supported"}), []),
        (
            properties(Links={"PropertyRequirements": {"ManagedBy": {}, "ComputerSystems": {}}}),
            [("blocks", f"{BOX} Links.ManagedBy")],
        ),
        (
            properties(Links={"PropertyRequirements": {"ComputerSystems": {"MinCount": 2}}}),
            [("blocks", f"{BOX} Links.ComputerSystems")],
        ),
        (properties(ChassisType={"Values": ["RackMount", "Sled"]}), []),
        (properties(ChassisType={"Values": ["Rack"]}), [("blocks", f"{BOX} ChassisType")]),
        (
            properties(ChassisType={"Values": ["RackMount"], "Comparison": "NotEqual"}),
            [("blocks", f"{BOX} ChassisType")],
        ),
        (
            properties(AssetTag=condition(CompareType="AnyOf", **RACKS)),
            [("blocks", f"{BOX} AssetTag")],
        ),
        (
            properties(AssetTag=condition(CompareProperty="SKU", CompareType="Absent")),
            [("blocks", f"{BOX} AssetTag")],
        ),
        (
            properties(AssetTag=condition(CompareProperty="SerialNumber", CompareType="Absent")),
            [("notes", f"{BOX} AssetTag")],
        ),
        (
            properties(AssetTag=condition(SubordinateToResource=["Manager"])),
            [("notes", f"{BOX} AssetTag")],
        ),
        (properties(Asset={"ReplacesProperty": "SerialNumber"}), []),
        (
            {
                "Thermal": {
                    "PropertyRequirements": {
                        "Temperatures": {
                            "PropertyRequirements": {"ReadingCelsius": {}, "Status": {}}
                        }
                    }
                }
            },
            [
                ("blocks", f"{BOX}/Thermal Temperatures[0].Status"),
                ("blocks", f"{BOX}/Thermal Temperatures[1].Status"),
            ],
        ),
        (
            {
                "Thermal": {
                    "PropertyRequirements": {
                        "Fans": condition(SubordinateToResource=["ServiceRoot", "Chassis"])
                    }
                }
            },
            [("blocks", f"{BOX}/Thermal Fans")],
        ),
        (
            {
                "Thermal": {
                    "ConditionalRequirements": [
                        {"SubordinateToResource": ["Manager"], "ReadRequirement": "Mandatory"}
                    ]
                }
            },
            [("blocks", "Thermal below Manager")],
        ),
        ({"Chassis": {"ActionRequirements": {"Reset": {}}}}, []),
        (
            {"Chassis": {"ActionRequirements": {"Hold": {}}}},
            [("blocks", f"{BOX} Actions.Hold")],
        ),
        ({"Chassis": {"PropertyRequirements": {"Name": "a stray value"}}}, []),
    ],
)
def test_each_rule_tells_what_is_missing_and_how_grave_it_is(
    resources: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    assert told(resources) == expected


@pytest.mark.parametrize(
    ("use", "expected"),
    [
        ("RackMount", [("blocks", f"{BOX} AssetTag")]),
        ("Drawer", [("blocks", "Chassis (racks)")]),
    ],
)
def test_a_use_case_holds_for_the_resources_of_its_use(
    use: str, expected: list[tuple[str, str]]
) -> None:
    case = {
        "UseCaseTitle": "racks",
        "UseCaseKeyProperty": "ChassisType",
        "UseCaseKeyValues": [use],
        "UseCaseComparison": "Equal",
        "PropertyRequirements": {"AssetTag": {}},
    }
    assert told({"Chassis": {"UseCases": [case]}}) == expected


def test_what_a_payload_cannot_prove_is_counted_not_passed_over() -> None:
    wanted = properties(SerialNumber={"WriteRequirement": "Mandatory"})
    assert check([profile(wanted)], TREE).unchecked == {"WriteRequirement": 1}


@pytest.mark.parametrize(("least", "satisfied"), [("1.6", True), ("1.15", False)])
def test_the_services_redfish_version_is_compared(*, least: str, satisfied: bool) -> None:
    verdict = check([profile({}, Protocol={"MinVersion": least})], TREE)
    assert verdict.satisfied is satisfied


@pytest.mark.parametrize(
    ("kind", "found", "wanted", "holds"),
    [
        ("Equal", "a", ["a"], True),
        ("AllOf", ["a", "b"], ["a", "b"], True),
        ("AllOf", ["a"], ["a", "b"], False),
        ("AnyOf", ["a"], ["a", "b"], True),
        ("Present", None, [], True),
        ("GreaterThan", 3, [2], True),
        ("GreaterThanOrEqual", 2, [2], True),
        ("LessThan", 3, [2], False),
        ("LessThanOrEqual", "3", [2], False),
        ("Unheard", 3, [2], False),
    ],
)
def test_values_are_compared_as_the_standard_says(
    *, kind: str, found: object, wanted: list[object], holds: bool
) -> None:
    assert compares(kind, found, wanted, there=True) is holds


def test_a_profile_brings_those_it_builds_upon_in_their_newest_version() -> None:
    base = [Profile("The Base", version, {}, {}) for version in ("1.0.0", "1.10.0", "1.9.0")]
    top = Profile("Top", "2.0.0", {"TheBase": "1.2.0"}, {})
    assert [one.version for one in chosen(["Top@2.0.0"], [*base, top])] == ["2.0.0", "1.10.0"]


@pytest.mark.parametrize("name", ["Nobody", "Top@3.0.0"])
def test_a_profile_that_is_not_there_is_refused_with_what_is(name: str) -> None:
    with pytest.raises(PodsError, match="no profile") as refused:
        chosen([name], [Profile("Top", "2.0.0", {}, {})])
    assert "Top@2.0.0" in refused.value.hint


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"ProfileName": 7, "Resources": {}}'])
def test_a_file_that_is_no_profile_is_refused_by_name(text: str) -> None:
    with pytest.raises(PodsError, match=r"p\.json") as refused:
        read_profile(text, name="p.json")
    assert refused.value.hint


def shelf() -> list[Profile]:
    folder = SHARED / "ocp-profiles"
    if not folder.is_dir():
        pytest.skip("OCP's profiles are not beside the project")
    read: list[Profile] = []
    broken: list[str] = []
    for path in sorted(folder.glob("*.json")):
        try:
            read.append(read_profile(path.read_text(), name=path.name))
        except PodsError:
            broken.append(path.name)
    # Published with a comma too many; the versions before and after it are sound.
    assert broken == ["OCPRackManagerController.v1_0_3.json"]
    return read


def mockup(name: str) -> dict[str, Any]:
    folder = SHARED / "redfish-mockups" / name
    if not folder.is_dir():
        pytest.skip(f"{name} of the public Redfish mockups is not beside the project")
    tree: dict[str, Any] = {}
    for index in folder.rglob("index.json"):
        path = f"/redfish/v1/{index.parent.relative_to(folder)}".removesuffix("/.")
        tree[path] = json.loads(index.read_text())
    return tree


def test_a_spec_that_names_ocps_server_profile_is_checked_with_its_baseline(lab: PodSpec) -> None:
    spec = lab.model_copy(update={"profiles": ("OCPServerHardwareManagement@1.1.0",)})
    tree = mockup("public-rackmount1")
    verdict = conforms(spec, shelf(), tree)
    assert {one.path.partition(":")[0] for one in verdict.findings} == {
        "OCPServerHardwareManagement",
        "OCPBaselineHardwareManagement",
    }
    system = "/redfish/v1/Systems/437XR1138R2"
    lost = f"OCPServerHardwareManagement: {system} SerialNumber"
    assert lost not in {one.path for one in verdict.findings}
    poorer = copy.deepcopy(tree)
    del poorer[system]["SerialNumber"]
    new = set(conforms(spec, shelf(), poorer).findings) - set(verdict.findings)
    assert lost in {one.path for one in new}


def test_a_spec_without_profiles_asks_for_nothing(lab: PodSpec) -> None:
    assert conforms(lab, [], TREE).satisfied


@pytest.mark.parametrize(
    ("name", "tree", "kind"),
    [
        ("OCPPowerShelfManagement", "public-power-shelf", "ThermalSubsystem"),
        ("OCPCoolantDistributionUnit", "public-cooling-unit", ""),
        ("OCP_UBB_BaselineManagement", "public-telemetry", "PCIeFunction"),
    ],
)
def test_every_published_profile_can_be_held_against_a_tree(
    name: str, tree: str, kind: str
) -> None:
    profiles = shelf()
    verdict = check(chosen([name], profiles), mockup(tree))
    assert verdict.findings
    assert verdict.unchecked
    assert not kind or any(one.path.endswith(f": {kind}") for one in verdict.findings)
    for one in profiles:
        check(chosen([f"{one.name}@{one.version}"], profiles), mockup(tree))
