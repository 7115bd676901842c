"""One round over Redfish: the fewest requests, and series named by what BMCs say."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from provisioning.drivers.redfish.rounds import Rounds
from provisioning.drivers.rounds import trimmed
from provisioning.errors import Unsupported

BOX = "/redfish/v1/Chassis/1"


def sensor(name: str, kind: str, reading: float | None, unit: str = "") -> dict[str, Any]:
    return {
        "@odata.id": f"{BOX}/Sensors/{name.replace(' ', '')}",
        "Name": name,
        "ReadingType": kind,
        "Reading": reading,
        "ReadingUnits": unit,
        "Status": {"State": "Enabled", "Health": "OK"},
    }


SENSORS = [
    sensor("Total Power", "Power", 6512.5, "W"),
    sensor("PSU 1 Power", "Power", 3200.0, "W"),
    sensor("GPU 0 Temp", "Temperature", 61.0, "Cel"),
    sensor("Absent Temp", "Temperature", None, "Cel"),
    sensor("Fan 1", "Rotational", 8100.0, "RPM"),
    sensor("Total Energy", "EnergykWh", 812.25, "kWh"),
]
LEAK = {
    "@odata.id": f"{BOX}/ThermalSubsystem/LeakDetection/LeakDetectors/L1",
    "@odata.type": "#LeakDetector.v1_6_0.LeakDetector",
    "Id": "L1",
    "DetectorState": "Critical",
}
THERMAL = {
    "Temperatures": [{"Name": "Intake", "ReadingCelsius": 24.0, "Status": {"State": "Enabled"}}],
    "Fans": [{"Name": "FAN1", "Reading": 40, "ReadingUnits": "Percent"}],
}
POWER = {
    "PowerControl": [{"Name": "System", "PowerConsumedWatts": 900.0}],
    "PowerSupplies": [
        {"Name": "PSU1", "LineInputVoltage": 0},
        {"Name": "PSU2", "LineInputVoltage": 230},
    ],
}


class Tree:
    """What a BMC has, and what it was asked for."""

    def __init__(self, chassis: tuple[str, ...], **found: Any) -> None:
        self.session = SimpleNamespace(exchanges=0, label="bmc", root=self._root)
        self.found = found
        self._chassis = {name: {"@odata.id": f"{BOX}/{name}"} for name in chassis}

    async def _root(self) -> dict[str, Any]:
        return dict(self.found.get("root", {}))

    def _asked(self) -> None:
        self.session.exchanges += 1

    async def system(self) -> Any:
        self._asked()
        return SimpleNamespace(body={})

    async def chassis(self, _system: Any) -> dict[str, Any]:
        self._asked()
        return self._chassis

    async def members(self, path: str | None) -> list[dict[str, Any]]:
        self._asked()
        last = (path or "").rpartition("/")[2]
        return list(self.found.get(path or "", self.found.get(last, [])))

    async def optional_body(self, path: str | None) -> dict[str, Any]:
        if path is None:
            return {}
        self._asked()
        return dict(self.found.get(path.rpartition("/")[2], {}))

    async def deep(self, _path: str, *, levels: int) -> list[dict[str, Any]]:
        assert levels == 3
        self._asked()
        return list(self.found.get("deep", []))


async def test_sensors_are_one_request_from_the_second_round_on() -> None:
    rounds = Rounds(Tree(("Sensors",), Sensors=SENSORS))  # type: ignore[arg-type]

    first, second = await rounds.read(), await rounds.read()

    assert first.requests > second.requests == 1
    assert second.values == {
        "power": 6512.5,
        "power.psu-1-power": 3200.0,
        "temperature.gpu-0-temp": 61.0,
        "fan.fan-1": 8100.0,
    }
    assert second.counter_kwh == 812.25
    assert second.watts == 6512.5


GPU_BOX = "/redfish/v1/Chassis/HGX_GPU_0/Sensors"
GPU_SENSORS = [
    {
        "@odata.id": f"{GPU_BOX}/TEMP_0",
        "Name": "GPU 0 die",
        "ReadingType": "Temperature",
        "Reading": 40.0,
        "ReadingUnits": "Cel",
    }
]


def report(moment: str, *, whole: bool, gpu: str = "71.5") -> dict[str, Any]:
    own = [one["@odata.id"] for one in SENSORS if one["Reading"] is not None] if whole else []
    values = [{"MetricProperty": place, "MetricValue": "5"} for place in own]
    values += [
        {"MetricProperty": f"{GPU_BOX}/TEMP_0/Reading", "MetricValue": gpu},
        {"MetricProperty": f"{BOX}/Sensors/TotalPower#/Reading", "MetricValue": "6000"},
        {"MetricProperty": f"{BOX}/Sensors/Fan1", "MetricValue": "nan"},
        {"MetricProperty": "/redfish/v1/Systems/1/Memory/1", "MetricValue": "3"},
    ]
    place = "/redfish/v1/TelemetryService/MetricReports/Report"
    return {"@odata.id": place, "Timestamp": moment, "MetricValues": values}


def gathering(*, whole: bool) -> Tree:
    """A BMC whose report tells its accelerators too."""
    return Tree(
        ("Sensors",),
        root={"TelemetryService": {"@odata.id": "/redfish/v1/TelemetryService"}},
        TelemetryService={"MetricReports": {"@odata.id": "/redfish/v1/MetricReports"}},
        MetricReports={"Members": [{"@odata.id": "/redfish/v1/MetricReports/Report"}]},
        Report=report("0", whole=whole),
        Sensors=SENSORS,
        **{GPU_BOX: GPU_SENSORS},
    )


async def test_a_report_of_everything_is_one_request_and_tells_the_accelerators() -> None:
    tree = gathering(whole=True)
    rounds = Rounds(tree)  # type: ignore[arg-type]
    await rounds.read()
    tree.found["Report"] = report("1", whole=True, gpu="72.5")

    found = await rounds.read()

    assert found.requests == 1
    assert found.values["temperature.gpu-0-die"] == 72.5
    assert found.values["power"] == 6000.0
    assert found.counter_kwh == 5.0


async def test_a_report_of_the_baseboard_alone_is_read_beside_the_sensors() -> None:
    tree = gathering(whole=False)
    rounds = Rounds(tree)  # type: ignore[arg-type]
    await rounds.read()
    tree.found["Report"] = report("1", whole=False)

    found = await rounds.read()

    assert found.requests == 2
    assert found.values["temperature.gpu-0-die"] == 71.5
    assert found.values["fan.fan-1"] == 8100.0


async def test_a_report_that_stands_still_is_not_believed_for_long() -> None:
    tree = gathering(whole=True)
    rounds = Rounds(tree)  # type: ignore[arg-type]

    read = [await rounds.read() for _ in range(8)]

    assert read[1].values["power"] == 6000.0
    assert read[-1].values["power"] == 6512.5
    assert "temperature.gpu-0-die" not in read[-1].values
    assert read[-1].requests == 1


async def test_a_report_that_tells_nothing_new_costs_nothing_later() -> None:
    tree = gathering(whole=True)
    tree.found[GPU_BOX] = []
    rounds = Rounds(tree)  # type: ignore[arg-type]
    await rounds.read()

    assert (await rounds.read()).values["power"] == 6512.5


async def test_the_older_schemas_are_two_and_tell_of_supplies_without_input() -> None:
    tree = Tree(("Thermal", "Power"), Thermal=THERMAL, Power=POWER)
    rounds = Rounds(tree)  # type: ignore[arg-type]
    await rounds.read()

    found = await rounds.read()

    assert found.requests == 2
    assert found.values == {
        "power": 900.0,
        "feedless": 1.0,
        "temperature.intake": 24.0,
        "speed.fan1": 40.0,
    }


async def test_leaks_come_in_one_more_where_the_service_expands_deep() -> None:
    subsystem = {"LeakDetection": {"@odata.id": f"{BOX}/ThermalSubsystem/LeakDetection"}}
    tree = Tree(
        ("Sensors", "ThermalSubsystem"),
        Sensors=SENSORS, ThermalSubsystem=subsystem, deep=[LEAK],
    )  # fmt: skip
    rounds = Rounds(tree)  # type: ignore[arg-type]
    await rounds.read()

    found = await rounds.read()

    assert found.requests == 2
    assert found.values["leak.l1"] == 2.0


async def test_a_bmc_without_anything_that_moves_says_so() -> None:
    with pytest.raises(Unsupported, match="sensors"):
        await Rounds(Tree(())).read()  # type: ignore[arg-type]


def test_a_bmc_that_tells_too_much_is_cut_short_the_same_each_time() -> None:
    many = {f"temperature.s{n:03}": 1.0 for n in range(500)} | {"power": 5.0}

    found = trimmed(dict(reversed(many.items())))

    assert found == trimmed(many)
    assert len(found) == 41
    assert found["power"] == 5.0
