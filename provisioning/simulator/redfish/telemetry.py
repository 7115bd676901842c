"""What a baseboard gathers by itself: the accelerators' sensors, and one report of all sensors.

As on the BMCs of baseboards: each accelerator's sensors stand in the accelerator's own chassis, so
that who reads the host's chassis alone never sees them, and the report tells all in one reply.
"""

from __future__ import annotations

from functools import partial

from provisioning.simulator.bmc import SimulatedBmc
from provisioning.simulator.redfish.resource import (
    ENABLED,
    ROOT,
    Body,
    Builders,
    collection,
    link,
    resource,
)
from provisioning.simulator.redfish.sessions import timestamp

SERVICE = f"{ROOT}/TelemetryService"
REPORTS = f"{SERVICE}/MetricReports"
REPORT = f"{REPORTS}/PlatformEnvironmentMetrics_0"
SHARE_OF_DRAW = 0.75
"""What the accelerators of a host draw of all that it draws."""
COOLEST_CELSIUS = 28.0
CELSIUS_A_WATT = 0.05


def gathers(bmc: SimulatedBmc) -> bool:
    """Whether this model's accelerators stand in chassis of their own."""
    return bool(bmc.model.accelerator_box) and bool(bmc.parts.accelerators)


def sensors_of(bmc: SimulatedBmc, number: int) -> str:
    """The sensors of one accelerator."""
    return f"{ROOT}/Chassis/{bmc.model.accelerator_box.format(number)}/Sensors"


def fixed(bmc: SimulatedBmc) -> Builders:
    """Sensors, the service and its report."""
    if not gathers(bmc):
        return {}
    found: Builders = {
        SERVICE: partial(_service),
        REPORTS: partial(
            collection,
            REPORTS,
            "MetricReportCollection",
            name="Metric Reports",
            members=[REPORT.rpartition("/")[2]],
        ),
        REPORT: partial(_report, bmc),
    }
    for number in _numbers(bmc):
        path = sensors_of(bmc, number)
        names = [f"GPU_{number}_TEMP_0", f"GPU_{number}_Power_0"]
        found[path] = partial(collection, path, "SensorCollection", name="Sensors", members=names)
        found[f"{path}/{names[0]}"] = partial(
            _sensor, f"{path}/{names[0]}", "Temperature", "Cel", partial(_celsius, bmc)
        )
        found[f"{path}/{names[1]}"] = partial(
            _sensor, f"{path}/{names[1]}", "Power", "W", partial(_watts, bmc)
        )
    return found


def _numbers(bmc: SimulatedBmc) -> range:
    first = bmc.model.first_accelerator
    return range(first, first + len(bmc.parts.accelerator_slots))


def _watts(bmc: SimulatedBmc) -> float:
    return round(bmc.host.watts * SHARE_OF_DRAW / max(1, len(bmc.parts.accelerators)), 1)


def _celsius(bmc: SimulatedBmc) -> float:
    return round(COOLEST_CELSIUS + CELSIUS_A_WATT * _watts(bmc), 1)


def _sensor(path: str, kind: str, unit: str, reading: partial[float]) -> Body:
    return resource(
        path,
        "Sensor.v1_10_0.Sensor",
        name=path.rpartition("/")[2].replace("_", " "),
        ReadingType=kind,
        Reading=reading(),
        ReadingUnits=unit,
        Status=ENABLED,
    )


def _service() -> Body:
    return resource(
        SERVICE,
        "TelemetryService.v1_3_4.TelemetryService",
        name="Telemetry Service",
        ServiceEnabled=True,
        Status=ENABLED,
        MetricReports=link(REPORTS),
    )


def _report(bmc: SimulatedBmc) -> Body:
    told = {f"{bmc.paths.box}/Sensors/TotalPower": bmc.host.watts}
    for number in _numbers(bmc):
        path = sensors_of(bmc, number)
        told[f"{path}/GPU_{number}_TEMP_0"] = _celsius(bmc)
        told[f"{path}/GPU_{number}_Power_0"] = _watts(bmc)
    now = timestamp(bmc.clock)
    return resource(
        REPORT,
        "MetricReport.v1_5_2.MetricReport",
        name="Platform Environment Metrics",
        Timestamp=now,
        MetricValues=[
            {
                "MetricId": place.rpartition("/")[2],
                "MetricProperty": place,
                "MetricValue": f"{value:g}",
                "Timestamp": now,
            }
            for place, value in told.items()
        ],
    )
