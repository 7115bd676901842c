"""Each cure of the Redfish door, shown against a BMC that needs it."""

from __future__ import annotations

import asyncio
import gzip
import logging
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest
from aiohttp import web

from inventory.states import PowerState
from provisioning.drivers.protocol import BootEnabled, BootSource, BootTarget
from provisioning.drivers.redfish.answers import MAX_REPLY_BYTES
from provisioning.drivers.redfish.driver import RedfishBmc
from provisioning.errors import (
    Ambiguous,
    AnswerRefused,
    BmcBusy,
    BmcRefused,
    BmcUnreachable,
    CertificateChanged,
    CredentialsRefused,
    ProvisioningError,
    Unsupported,
)
from tests.integration.drivers.scripted_bmc import (
    PASSWORD,
    SYSTEM,
    TOKEN,
    ByteCounter,
    Certificate,
    RawServer,
    ScriptedBmc,
    problem,
)

pytestmark = pytest.mark.integration

Connect = Callable[..., RedfishBmc]
RESET = f"{SYSTEM}/Actions/ComputerSystem.Reset"
SESSIONS = "/redfish/v1/SessionService/Sessions"


async def hang_up(request: web.Request) -> web.StreamResponse:
    """Act, then lose the reply."""
    assert request.transport is not None
    request.transport.abort()
    return web.Response(status=204)


async def garble(request: web.Request) -> web.StreamResponse:
    """Act, then answer what is no HTTP: aiohttp's error for it holds the request's headers."""
    assert request.transport is not None
    request.transport.write(b"HTTP/1.1 no\r\n\r\n")
    request.transport.close()
    return web.Response(status=204)


async def never_answer(_request: web.Request) -> web.StreamResponse:
    await asyncio.sleep(30)
    return web.Response(status=204)


# -- a change is sent once


async def test_power_on_whose_reply_is_lost_is_sent_once(
    bmc: ScriptedBmc, connect: Connect
) -> None:
    bmc.on("POST", RESET, hang_up)
    with pytest.raises(Ambiguous):
        await connect().power_on()
    assert len(bmc.requests("POST", RESET)) == 1


async def test_power_on_that_is_never_answered_is_sent_once(
    bmc: ScriptedBmc, connect: Connect
) -> None:
    bmc.on("POST", RESET, never_answer)
    with pytest.raises(Ambiguous):
        await connect(deadline_s=1.0).power_on()
    assert len(bmc.requests("POST", RESET)) == 1


async def test_power_on_answered_by_a_server_error_is_sent_once(
    bmc: ScriptedBmc, connect: Connect
) -> None:
    async def fail(_request: web.Request) -> web.StreamResponse:
        return problem(500, "InternalError")

    bmc.on("POST", RESET, fail)
    with pytest.raises(Ambiguous):
        await connect().power_on()
    assert len(bmc.requests("POST", RESET)) == 1


async def test_patch_whose_reply_is_lost_is_sent_once(bmc: ScriptedBmc, connect: Connect) -> None:
    bmc.on("PATCH", SYSTEM, hang_up)
    with pytest.raises(Ambiguous):
        await connect().set_boot_source(BootSource(target=BootTarget.CD, enabled=BootEnabled.ONCE))
    assert len(bmc.requests("PATCH", SYSTEM)) == 1


async def test_logout_on_a_dying_connection_is_sent_once(
    bmc: ScriptedBmc, connect: Connect
) -> None:
    # aiohttp by itself repeats a DELETE whose kept-alive connection dies.
    bmc.on("DELETE", f"{SESSIONS}/1", hang_up)
    driver = connect()
    await driver.power()
    await driver.close()
    assert len(bmc.requests("DELETE")) == 1


async def test_read_whose_reply_is_lost_is_tried_twice(bmc: ScriptedBmc, connect: Connect) -> None:
    driver = connect()
    await driver.power()
    bmc.on("GET", SYSTEM, hang_up)
    before = len(bmc.requests("GET", SYSTEM))
    with pytest.raises(BmcUnreachable):
        await driver.power()
    assert len(bmc.requests("GET", SYSTEM)) - before == 2


async def test_changes_refused_by_a_busy_bmc_are_not_ambiguous(
    bmc: ScriptedBmc, connect: Connect
) -> None:
    async def busy(_request: web.Request) -> web.StreamResponse:
        return problem(503, "ServiceTemporarilyUnavailable")

    bmc.on("POST", RESET, busy)
    with pytest.raises(BmcBusy):
        await connect().power_on()


async def test_nothing_listening_is_unreachable(connect: Connect) -> None:
    with pytest.raises(BmcUnreachable, match="nothing was sent"):
        await connect("redfish+https://127.0.0.1:1").power_on()


# -- who is at the far end


async def test_changed_certificate_receives_no_byte_of_http(
    other_certificate: Certificate, connect: Connect
) -> None:
    impostor = ByteCounter(other_certificate)
    await impostor.start()
    try:
        with pytest.raises(CertificateChanged):
            await connect(f"redfish+https://127.0.0.1:{impostor.port}").power_on()
        async with asyncio.timeout(5):
            await impostor.met.wait()
    finally:
        await impostor.stop()
    assert impostor.received == b""


async def test_the_pinned_certificate_does_receive_http(
    certificate: Certificate, connect: Connect
) -> None:
    # The control: the same listener counts bytes when nothing holds them back.
    mute = ByteCounter(certificate)
    await mute.start()
    try:
        with pytest.raises(BmcUnreachable):
            await connect(f"redfish+https://127.0.0.1:{mute.port}", deadline_s=1.0).power()
    finally:
        await mute.stop()
    assert mute.received.startswith(b"GET /redfish/v1/ HTTP/1.1")
    assert b"Basic" not in mute.received


async def test_certificate_changed_between_two_verbs_is_noticed(
    bmc: ScriptedBmc, other_certificate: Certificate, connect: Connect
) -> None:
    driver = connect()
    await driver.power()
    await bmc.stop()
    impostor = ScriptedBmc(other_certificate, port=bmc.port)
    await impostor.start()
    try:
        with pytest.raises(CertificateChanged):
            await driver.power()
        await driver.close()
    finally:
        await impostor.stop()
    assert impostor.seen == []


async def test_certificate_of_another_ca_receives_no_byte_of_http(
    other_certificate: Certificate, certificate: Certificate, connect: Connect
) -> None:
    impostor = ByteCounter(other_certificate)
    await impostor.start()
    try:
        with pytest.raises(CertificateChanged, match="nothing was sent"):
            await connect(
                f"redfish+https://127.0.0.1:{impostor.port}",
                fingerprint=None,
                ca_file=certificate.cert_file,
            ).power()
    finally:
        await impostor.stop()
    assert impostor.received == b""


async def test_certificate_signed_by_the_ca_is_accepted(
    certificate: Certificate, connect: Connect
) -> None:
    driver = connect(fingerprint=None, ca_file=certificate.cert_file)
    assert await driver.power() is PowerState.OFF


async def test_ca_file_without_a_certificate_is_named(tmp_path: Path, connect: Connect) -> None:
    empty = tmp_path / "ca.pem"
    empty.write_text("nothing")
    with pytest.raises(ProvisioningError, match=r"ca\.pem"):
        await connect(fingerprint=None, ca_file=empty).power()


# -- what may be answered


async def test_redirect_is_not_followed_and_no_token_leaves(
    bmc: ScriptedBmc, certificate: Certificate, connect: Connect
) -> None:
    thief = ScriptedBmc(certificate)
    await thief.start()

    async def redirect(request: web.Request) -> web.StreamResponse:
        raise web.HTTPTemporaryRedirect(f"https://127.0.0.1:{thief.port}{request.path}")

    try:
        driver = connect()
        await driver.power()
        bmc.on("GET", SYSTEM, redirect)
        bmc.on("POST", RESET, redirect)
        with pytest.raises(AnswerRefused, match="redirect"):
            await driver.power()
    finally:
        await thief.stop()
    assert thief.seen == []


async def test_redirected_change_is_ambiguous(bmc: ScriptedBmc, connect: Connect) -> None:
    async def redirect(_request: web.Request) -> web.StreamResponse:
        raise web.HTTPTemporaryRedirect(f"{RESET}2")

    bmc.on("POST", RESET, redirect)
    with pytest.raises(Ambiguous):
        await connect().power_on()
    assert bmc.requests("POST", f"{RESET}2") == []


@pytest.mark.parametrize("announced", [True, False])
async def test_giant_reply_is_cut_off(
    bmc: ScriptedBmc, connect: Connect, *, announced: bool
) -> None:
    written = 0

    async def flood(request: web.Request) -> web.StreamResponse:
        nonlocal written
        response = web.StreamResponse()
        if announced:
            response.content_length = 50 * MAX_REPLY_BYTES
        await response.prepare(request)
        while written < 50 * MAX_REPLY_BYTES:
            await response.write(b" " * 65536)
            written += 65536
        return response

    bmc.on("GET", SYSTEM, flood)
    with pytest.raises(AnswerRefused, match="over"):
        await connect(deadline_s=10.0).power()
    assert written < 4 * MAX_REPLY_BYTES


@pytest.mark.parametrize("depth", [60, 5_000, 100_000])
@pytest.mark.parametrize("path", [SYSTEM, "/redfish/v1"])
async def test_deeply_nested_reply_is_refused(
    bmc: ScriptedBmc, connect: Connect, depth: int, path: str
) -> None:
    async def deep(_request: web.Request) -> web.StreamResponse:
        text = '{"a":' * depth + "1" + "}" * depth
        return web.Response(text=text, content_type="application/json")

    bmc.on("GET", path, deep)
    with pytest.raises(AnswerRefused, match="deep"):
        await connect().power()


@pytest.mark.parametrize("body", ["", "[]", "no", '{"a": NaN}', '"text"', "null"])
async def test_reply_that_is_no_json_object_is_refused(
    bmc: ScriptedBmc, connect: Connect, body: str
) -> None:
    async def odd(_request: web.Request) -> web.StreamResponse:
        return web.Response(text=body, content_type="application/json")

    bmc.on("GET", SYSTEM, odd)
    with pytest.raises(AnswerRefused):
        await connect().power()


async def test_dribbled_reply_ends_at_the_deadline(bmc: ScriptedBmc, connect: Connect) -> None:
    async def dribble(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(200):
            await response.write(b" ")
            await asyncio.sleep(0.05)
        return response

    bmc.on("GET", SYSTEM, dribble)
    began = asyncio.get_running_loop().time()
    with pytest.raises(AnswerRefused, match="deadline"):
        await connect(deadline_s=1.0).power()
    assert asyncio.get_running_loop().time() - began < 8


@pytest.mark.parametrize(
    "foreign",
    [
        "https://127.0.0.1:1/redfish/v1/Systems/1",
        "//127.0.0.1:1/redfish/v1/Systems/1",
        "/admin/shell",
        "/redfish/../admin",
        "/redfish/%2e%2e/admin",
        "http://169.254.169.254/latest",
        "\\\\host\\share",
        7,
        None,
    ],
)
async def test_link_that_leaves_the_bmc_is_refused(
    bmc: ScriptedBmc, connect: Connect, foreign: object
) -> None:
    bmc.resources["/redfish/v1/Systems"] = {"Members": [{"@odata.id": foreign}]}
    with pytest.raises(AnswerRefused):
        await connect().power()
    assert all(path.startswith("/redfish/v1") for _, path, _, _ in bmc.seen)


async def test_sessions_link_to_elsewhere_gets_no_password(
    bmc: ScriptedBmc, certificate: Certificate, connect: Connect
) -> None:
    thief = ScriptedBmc(certificate)
    await thief.start()
    away = f"https://127.0.0.1:{thief.port}{SESSIONS}"
    bmc.resources["/redfish/v1"]["Links"]["Sessions"]["@odata.id"] = away
    try:
        with pytest.raises(AnswerRefused):
            await connect().power()
    finally:
        await thief.stop()
    assert thief.seen == []
    assert bmc.requests("POST") == []


# -- sessions


async def test_close_logs_out_after_success_and_after_an_error(
    bmc: ScriptedBmc, connect: Connect
) -> None:
    driver = connect()
    await driver.power()
    assert len(bmc.sessions) == 1
    bmc.on("GET", SYSTEM, hang_up)
    with pytest.raises(BmcUnreachable):
        await driver.power()
    await driver.close()
    await driver.close()
    assert bmc.sessions == set()


async def test_close_never_raises(bmc: ScriptedBmc, connect: Connect) -> None:
    driver = connect()
    await driver.power()
    await bmc.stop()
    await driver.close()
    await connect().close()


async def test_close_waits_no_longer_than_the_deadline_for_a_logout(
    bmc: ScriptedBmc, connect: Connect
) -> None:
    driver = connect(deadline_s=1.0)
    await driver.power()
    bmc.on("DELETE", f"{SESSIONS}/1", never_answer)
    began = asyncio.get_running_loop().time()
    await driver.close()
    assert asyncio.get_running_loop().time() - began < 4


async def test_one_session_serves_many_verbs(bmc: ScriptedBmc, connect: Connect) -> None:
    driver = connect()
    await asyncio.gather(*(driver.power() for _ in range(10)))
    assert bmc.logins == 1


async def test_expired_session_is_renewed_once(bmc: ScriptedBmc, connect: Connect) -> None:
    driver = connect()
    await driver.power()
    bmc.sessions.clear()
    assert await driver.power() is PowerState.OFF
    assert bmc.logins == 2


async def test_change_on_an_expired_session_is_refused_and_the_next_logs_in(
    bmc: ScriptedBmc, connect: Connect
) -> None:
    async def expired(_request: web.Request) -> web.StreamResponse:
        return problem(401, "NoValidSession")

    driver = connect()
    bmc.on("POST", RESET, expired)
    with pytest.raises(BmcBusy, match="nothing was done"):
        await driver.power_on()
    assert len(bmc.requests("POST", RESET)) == 1
    bmc.handlers.clear()
    await driver.power_on()
    assert bmc.logins == 2


@pytest.mark.parametrize(("status", "message_id"), [(503, "Busy"), (400, "SessionLimitExceeded")])
async def test_full_session_table_is_busy(
    bmc: ScriptedBmc, connect: Connect, status: int, message_id: str
) -> None:
    async def full(_request: web.Request) -> web.StreamResponse:
        return problem(status, message_id)

    bmc.on("POST", SESSIONS, full)
    with pytest.raises(BmcBusy):
        await connect().power()


async def test_wrong_password_is_refused_with_a_hint(bmc: ScriptedBmc, connect: Connect) -> None:
    with pytest.raises(CredentialsRefused) as caught:
        await connect(password="wrong-password").power()
    assert caught.value.hint
    assert len(bmc.requests("POST", SESSIONS)) == 1
    assert "wrong-password" not in repr(caught.value)


async def test_demanded_password_change_is_refused_and_logged_out(
    bmc: ScriptedBmc, connect: Connect
) -> None:
    async def change_first(_request: web.Request) -> web.StreamResponse:
        answer = problem(201, "PasswordChangeRequired", MessageArgs=["/redfish/v1/A/1"])
        answer.headers.update({"X-Auth-Token": TOKEN, "Location": f"{SESSIONS}/9"})
        return answer

    bmc.sessions.add(TOKEN)
    bmc.on("POST", SESSIONS, change_first)
    driver = connect()
    with pytest.raises(CredentialsRefused, match="new password"):
        await driver.power()
    await driver.close()
    assert bmc.sessions == set()


async def test_service_without_sessions_is_asked_with_basic(
    bmc: ScriptedBmc, connect: Connect
) -> None:
    async def check(request: web.Request) -> web.StreamResponse:
        if not request.headers.get("Authorization", "").startswith("Basic "):
            return problem(401, "Unauthorized")
        return web.json_response(bmc.resources[request.path])

    root = bmc.resources["/redfish/v1"]
    del root["SessionService"], root["Links"]
    bmc.on("GET", "/redfish/v1/Systems", check)
    bmc.on("GET", SYSTEM, check)
    assert await connect().power() is PowerState.OFF
    assert "Authorization" not in bmc.requests("GET", "/redfish/v1")[0]


# -- refusals and secrets


async def test_refusal_carries_the_worst_message_made_harmless(
    bmc: ScriptedBmc, connect: Connect
) -> None:
    async def refuse(_request: web.Request) -> web.StreamResponse:
        messages = [
            {"MessageId": "Base.1.0.A", "Message": "mild", "Severity": "OK"},
            {
                "MessageId": "Base.1.0.B",
                "Message": "\x1b[31mlid\x00 open" + "x" * 5000,
                "MessageSeverity": "Critical",
                "Resolution": "Close the lid.",
            },
        ]
        return web.json_response({"error": {"@Message.ExtendedInfo": messages}}, status=400)

    bmc.on("POST", RESET, refuse)
    with pytest.raises(BmcRefused) as caught:
        await connect().power_on()
    assert caught.value.status == 400
    assert "[31mlid  open" in str(caught.value)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 500
    assert caught.value.hint == "Close the lid."


async def test_not_implemented_is_unsupported(bmc: ScriptedBmc, connect: Connect) -> None:
    async def refuse(_request: web.Request) -> web.StreamResponse:
        return problem(501, "ActionNotSupported")

    bmc.on("POST", RESET, refuse)
    with pytest.raises(Unsupported):
        await connect().power_on()


async def test_no_secret_reaches_logs_or_errors(
    bmc: ScriptedBmc, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)

    async def echo(request: web.Request) -> web.StreamResponse:
        token = request.headers["X-Auth-Token"]
        return problem(400, "Echo", message=f"you sent {token} and {PASSWORD}")

    driver = connect()
    await driver.power()
    failures: list[ProvisioningError] = []
    for handler in (echo, hang_up, garble, never_answer):
        bmc.on("POST", RESET, handler)
        with pytest.raises(ProvisioningError) as caught:
            await driver.power_on()
        failures.append(caught.value)
    await driver.close()
    told = caplog.text + repr(driver)
    for failure in failures:
        told += "".join(traceback.format_exception(failure)) + failure.hint + repr(failure)
        cause: BaseException | None = failure
        while cause is not None:
            told += repr(cause) + repr(vars(cause))
            cause = cause.__cause__ or cause.__context__
    assert "[redacted]" in told
    assert PASSWORD not in told
    assert TOKEN not in told


async def test_library_cannot_log_at_debug(connect: Connect) -> None:
    connect()
    assert logging.getLogger("redfish.rest.v1").getEffectiveLevel() >= logging.WARNING


# -- bursts and garbage


async def test_at_most_three_reads_are_under_way_at_once(
    bmc: ScriptedBmc, connect: Connect
) -> None:
    running = most = 0

    async def slow(_request: web.Request) -> web.StreamResponse:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.05)
        running -= 1
        return web.json_response(bmc.resources[SYSTEM])

    driver = connect()
    await driver.power()
    bmc.on("GET", SYSTEM, slow)
    await asyncio.gather(*(driver.power() for _ in range(12)))
    assert most == 3


async def test_facts_of_a_bmc_that_crawls_end_at_their_own_deadline(
    bmc: ScriptedBmc, connect: Connect
) -> None:
    path = f"{SYSTEM}/Memory"
    members = [{"@odata.id": f"{path}/{index}"} for index in range(200)]
    bmc.resources[SYSTEM]["Memory"] = {"@odata.id": path}
    bmc.resources[path] = {"Members": members}

    async def slow(_request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(0.2)
        return web.json_response({"Id": "D", "CapacityMiB": 1024})

    for member in members:
        bmc.on("GET", member["@odata.id"], slow)
    with pytest.raises(BmcUnreachable, match="reading the hardware"):
        await connect(deadline_s=0.5).facts()


OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"garbage\r\n\r\n",
        b"HTTP/9.9 what\r\n\r\n",
        b"HTTP/1.1 99999 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"A: " + b"b" * 100_000 + b"\r\n\r\n",
        OK + b"A: b\r\n" * 20_000 + b"\r\n",
        OK + b"Content-Length: -5\r\n\r\n{}",
        OK + b"Content-Length: 500\r\n\r\n{",
        OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
        OK + b"Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope",
        OK + b"Content-Encoding: odd\r\nContent-Length: 1\r\n\r\n[",
        OK + b"Content-Type: a; charset=nonsense\r\nContent-Length: 1\r\n\r\n[",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n" * 3,
    ],
    ids=range(14),
)
async def test_garbage_is_a_named_failure(
    certificate: Certificate, connect: Connect, answer: bytes
) -> None:
    server = RawServer(certificate, answer)
    await server.start()
    try:
        with pytest.raises((AnswerRefused, BmcUnreachable, BmcRefused)):
            await connect(f"redfish+https://127.0.0.1:{server.port}", deadline_s=2.0).power()
    finally:
        await server.stop()


async def test_decompression_bomb_is_cut_off(certificate: Certificate, connect: Connect) -> None:
    packed = gzip.compress(b" " * (40 * MAX_REPLY_BYTES))
    head = OK + f"Content-Encoding: gzip\r\nContent-Length: {len(packed)}\r\n\r\n".encode()
    server = RawServer(certificate, head + packed)
    await server.start()
    try:
        with pytest.raises(AnswerRefused, match="over"):
            await connect(f"redfish+https://127.0.0.1:{server.port}", deadline_s=10).power()
    finally:
        await server.stop()
