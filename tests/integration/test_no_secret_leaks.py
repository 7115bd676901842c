"""A bring-up whose every secret is known is searched for each of them, wherever it may have gone.

The secrets that were given (BMC passwords right and wrong, a person's password, keys of the API)
and those that podyard made (every row of the sealed table, opened with the site's key) are looked
for in plain, base64, URL-encoded and hexadecimal form: in the database and its write-ahead log,
the service's log, everything else in its directory but the keys, a backup, and every answer that
the API gives an admin. An export of the database, a support bundle or a log shipped elsewhere must
not be worth stealing.
"""

from __future__ import annotations

import base64
import json
import sqlite3
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import Any
from urllib.parse import quote, quote_plus

import httpx
import pytest
from pydantic import SecretStr

from inventory.errors import SecretRefused
from inventory.secrets import SecretBox
from inventory.statedir import StateDirectory
from tests.bed import PODYARD, ROOT, Bed, bed, is_parked

WRONG = 'cañary "wrong"/pass+word%7e='
"""Quotes, a slash, an accent and a percent sign: a form that is escaped must be found as well."""
PERSON = "canary person's own pass phrase"
REFUSED = "canary-in-a-refused-body-31"
SHORTEST = 8  # bytes; a shorter word would be found by chance
STREAM = "/api/events/stream"
OWN_FILES = frozenset({"client.json"})
"""The command line's own key: its reader is the person whose key it is."""


@pytest.fixture(scope="module")
def brought_up() -> Iterator[tuple[Bed, dict[str, bytes]]]:
    """Two hosts ready, one that refuses its password, and every secret by its name."""
    with bed(speed=4.0) as one:
        one.start_hall()
        one.start_service()
        one.login()
        known = _import(one)
        known |= _use_every_door(one)
        one.approve(one.plan()["digest"])
        one.wait(240, one.settled)
        states = [host["state"] for host in one.hosts().values() if not is_parked(host)]
        assert states == ["ready", "ready"]
        known |= _made_by_podyard(one)
        yield one, known


@pytest.mark.integration
@pytest.mark.timeout(400)
def test_no_file_of_the_service_and_no_backup_holds_a_secret(
    brought_up: tuple[Bed, dict[str, bytes]],
) -> None:
    one, known = brought_up
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
@pytest.mark.timeout(400)
def test_no_answer_of_the_api_holds_a_secret(brought_up: tuple[Bed, dict[str, bytes]]) -> None:
    one, known = brought_up
    answers = dict(_answers(one))

    found = [hit for path, reply in answers.items() for hit in leaks(reply, known, at=path)]

    assert len(answers) > 60
    assert any(b"r1-h1" in reply for reply in answers.values())
    assert found == []


@pytest.mark.integration
@pytest.mark.timeout(400)
def test_a_sealed_row_of_another_host_does_not_open(
    brought_up: tuple[Bed, dict[str, bytes]],
) -> None:
    one, _ = brought_up
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
    stranger = {"Authorization": f"Bearer pyd_000000000000_{REFUSED * 2}"}
    unknown = httpx.get(one.url("/api/hosts"), headers=stranger, trust_env=False)
    assert unknown.status_code == httpx.codes.UNAUTHORIZED
    return {
        "password of ann": PERSON.encode(),
        "tenant key": made,
        "admin key": _secret_of(one.key),
        "refused password": REFUSED.encode(),
    }


def _secret_of(key: str) -> bytes:
    """The part of a key that nobody else may know."""
    return key.rpartition("_")[2].encode()


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
