"""One connection per host, and never one that was opened with another account."""

from __future__ import annotations

from typing import Any, cast

from pydantic import SecretStr

from inventory.model import Host
from provisioning.bmcs import BmcPool
from provisioning.drivers.protocol import Bmc
from tests.make import make_host


class Connection:
    """A BMC that only counts."""

    def __init__(self) -> None:
        self.closed = 0

    async def close(self) -> None:
        self.closed += 1


async def test_a_corrected_account_is_logged_in_anew() -> None:
    opened: list[Any] = []

    async def open_bmc(_host: Host, _password: SecretStr) -> Bmc:
        opened.append(Connection())
        return cast("Bmc", opened[-1])

    async def password(_host: Host) -> SecretStr:
        return SecretStr("p")

    pool = BmcPool(open_bmc, password)
    host = make_host()
    first = await pool.of(host)
    assert await pool.of(host.model_copy(update={"waiting": "x"})) is first
    for corrected in ({"bmc": host.bmc.model_copy(update={"revision": 1})}, {"serial": "S2"}):
        assert await pool.of(host.model_copy(update=corrected)) is opened[-1]
    assert [one.closed for one in opened] == [1, 1, 0]
    await pool.close()
    assert opened[-1].closed == 1
