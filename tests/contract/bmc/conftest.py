"""The beds, started once a session, and a driver per test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from provisioning.drivers.protocol import Bmc
from tests.contract.bmc.beds import Bed, image_server, simulator_bed, sushy_bed
from tests.integration.drivers.scripted_bmc import Certificate


@pytest.fixture(scope="session")
def bed_certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return Certificate.make(tmp_path_factory.mktemp("bed-cert"))


@pytest.fixture(scope="session", params=["sushy-emulator", "simulator"])
def bed(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    bed_certificate: Certificate,
) -> Iterator[Bed]:
    folder = tmp_path_factory.mktemp("bed")
    if request.param == "simulator":
        with simulator_bed(folder) as found:
            yield found
    else:
        with sushy_bed(folder, bed_certificate) as found:
            yield found


@pytest.fixture(scope="session")
def images(tmp_path_factory: pytest.TempPathFactory, bed_certificate: Certificate) -> Iterator[str]:
    with image_server(tmp_path_factory.mktemp("images"), bed_certificate) as url:
        yield url


@pytest.fixture
async def bmc(bed: Bed) -> AsyncIterator[Bmc]:
    driver = bed.open()
    yield driver
    await driver.close()
