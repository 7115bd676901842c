"""One site for all tests of tenants."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

import pytest

from tests.integration.tenants.five_hosts import FiveHosts, five_hosts


@pytest.fixture(scope="session")
def brought_up() -> Iterator[FiveHosts]:
    if os.geteuid() != 0:
        pytest.skip("needs root: looks from inside other hosts")
    if shutil.which("nsenter") is None:
        pytest.skip("needs nsenter")
    with five_hosts() as made:
        if not made.hall["isolated"]:
            pytest.skip("this machine refuses namespaces")
        yield made


@pytest.fixture
def site(brought_up: FiveHosts) -> FiveHosts:
    """Whole, whatever the test before has broken."""
    brought_up.whole()
    return brought_up
