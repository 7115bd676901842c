"""The agent as a process, against a controller's agent door: no Ray, plain processes."""

from __future__ import annotations

import asyncio
import signal
import stat
from typing import Any

import pytest

from inventory.agents import AcceptanceOrder, BootDocument
from inventory.authority import Authority

pytestmark = pytest.mark.integration


async def until_exit(host: Any) -> int:
    code: int = await asyncio.to_thread(host.process.wait, 20)
    return code


async def until_log(host: Any, words: str) -> str:
    async with asyncio.timeout(20):
        while words not in (text := await asyncio.to_thread(_log, host)):  # noqa: ASYNC110 - file
            await asyncio.sleep(0.05)
    return text


def _log(host: Any) -> str:
    path = host.root / "agent.log"
    return str(path.read_text()) if path.exists() else ""


async def test_agent_enrols_once_and_reports_what_it_sees(controller: Any, host: Any) -> None:
    host.boot(isolated=False)
    seen = await controller.until(lambda seen: seen.generation == 1)
    assert controller.enrolments == 1
    assert (seen.simulated, seen.isolated, seen.physical_host) == (True, False, "here")
    assert (seen.facts.serial, seen.facts.source) == ("S1", "agent")
    assert stat.S_IMODE((host.run / "agent/key.pem").stat().st_mode) == 0o600


async def test_sigterm_ends_the_agent_with_exit_code_0(controller: Any, host: Any) -> None:
    host.boot(isolated=False)
    await controller.until(lambda seen: seen.generation == 1)
    host.process.send_signal(signal.SIGTERM)
    assert await until_exit(host) == 0


async def test_restart_in_the_same_boot_keeps_the_certificate(controller: Any, host: Any) -> None:
    host.boot(isolated=False)
    await controller.until(lambda seen: seen.generation == 1)
    host.power_off()
    controller.observed.clear()
    host.boot(isolated=False)
    await controller.until(lambda seen: seen.generation == 1)
    assert controller.enrolments == 1


async def test_another_boot_document_means_another_key(controller: Any, host: Any) -> None:
    host.boot(isolated=False)
    await controller.until(lambda seen: seen.generation == 1)
    host.power_off()
    first = (host.run / "agent/key.pem").read_bytes()
    controller.token = "second"
    boot = BootDocument.model_validate_json((host.run / "boot.json").read_bytes())
    boot = boot.model_copy(update={"token": "second"})
    await asyncio.to_thread((host.run / "boot.json").write_text, boot.model_dump_json())
    controller.observed.clear()
    host.boot(isolated=False)
    await controller.until(lambda seen: seen.generation == 1)
    assert controller.enrolments == 2
    assert (host.run / "agent/key.pem").read_bytes() != first


async def test_agent_outlives_an_absent_controller(
    controller: Any, host: Any, short_dir: Any
) -> None:
    host.boot(isolated=False)
    await controller.until(lambda seen: seen.generation == 1)
    await controller.close()
    await until_log(host, "no exchange")
    assert host.process.poll() is None
    controller.observed.clear()
    await controller.listen(host.run / "uplink.sock", short_dir / "keys")
    await controller.until(lambda seen: seen.generation == 1)


async def test_controller_of_another_authority_is_told_nothing(
    controller: Any, host: Any, short_dir: Any
) -> None:
    other = Authority.open(_made(short_dir / "other"), now=_now())
    boot = BootDocument.model_validate_json((host.run / "boot.json").read_bytes())
    boot = boot.model_copy(update={"ca_pem": other.pem})
    await asyncio.to_thread((host.run / "boot.json").write_text, boot.model_dump_json())
    host.boot(isolated=False)
    text = await until_log(host, "no exchange")
    assert "CERTIFICATE_VERIFY_FAILED" in text
    assert (controller.enrolments, controller.observed) == (0, [])


async def test_a_refused_token_is_told_without_showing_it(controller: Any, host: Any) -> None:
    controller.token = "used"
    host.boot(isolated=False)
    text = await until_log(host, "no exchange")
    assert "403 unknown boot token" in text
    assert "boot-token" not in text


async def test_a_boot_document_that_is_none_is_named_without_its_token(host: Any) -> None:
    await asyncio.to_thread((host.run / "boot.json").write_text, '{"token": "very-secret"}')
    host.boot(isolated=False)
    assert await until_exit(host) == 64
    text = _log(host)
    assert "is no boot document (host, serial, controller, ca_pem)" in text
    assert "very-secret" not in text


async def test_an_order_to_measure_runs_once_and_is_reported(controller: Any, host: Any) -> None:
    host.boot(isolated=False)
    await controller.until(lambda seen: seen.generation == 1)
    order = AcceptanceOrder(
        order_id="a1", tests=("matrix_multiply", "disk_write", "no_such"), rounds=3
    )
    controller.want(acceptance=order)
    seen = await controller.until(
        lambda seen: seen.acceptance is not None and seen.acceptance.finished
    )
    report = seen.acceptance
    assert (report.order_id, seen.generation) == ("a1", 2)
    assert [one.test for one in report.measurements] == ["matrix_multiply", "disk_write"]
    assert "this agent knows" in report.failed["no_such"]
    progress = [one.acceptance.progress for one in controller.observed if one.acceptance]
    assert progress[0] == "starting"
    controller.want()
    again = await controller.until(lambda seen: seen.generation == 3)
    assert again.acceptance == report
    controller.want(acceptance=None)
    await controller.until(lambda seen: seen.acceptance is None)


def _made(path: Any) -> Any:
    path.mkdir(mode=0o700)
    return path


def _now() -> Any:
    from datetime import UTC, datetime  # noqa: PLC0415

    return datetime.now(UTC)
