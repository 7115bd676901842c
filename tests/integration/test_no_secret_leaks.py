"""A bring-up whose every secret is known is searched for each of them, wherever it may have gone.

The secrets that were given (BMC passwords right and wrong, a person's password, keys of the API,
the OIDC client's secret, NetBox's token) and those that podyard made (every row of the sealed
table, opened with the site's key: BMC and boot tokens, a webhook's key, a Ray cluster's token; the
agents' own keys, the BMCs' session tokens, a person's session) are looked for in plain, base64,
URL-encoded and hexadecimal form: in the database and its write-ahead log, the service's log at
DEBUG, everything else in its directory but the keys, a backup, every answer that the API gives an
admin, every page, the stream of events, and the command lines and environments of what the service
starts. An export of the database, a support bundle or a log shipped elsewhere must not be worth
stealing.
"""

from __future__ import annotations

import base64
import json
import sqlite3
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, quote_plus

import httpx
import pytest
from pydantic import SecretStr

from inventory.errors import SecretRefused
from inventory.keys import split
from inventory.secrets import SecretBox
from inventory.sessions import COOKIE
from inventory.statedir import StateDirectory
from provisioning.simulator.redfish.sessions import TOKEN_MARK
from runtime.snapshot import RAY_TOKEN
from tests.bed import PODYARD, ROOT, Bed, bed, is_parked
from tests.integration.eavesdropping import Ears

WRONG = 'cañary "wrong"/pass+word%7e='
"""Quotes, a slash, an accent and a percent sign: a form that is escaped must be found as well."""
PERSON = "canary person's own pass phrase"
REFUSED = "canary-in-a-refused-body-31"
OIDC_SECRET = "canary-oidc/client+secret%7"
NETBOX_TOKEN = "nbt_canary0netbox0token0of0nobody"
NETBOX_HOOK = "canary-netbox-webhook-secret"
BMC_KEY = "key hosts/r1-h1/key.pem".count("/")
SHORTEST = 8  # bytes; a shorter word would be found by chance
STREAM = "/api/events/stream"
OWN_FILES = frozenset({"client.json"})
"""The command line's own key: its reader is the person whose key it is."""


@dataclass(frozen=True)
class Seen:
    """A bring-up that is over, everything that must not be found, and what was overheard."""

    bed: Bed
    known: dict[str, bytes]
    ears: Ears


@pytest.fixture(scope="module")
def brought_up() -> Iterator[Seen]:
    """Two hosts ready, one that refuses its password, and every secret by its name."""
    with bed("ipmi-open@h1", speed=4.0) as one:
        one.start_hall()
        service = one.start_service(log_level="DEBUG", environment=_settings(one))
        one.login()
        ears = Ears()
        roots = {"service": service.pid, "hall": one.processes["hall"].pid}
        with ears.listening(one.url(STREAM), one.key, roots):
            known = _import(one)
            known |= _use_every_door(one)
            one.wait(240, lambda: one.call("GET", "/api/pods/lab/plan").is_success)
            one.approve(one.plan()["digest"])
            assert one.call("POST", "/api/hosts/r1-h2/bmc/rotate", {}).is_success
            one.wait(400, lambda: _are_ready(one))
            _claim(one)
            known |= _made_by_podyard(one) | _of_agents(one)
            one.wait(60, lambda: any(b"host.certified" in line for line in ears.heard))
        yield Seen(one, known, ears)


def _settings(one: Bed) -> dict[str, str]:
    """Neither the provider nor NetBox is there: what fails is logged, and must not say why."""
    files = {"netbox-token": NETBOX_TOKEN, "netbox-hook": NETBOX_HOOK}
    for name, secret in files.items():
        (one.directory / name).touch(mode=0o600)
        (one.directory / name).write_text(secret)
    return {
        "PODYARD_OIDC_ISSUER": "https://127.0.0.1:1/",
        "PODYARD_OIDC_CLIENT_ID": "podyard",
        "PODYARD_OIDC_CLIENT_SECRET": OIDC_SECRET,
        "PODYARD_OIDC_PUBLIC_URL": f"http://127.0.0.1:{one.ports['api']}",
        "PODYARD_NETBOX_URL": "http://127.0.0.1:1",
        "PODYARD_NETBOX_TOKEN_FILE": str(one.directory / "netbox-token"),
        "PODYARD_NETBOX_WEBHOOK_SECRET_FILE": str(one.directory / "netbox-hook"),
        "PODYARD_NETBOX_INTERVAL_S": "5",
        "PODYARD_WEBHOOKS_NETWORKS": "127.0.0.1/32",
    }


def _are_ready(one: Bed) -> bool:
    """Two of the three; a host that a busy machine measured too slow is measured again."""
    hosts = one.hosts().values()
    for host in hosts:
        if is_parked(host) and host["problem"]["kind"] != "credentials-refused":
            one.call("POST", f"/api/hosts/{host['name']}/retry", {})
    return sorted(h["state"] for h in hosts) == ["ready", "ready", "registering"]


def _claim(one: Bed) -> None:
    """A tenant's cluster: its token is made when the claim is bound."""
    claim = {
        "tenant": "acme", "cluster": "main", "unit_class": "lab-cpu", "count": 1,
        "accept_simulated": True,
    }  # fmt: skip
    assert one.call("POST", "/api/claims", claim).is_success
    one.wait(60, lambda: any(name == RAY_TOKEN for _, name, _ in _sealed(one)))


@pytest.mark.integration
@pytest.mark.timeout(900)
def test_no_file_of_the_service_and_no_backup_holds_a_secret(
    brought_up: Seen,
) -> None:
    one, known = brought_up.bed, brought_up.known
    backup = one.directory / "backup.db"
    subprocess.run(
        [*PODYARD, "backup", str(backup), "--state", str(one.directory / "service")],
        check=True, capture_output=True, cwd=ROOT,
    )  # fmt: skip
    places = _files(one) | {"backup": backup.read_bytes()}

    found = [hit for place, content in places.items() for hit in leaks(content, known, at=place)]

    assert {"podyard.db", "podyard.db-wal", "service.log", "backup"} <= places.keys()
    assert found == []


@pytest.mark.integration
@pytest.mark.timeout(900)
def test_no_answer_of_the_api_holds_a_secret(brought_up: Seen) -> None:
    one, known = brought_up.bed, brought_up.known
    answers = dict(_answers(one))

    found = [hit for path, reply in answers.items() for hit in leaks(reply, known, at=path)]

    assert len(answers) > 60
    assert any(b"r1-h1" in reply for reply in answers.values())
    assert found == []


@pytest.mark.integration
@pytest.mark.timeout(900)
def test_no_page_holds_a_secret(brought_up: Seen) -> None:
    one, session = brought_up.bed, _signed_in(brought_up.bed)
    known = brought_up.known | {"session of the admin": session.encode()}
    with httpx.Client(cookies={COOKIE: session}, trust_env=False, timeout=60) as browser:
        pages = {path: browser.get(one.url(path)) for path in _pages(one)}

    assert {path for path, page in pages.items() if page.status_code != httpx.codes.OK} == set()
    assert b"r1-h1" in pages["/hosts/r1-h1"].content
    found = [hit for path, page in pages.items() for hit in leaks(page.content, known, at=path)]
    files = [hit for at, content in _files(one).items() for hit in leaks(content, known, at=at)]
    assert found == []
    assert files == []


@pytest.mark.integration
@pytest.mark.timeout(900)
def test_neither_the_stream_nor_a_process_tells_a_secret(brought_up: Seen) -> None:
    ears, known = brought_up.ears, brought_up.known
    told = b"\n".join(ears.heard)
    lines, settings = b"\n".join(ears.command_lines), b"\n".join(ears.environments)

    assert b"host.certified" in told
    assert b"provisioning.inband.running" in lines
    assert b"ANSIBLE_HOME" in settings
    assert leaks(told, known, at="stream") == []
    assert leaks(lines, known, at="ps") == []
    assert leaks(settings, known, at="environment") == []


@pytest.mark.integration
@pytest.mark.timeout(900)
def test_a_secret_that_is_planted_is_found_in_each_place(brought_up: Seen) -> None:
    """The search itself: one row of the database, one line of a log, one file."""
    one, known = brought_up.bed, brought_up.known
    names = ("oidc client secret", "token of netbox", "session of a BMC", "password of ann")
    assert {*names, "refused password", "the key of the sealed table"} <= known.keys()
    assert sum("ray" in name for name in known) == 1
    agents = [n for n in known if n.startswith("key hosts/") and n.count("/") > BMC_KEY]
    assert len(agents) == len(("r1-h1", "r1-h2"))
    planted = _state(one).path / "support-bundle.txt"
    for name, secret in known.items():
        planted.write_bytes(b"x" + base64.b64encode(b"ab" + secret + b"c"))
        assert f"bundle: {name} in base64" in leaks(planted.read_bytes(), known, at="bundle")
    assert _files(one)[planted.name] == planted.read_bytes()
    planted.unlink()


@pytest.mark.integration
@pytest.mark.timeout(900)
def test_a_sealed_row_of_another_host_does_not_open(
    brought_up: Seen,
) -> None:
    one = brought_up.bed
    box = SecretBox.existing(_state(one).secret_key)
    rows = [row for row in _sealed(one) if row[1] == "bmc-password"]
    (first, name, sealed), (second, _, other) = rows[:2]

    assert box.unseal(first, name, sealed) != box.unseal(second, name, other)
    for owner, swapped in ((first, other), (second, sealed)):
        with pytest.raises(SecretRefused):
            box.unseal(owner, name, swapped)


@pytest.mark.parametrize("spelling", ["plain", "base64", "url", "hex"])
def test_a_secret_is_found_in_each_form_and_inside_other_text(spelling: str) -> None:
    secret = WRONG.encode()
    for before in (b"", b"a", b"ab", b"admin:"):
        whole = before + secret + b"\n"
        content = {
            "plain": whole,
            "base64": base64.b64encode(whole),
            "url": before + quote(secret, safe="").encode(),
            "hex": whole.hex().upper().encode(),
        }[spelling]

        assert leaks(b"... " + content + b" ...", {"password": secret}, at="log")

    assert not leaks(b"... nothing of the kind ...", {"password": secret}, at="log")


def leaks(content: bytes, known: Mapping[str, bytes], *, at: str) -> list[str]:
    """What was found where; never the secret itself, since this is printed."""
    lower = content.lower()
    return [
        f"{at}: {name} in {spelling}"
        for name, secret in known.items()
        for spelling, form in _forms(secret)
        if form in (lower if spelling in {"url", "hex"} else content)
    ]


def _forms(secret: bytes) -> Iterator[tuple[str, bytes]]:
    """How a secret may be spelled; base64 at each of its three alignments, less the edges."""
    text = secret.decode(errors="replace")  # of a binary key only the coded forms can match
    yield "plain", secret
    yield "plain", json.dumps(text)[1:-1].encode()
    yield "plain", json.dumps(text, ensure_ascii=False)[1:-1].encode()
    yield "hex", secret.hex().encode()
    yield "url", quote(secret, safe="").lower().encode()
    yield "url", quote(secret).lower().encode()
    yield "url", quote_plus(secret).lower().encode()
    for shift in range(3):
        whole = (len(secret) + shift) // 3 * 3 - shift
        coded = base64.b64encode(b"\0" * shift + secret[:whole])
        core = coded[4 if shift else 0 :]
        yield "base64", core
        yield "base64", core.replace(b"+", b"-").replace(b"/", b"_")


def _import(one: Bed) -> dict[str, bytes]:
    """Three of the hall's four hosts; the third with a password that its BMC refuses."""
    fields = (
        "name", "slot", "bmc", "fingerprint", "username", "password", "serial", "mac", "root",
    )  # fmt: skip
    hosts = [{key: host[key] for key in fields} for host in one.hall["hosts"][:3]]
    hosts[2]["password"] = WRONG
    body = {"name": "lab", "site": "here", "spec": "lab-4", "hosts": hosts, "simulated": True}
    reply = one.call("POST", "/api/pods", body)
    assert reply.is_success, reply.text
    return {f"BMC password of {h['name']}": str(h["password"]).encode() for h in hosts}


def _use_every_door(one: Bed) -> dict[str, bytes]:
    """A person, a tenant, keys made once and asked for twice, and bodies that are refused."""
    assert one.call("POST", "/api/tenants", {"name": "acme"}).is_success
    person = {"name": "ann", "grants": [{"role": "viewer"}], "password": PERSON}
    reply = one.call("POST", "/api/users", person)
    assert reply.is_success, reply.text
    wanted = {"role": "tenant", "tenant": "acme"}
    twice = [
        one.call("POST", "/api/keys", wanted, **{"Idempotency-Key": "canary-1"}) for _ in range(2)
    ]
    assert twice[0].json() == twice[1].json()
    made = _secret_of(twice[0].json()["text"])
    correction = {"password": REFUSED, "fingerprint": "none"}
    assert one.call("PATCH", "/api/hosts/r1-h1/bmc", correction).is_client_error
    assert one.call("PATCH", "/api/hosts/r1-h1/bmc", {"password": [REFUSED]}).is_client_error
    assert one.call("POST", "/api/pods", {"hosts": [{"password": REFUSED}]}).is_client_error
    assert one.call("POST", "/api/users", {"name": "", "password": REFUSED}).is_client_error
    hook = {
        "name": "hook",
        "url": f"https://127.0.0.1:{one.ports['gateway']}/",
        "kinds": ["host.*"],
    }
    reply = one.call("POST", "/api/webhooks", hook)
    assert reply.is_success, reply.text
    httpx.get(one.url("/sign-in/oidc"), trust_env=False)
    stranger = {"Authorization": f"Bearer pyd_000000000000_{REFUSED * 2}"}
    unknown = httpx.get(one.url("/api/hosts"), headers=stranger, trust_env=False)
    assert unknown.status_code == httpx.codes.UNAUTHORIZED
    return {
        "password of ann": PERSON.encode(),
        "tenant key": made,
        "admin key": _secret_of(one.key),
        "refused password": REFUSED.encode(),
        "key of a webhook": reply.json()["key"].removeprefix("whsec_").encode(),
        "oidc client secret": OIDC_SECRET.encode(),
        "token of netbox": NETBOX_TOKEN.encode(),
        "secret of netbox's webhook": NETBOX_HOOK.encode(),
        "session of a BMC": TOKEN_MARK.encode(),
    }


def _secret_of(key: str) -> bytes:
    """What must stay hidden of a key; its id may be told. The secret itself may hold a "_"."""
    parts = split(key)
    assert parts is not None, "no key"
    return parts[1].encode()


def _state(one: Bed) -> StateDirectory:
    return StateDirectory(one.directory / "service")


def _sealed(one: Bed) -> list[tuple[str, str, bytes]]:
    with closing(sqlite3.connect(_state(one).path / "podyard.db")) as database:
        return database.execute("SELECT owner, name, sealed FROM secrets").fetchall()


def _made_by_podyard(one: Bed) -> dict[str, bytes]:
    """Every sealed row, opened, and the keys themselves. An answer kept whole holds a key above."""
    box = SecretBox.existing(_state(one).secret_key)
    opened: dict[str, SecretStr] = {
        f"{name} of {owner}": box.unseal(owner, name, sealed)
        for owner, name, sealed in _sealed(one)
    }
    found = {
        what: secret.get_secret_value().encode()
        for what, secret in opened.items()
        if not secret.get_secret_value().startswith(("{", "["))
    }
    assert any("boot" in what for what in found), sorted(found)
    found["the key of the sealed table"] = _state(one).secret_key.read_bytes()
    return {what: secret for what, secret in found.items() if len(secret) >= SHORTEST}


def _of_agents(one: Bed) -> dict[str, bytes]:
    """The private keys of hosts and BMCs, which stay where they are: a line tells each of them."""
    hall = one.directory / "hall"
    return {
        f"key {path.relative_to(hall)}": path.read_text().splitlines()[1].encode()
        for path in hall.rglob("key.pem")
    }


def _signed_in(one: Bed) -> str:
    """A session of the admin's, as a browser has it."""
    origin = {"Origin": one.url("").rstrip("/")}
    form = {"key": one.key}
    reply = httpx.post(one.url("/sign-in"), data=form, headers=origin, trust_env=False)
    assert reply.status_code == httpx.codes.SEE_OTHER, reply.text
    return reply.cookies[COOKIE]


def _pages(one: Bed) -> list[str]:
    hosts = [f"/hosts/{name}" for name in one.hosts()]
    claims = [f"/claims/{row['id']}" for row in one.get("/api/claims")["results"]]
    units = [f"/units/{row['name']}" for row in one.get("/api/units")["results"]]
    racks = [f"/racks/{row['site']}/{row['name']}" for row in one.get("/api/racks")["results"]]
    plain = "/ /hall /units /claims /hosts /pods /pods/lab /events /audit /netbox /search?q=r1"
    return [*plain.split(), *hosts, *claims, *units, *racks]


def _files(one: Bed) -> dict[str, bytes]:
    """Everything that the service wrote, less the directory of keys."""
    root = _state(one).path
    kept = {
        str(path.relative_to(root)): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and path.name not in OWN_FILES and path.parent.name != "keys"
    }
    return kept | {"service.log": (one.directory / "service.log").read_bytes()}


def _answers(one: Bed) -> Iterator[tuple[str, bytes]]:
    """Every GET route of the API's own description, for every name that its list shows."""
    document = one.get("/api/openapi.json")
    for route, ways in document["paths"].items():
        if "get" not in ways or route == STREAM:
            continue
        for path in _named(one, route) if "{" in route else (route,):
            reply = one.call("GET", path)
            yield path, reply.content + str(reply.headers.raw).encode()


def _named(one: Bed, route: str) -> Iterator[str]:
    parent, _, rest = route.partition("/{")
    variable, _, tail = rest.partition("}")
    listed = one.call("GET", parent)
    results: list[dict[str, Any]] = listed.json().get("results", []) if listed.is_success else []
    names = [str(row["name"]) for row in results if row.get("name")] or ["r1-h1"]
    for name in names[:50]:
        yield f"{parent}/{quote(name, safe='')}{tail}" if variable else parent
