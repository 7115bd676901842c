"""Each cure of the IPMI door, shown against a BMC that needs it."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from pydantic import SecretStr

from inventory.states import PowerState
from provisioning.drivers.credentials import Credentials
from provisioning.drivers.ipmi.driver import IpmiBmc
from provisioning.errors import Ambiguous, BmcUnreachable, CredentialsRefused, Unsupported
from tests.contract.bmc.bed import free_port, process, wait_for
from tests.integration.drivers.udp_relay import UdpRelay

pytestmark = pytest.mark.integration

UUID = "674523a1-ab89-efcd-a123-456789abcdef"
PASSWORD = "ipmi-password"
Started = Callable[..., int]
Connect = Callable[..., IpmiBmc]


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Started]:
    """Start a BMC of some kind; its port."""
    with ExitStack() as stack:

        def start(kind: str = "") -> int:
            port = free_port(socket.SOCK_DGRAM)
            command = [
                *(sys.executable, "-m", "tests.contract.bmc.pyghmi_bmc"),
                *(str(port), UUID, str(tmp_path / "journal.jsonl"), kind),
            ]
            log = tmp_path / "bmc.log"
            running = stack.enter_context(process(command, log))
            wait_for(lambda: "listening" in log.read_text(), running, log)
            return port

        yield start


@pytest.fixture
async def connect() -> AsyncIterator[Connect]:
    made: list[IpmiBmc] = []

    def connect(port: int, *, deadline_s: float = 20.0, password: str = PASSWORD) -> IpmiBmc:
        account = Credentials(username="admin", password=SecretStr(password))
        made.append(IpmiBmc.connect(f"ipmi://127.0.0.1:{port}", account, deadline_s=deadline_s))
        return made[-1]

    yield connect
    for driver in made:
        await driver.close()


@pytest.fixture
async def relay(started: Started) -> AsyncIterator[UdpRelay]:
    """A wire to an honest BMC."""
    wire = UdpRelay(far=started())
    await wire.start()
    yield wire
    await wire.stop()


def done(tmp_path: Path, what: str) -> int:
    journal = tmp_path / "journal.jsonl"
    return journal.read_text().count(what) if journal.exists() else 0


def told_to_children() -> bytes:
    """Arguments and environment of every process that this one started."""
    said = b""
    for found in Path("/proc").iterdir():
        try:
            parent = (found / "stat").read_text().rpartition(")")[2].split()[1]
            if parent == str(os.getpid()):
                said += (found / "cmdline").read_bytes() + (found / "environ").read_bytes()
        except (OSError, IndexError):
            continue
    return said


async def test_change_whose_answer_is_lost_is_sent_once_and_is_ambiguous(
    relay: UdpRelay, connect: Connect, tmp_path: Path
) -> None:
    driver = connect(relay.port, deadline_s=4.0)
    await driver.power_on()
    assert await driver.power() is PowerState.ON
    # The look before the change is answered; the change is not.
    relay.answers_left = 1
    before = len(relay.requests)
    with pytest.raises(Ambiguous):
        await driver.power_off()
    assert len(relay.requests) - before == 2
    assert done(tmp_path, "power.off") == 1


async def test_driver_goes_on_after_a_lost_answer(relay: UdpRelay, connect: Connect) -> None:
    driver = connect(relay.port, deadline_s=4.0)
    await driver.power_on()
    relay.answers_left = 1
    with pytest.raises(Ambiguous):
        await driver.power_off()
    relay.answers_left = None
    assert await driver.power() is PowerState.OFF


async def test_read_that_is_never_answered_ends_at_the_deadline(
    relay: UdpRelay, connect: Connect
) -> None:
    driver = connect(relay.port, deadline_s=2.0)
    await driver.power()
    relay.answers_left = 0
    began = time.monotonic()
    with pytest.raises(BmcUnreachable):
        await driver.power()
    assert time.monotonic() - began < 30


async def test_nobody_there_is_unreachable_with_a_hint(connect: Connect) -> None:
    with pytest.raises(BmcUnreachable) as caught:
        await connect(free_port(socket.SOCK_DGRAM), deadline_s=1.0).power()
    assert "IPMI over LAN" in caught.value.hint


async def test_suite_17_that_a_bmc_answers_with_3_is_3(started: Started, connect: Connect) -> None:
    driver = connect(started())
    await driver.power()
    assert driver.suite == 3


async def test_bmc_that_agrees_to_no_cipher_is_left(started: Started, connect: Connect) -> None:
    with pytest.raises(Unsupported, match="neither cipher suite 17 nor 3") as caught:
        await connect(started("weak")).power()
    assert "0 to 2 are never used" in caught.value.hint


async def test_bmc_of_ipmi_1_5_gets_no_log_in(connect: Connect, started: Started) -> None:
    wire = UdpRelay(far=started("older"))
    await wire.start()
    try:
        with pytest.raises(Unsupported, match=r"IPMI 2\.0"):
            await connect(wire.port).power()
    finally:
        await wire.stop()
    # Get Channel Authentication Capabilities, and no session challenge with the user's name.
    assert wire.requests
    assert not any(b"admin" in sent for sent in wire.requests)


async def test_open_suite_0_is_told_and_closed(started: Started, connect: Connect) -> None:
    driver = connect(started("open"))
    before = await driver.ciphers()
    assert (before.enabled, before.weak) == ((0, 3, 17), (0,))
    await driver.close_weak_ciphers()
    after = await driver.ciphers()
    assert (after.enabled, after.weak) == ((3, 17), ())


async def test_suites_are_told_before_a_log_in_where_there_is_no_configuration(
    started: Started, connect: Connect
) -> None:
    with pytest.raises(Unsupported):
        await connect(started()).close_weak_ciphers()


async def test_password_passes_on_no_wire_and_in_no_argument(
    relay: UdpRelay, connect: Connect
) -> None:
    driver = connect(relay.port)
    await driver.power()
    assert not any(PASSWORD.encode() in sent for sent in relay.requests)
    told = await asyncio.to_thread(told_to_children)
    assert b"provisioning.drivers.ipmi.worker" in told
    assert PASSWORD.encode() not in told


async def test_wrong_password_is_refused_with_a_hint(started: Started, connect: Connect) -> None:
    with pytest.raises(CredentialsRefused) as caught:
        await connect(started(), password="not-the-password").power()
    assert "podyard host bmc" in caught.value.hint
    assert "not-the-password" not in repr(caught.value)


async def test_closed_driver_leaves_no_process_behind(started: Started, connect: Connect) -> None:
    driver = connect(started())
    await driver.power()
    worker = driver._session._worker
    assert worker is not None
    await driver.close()
    await driver.close()
    assert worker.returncode is not None


async def test_cancelled_call_does_not_answer_the_next_one(
    relay: UdpRelay, connect: Connect
) -> None:
    driver = connect(relay.port)
    await driver.power()
    relay.answers_left = 0
    call = asyncio.create_task(driver.identity())
    await asyncio.sleep(0.3)
    call.cancel()
    await asyncio.gather(call, return_exceptions=True)
    relay.answers_left = None
    assert await driver.power() is PowerState.OFF
