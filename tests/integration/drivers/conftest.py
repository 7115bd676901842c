"""A scripted BMC per test, and drivers that are always closed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from provisioning.drivers.credentials import Credentials
from provisioning.drivers.redfish.driver import RedfishBmc
from tests.integration.drivers.scripted_bmc import PASSWORD, USER, Certificate, ScriptedBmc

Connect = Callable[..., RedfishBmc]


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return Certificate.make(tmp_path_factory.mktemp("bmc-cert"))


@pytest.fixture(scope="session")
def other_certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return Certificate.make(tmp_path_factory.mktemp("other-cert"))


@pytest.fixture
async def bmc(certificate: Certificate) -> AsyncIterator[ScriptedBmc]:
    service = ScriptedBmc(certificate)
    await service.start()
    yield service
    await service.stop()


@pytest.fixture
async def connect(bmc: ScriptedBmc) -> AsyncIterator[Connect]:
    """Make drivers for `bmc`, or for the address given; close them at the end."""
    made: list[RedfishBmc] = []

    def connect(
        address: str | None = None, *, password: str = PASSWORD, **options: Any
    ) -> RedfishBmc:
        trust: dict[str, str | Path | None] = {
            "fingerprint": bmc.certificate.fingerprint,
            "ca_file": None,
        }
        credentials = Credentials(username=USER, password=SecretStr(password))
        options = {"deadline_s": 3.0, **trust, **options}
        made.append(RedfishBmc.connect(address or bmc.address, credentials, **options))
        return made[-1]

    yield connect
    for driver in made:
        await driver.close()
