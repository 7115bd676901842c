"""What parts count of their errors and their wear, read now and then beside the rounds.

Hundreds of resources hold these counters, so they are read where a service expands: one reply for
each accelerator with its links, one for the memory, one for the drives. A series stands for a part
that somebody can replace: the links of an accelerator are added up, and so are all memory modules,
each with a series of its own once it has counted anything. What a part does not tell has no series,
which is not the same as nothing counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from inventory.readings.series import series_name
from provisioning.drivers.capabilities import Capability, lacking
from provisioning.drivers.redfish.answers import Json, mapping, number, reference, text
from provisioning.drivers.redfish.crawl import accelerator_details, drives_of, members_of
from provisioning.drivers.redfish.parts import is_absent, oem, path, slot, whole
from provisioning.drivers.redfish.resources import Resources
from provisioning.drivers.rounds import Wear, trimmed

MODULES_MAX = 8
"""Memory modules that counted anything and get a series of their own: the others are in the sum."""
MODULES = "modules"
_LOST = ("UncorrectableIOReadErrorCount", "UncorrectableIOWriteErrorCount")


async def read_wear(resources: Resources) -> Wear:
    """Everything that counts."""
    before = resources.session.exchanges
    system = (await resources.system()).body
    holders = (system, *await resources.baseboards())
    processors = await members_of(resources, holders, "Processors")
    told = [*processors, *await accelerator_details(resources, processors)]
    for holder in holders:
        if (memory := reference(holder, "Memory")) is not None:
            told += await resources.deep(memory, levels=2)
    drives = [one for one in await drives_of(resources, system) if not is_absent(one)]
    for drive in drives:
        if (metrics := reference(drive, "Metrics")) is not None:
            told.append(await resources.optional_body(metrics))
    values = counted([*told, *drives])
    if not values:
        raise lacking(Capability.SENSORS, where=resources.session.label)
    return Wear(values=trimmed(values), requests=resources.session.exchanges - before)


def counted(told: Iterable[Json]) -> dict[str, float]:
    """Resources and their metrics as series, by the part that they are of."""
    resources = {path(one): one for one in told if path(one)}
    found: dict[str, float] = {}
    modules: dict[str, dict[str, float]] = {}
    for place, one in resources.items():
        kind = text(one.get("@odata.type")).removeprefix("#").partition(".")[0]
        counters = _COUNTERS.get(kind)
        if counters is None:
            continue
        part = _part(place, one, resources)
        for word, value in counters(one).items():
            if kind == "MemoryMetrics" and "_DRAM_" not in place and part:
                modules.setdefault(word, {})[part] = value
            else:
                name = series_name(word, part)
                found[name] = found.get(name, 0.0) + value
    for word, by_module in modules.items():
        found[series_name(word, MODULES)] = sum(by_module.values())
        erring = [(part, value) for part, value in sorted(by_module.items()) if value]
        found |= {series_name(word, part): value for part, value in erring[:MODULES_MAX]}
    return found


def _part(place: str, one: Json, resources: Mapping[str, Json]) -> str:
    """The label of the part that these counters are of."""
    holder = place if "Metrics" not in text(one.get("@odata.type")) else place.rpartition("/")[0]
    holder = holder.partition("/Ports/")[0]
    known = resources.get(holder)
    return slot(known) if known else holder.rpartition("/")[2]


def _processor(one: Json) -> dict[str, float]:
    return _pcie(one) | _ecc(mapping(mapping(one.get("CacheMetricsTotal")).get("LifeTime")))


def _memory(one: Json) -> dict[str, float]:
    remapped = [mapping(added.get("RowRemapping")) for added in oem(one)]
    counts = ("CorrectableRowRemappingCount", "UncorrectableRowRemappingCount")
    return {
        **_ecc(mapping(one.get("LifeTime"))),
        **_sum("remapped", *(rows.get(name) for rows in remapped for name in counts)),
    }


def _port(one: Json) -> dict[str, float]:
    """Errors of a link, in the standard's words and in those of NVIDIA's switches and GPUs."""
    added = oem(one)
    names = ("SymbolErrors", "LinkErrorRecoveryCount")
    return {
        **_pcie(one),
        **_sum(
            "link-errors",
            one.get("RXErrors"),
            one.get("TXErrors"),
            *(extra.get(name) for extra in added for name in names),
        ),
        **_sum("link-downs", *(extra.get("LinkDownedCount") for extra in added)),
    }


def _drive(one: Json) -> dict[str, float]:
    left = number(one.get("PredictedMediaLifeLeftPercent"))
    return {} if left is None or not 0 <= left <= 100 else {"life": left}  # noqa: PLR2004 - per cent


def _drive_metrics(one: Json) -> dict[str, float]:
    return _sum("drive-errors", *(one.get(name) for name in _LOST))


def _pcie(one: Json) -> dict[str, float]:
    errors = mapping(one.get("PCIeErrors"))
    return {
        **_sum("pcie", errors.get("CorrectableErrorCount")),
        **_sum("pcie-lost", errors.get("NonFatalErrorCount"), errors.get("FatalErrorCount")),
    }


def _ecc(life: Json) -> dict[str, float]:
    return {
        **_sum("ecc", life.get("CorrectableECCErrorCount")),
        **_sum("ecc-lost", life.get("UncorrectableECCErrorCount")),
    }


def _sum(word: str, *said: object) -> dict[str, float]:
    told = [one for one in said if number(one) is not None]
    return {word: float(sum(map(whole, told)))} if told else {}


_COUNTERS = {
    "ProcessorMetrics": _processor,
    "MemoryMetrics": _memory,
    "PortMetrics": _port,
    "Drive": _drive,
    "DriveMetrics": _drive_metrics,
}
