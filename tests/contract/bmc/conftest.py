"""The beds, started once a session; a driver per test; and the record of what ran on which bed.

A test module says with `CAPABILITY` what it tries (None: what every bed must do). The record goes
to `.state/results/bmc-capabilities.json`, and with `PODYARD_RECORD_BEDS=1` to the page's own file.
"""

from __future__ import annotations

import json
import os
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Generator, Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from provisioning.drivers.capabilities import Capability
from provisioning.drivers.protocol import Bmc
from tests.contract.bmc.bed import ROOT, Bed
from tests.contract.bmc.declared import BEDS
from tests.contract.bmc.ipmi_beds import ipmi_sim_bed, pyghmi_bed
from tests.contract.bmc.redfish_beds import image_server, mockup_bed, simulator_bed, sushy_bed
from tests.integration.drivers.scripted_bmc import Certificate

RECORD = ROOT / "docs" / "reference" / "bmc-capabilities.json"
CORE = "identity and door"

_ran: dict[str, dict[str, Counter[str]]] = defaultdict(lambda: defaultdict(Counter))


@pytest.fixture(scope="session")
def bed_certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return Certificate.make(tmp_path_factory.mktemp("bed-cert"))


@pytest.fixture(scope="session", params=list(BEDS))
def any_bed(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    bed_certificate: Certificate,
) -> Iterator[Bed]:
    """One bed after the other, whatever it has."""
    folder = tmp_path_factory.mktemp("bed")
    opened = {
        "simulator": lambda: simulator_bed(folder),
        "sushy-emulator": lambda: sushy_bed(folder, bed_certificate),
        "dmtf-mockup": lambda: mockup_bed(bed_certificate),
        "ipmi_sim": lambda: ipmi_sim_bed(folder),
        "pyghmi-bmc": lambda: pyghmi_bed(folder),
    }
    with opened[request.param]() as found:
        yield found


@pytest.fixture
def bed(request: pytest.FixtureRequest, any_bed: Bed) -> Bed:
    """One that has what the module tries."""
    wanted: Capability | None = request.module.CAPABILITY
    if wanted is not None and (why := any_bed.declaration.why_not(wanted)):
        pytest.skip(f"{any_bed.name}: {why}")
    return any_bed


@pytest.fixture(scope="session")
def images(tmp_path_factory: pytest.TempPathFactory, bed_certificate: Certificate) -> Iterator[str]:
    with image_server(tmp_path_factory.mktemp("images"), bed_certificate) as url:
        yield url


@pytest.fixture
async def bmc(bed: Bed) -> AsyncIterator[Bmc]:
    driver = bed.open()
    yield driver
    await driver.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Count how each test ended, under its bed and capability."""
    report = yield
    module: Any = getattr(item, "module", None)
    spec = getattr(item, "callspec", None)
    name = spec.params.get("any_bed") if spec is not None else None
    if name is not None and hasattr(module, "CAPABILITY"):
        tried = str(module.CAPABILITY or CORE)
        if call.when == "call" or report.outcome != "passed":
            _ran[str(name)][tried][report.outcome] += 1
    return report


def pytest_sessionfinish() -> None:
    """Write down what ran."""
    if not _ran:
        return
    versions = {name: version(name) for name in ("sushy-tools", "pyghmi", "redfish")}
    found = {
        "versions": versions,
        "beds": {name: recorded(name, _ran[name]) for name in BEDS if name in _ran},
    }
    places = [ROOT / ".state" / "results" / RECORD.name]
    if os.environ.get("PODYARD_RECORD_BEDS"):
        places.append(RECORD)
    for place in places:
        _write(place, found)


def recorded(name: str, ran: Mapping[str, Counter[str]]) -> dict[str, Any]:
    """One bed, as it is declared and as it went."""
    bed = BEDS[name]
    return {
        "what": bed.what,
        "by": bed.by,
        "whose": bed.whose,
        "ran": {what: dict(counts) for what, counts in sorted(ran.items())},
        "without": {str(one): why for one, why in bed.without.items()},
    }


def _write(place: Path, found: dict[str, Any]) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(json.dumps(found, indent=1) + "\n")
