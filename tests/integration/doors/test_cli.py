"""The commands against a service on a real socket: data, words and exit codes."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
import uvicorn
from click.testing import Result
from typer.testing import CliRunner

import inventory.cli
import provisioning.cli
import runtime.nouns
from inventory.api import build_api
from inventory.audit_anchors import Anchors
from inventory.clock import SystemClock
from inventory.deps import ApiDeps, CertificateKey
from inventory.keys import Role, mint
from inventory.model import CertificateRecord, Claim, Deployment, Event, Host, Pod, Problem
from inventory.secrets import SecretBox
from inventory.states import ClaimState, HostState, PowerState
from inventory.store.protocol import Change
from inventory.store.sql import SqlStore
from tests.migrated import fresh_store
from tests.unit.inventory.records import FINGERPRINT, NOW, make_facts, make_host, make_pod

pytestmark = pytest.mark.integration

SHA = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
PARKED = Problem(
    kind="spec-mismatch",
    message="memory.modules: wanted 4, found 3\x1b[31m",
    since=NOW,
    remedy="seat the module in slot DIMM2",
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    opened = fresh_store(tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def url(store: SqlStore, tmp_path: Path) -> Iterator[str]:
    """The API on a free loopback port, in a thread of its own."""
    key = CertificateKey(key_id="k1", purpose="simulated", pem="PEM\n")
    deps = ApiDeps(
        store,
        SystemClock(),
        SecretBox.open(tmp_path / "secrets.key"),
        asyncio.to_thread,
        lambda: None,
        (key,),
        anchors=Anchors.open(tmp_path / "audit.key", tmp_path / "audit-anchor.json"),
    )
    config = uvicorn.Config(build_api(deps), log_config=None, access_log=False, lifespan="off")
    server = uvicorn.Server(config)
    with socket.socket() as opened:
        opened.bind(("127.0.0.1", 0))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [opened]})
        thread.start()
        yield f"http://127.0.0.1:{opened.getsockname()[1]}"
        server.should_exit = True
        thread.join()


Run = Callable[..., Result]


@pytest.fixture
def run(store: SqlStore, url: str, tmp_path: Path) -> Run:
    """Runs one command as somebody of a role."""
    root = typer.Typer()
    for part in (inventory.cli, provisioning.cli, runtime.nouns):
        for noun, group in part.groups().items():
            root.add_typer(group, name=noun)
    keys: dict[tuple[Role, str], str] = {}

    def invoke(
        *words: str, role: Role = "admin", tenant: str = "", text: str = "", **env: str
    ) -> Result:
        if (role, tenant) not in keys:
            record, keys[role, tenant] = mint(role, now=SystemClock().now(), tenant=tenant)
            store.apply(Change(insert=(record,)), now=NOW)
        given = {
            "PODYARD_URL": url,
            "PODYARD_KEY": keys[role, tenant],
            "PODYARD_STATE": str(tmp_path / "state"),
            "COLUMNS": "80",
            **env,
        }
        return CliRunner().invoke(root, list(words), input=text or None, env=given)

    return invoke


def data(result: Result) -> Any:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def hall(tmp_path: Path, **fields: Any) -> str:
    hosts = [
        {
            "name": f"r1-h{n}",
            "slot": f"r1-h{n}",
            "bmc": f"redfish+https://127.0.0.1:{9000 + n}",
            "fingerprint": FINGERPRINT,
            "username": "admin",
            "password": "hunter2",
            "serial": f"LAB{n}",
            "uuid": "",
            "mac": "",
            "root": "",
            "run": "/tmp/y",  # noqa: S108 - a text
            **fields,
        }
        for n in (1, 2, 3, 4)
    ]
    path = tmp_path / "hall.json"
    path.write_text(json.dumps({"hall": 1, "simulated": True, "hosts": hosts}))
    path.chmod(0o600)
    return str(path)


def test_a_pod_is_applied_planned_and_started(run: Run, store: SqlStore, tmp_path: Path) -> None:
    applied = run("pod", "apply", "lab-4", "--name", "lab", "--hosts", hall(tmp_path), "-o", "json")
    assert data(applied)["hosts"] == 4
    assert applied.stderr.splitlines() == ["pod lab: 4 hosts enrolled; next: podyard pod up lab"]
    waiting = run("plan", "lab")
    assert waiting.exit_code == 1
    assert "4 hosts are still being inspected" in waiting.stderr
    assert waiting.stdout == ""
    for host in store.find(Host):
        seen = {"state": HostState.MATCHING, "facts": make_facts(), "power": PowerState.OFF}
        store.apply(Change(replace=(host.model_copy(update=seen),)), now=NOW)
    shown = run("plan", "lab", "-o", "json")
    digest = data(shown)["plan"]["digest"]
    assert "wave" in run("plan", "lab").stdout
    kept = tmp_path / "kept.json"
    kept.write_text(shown.stdout)
    assert run("plan", "diff", str(kept), "lab").stdout.strip() == "no difference"
    unapproved = run("plan", "lab", "--approved")
    assert unapproved.exit_code == 1
    assert "no plan of pod lab was approved yet" in unapproved.stderr
    unattended = run("pod", "up", "lab")
    assert unattended.exit_code == 2
    assert "--yes" in unattended.stderr
    other = run("pod", "up", "lab", "--digest", "sha256:" + "0" * 64)
    assert other.exit_code == 1
    assert data(run("pod", "up", "lab", "--yes", "-o", "json"))["plan_digest"] == digest
    assert data(run("plan", "show", "lab", "--approved", "-o", "json"))["plan"]["digest"] == digest
    assert run("plan", "diff", "lab").stdout.strip() == "no difference"
    assert data(run("pod", "hold", "lab", "-o", "json"))["bring_up"] == "held"
    assert "lab-4@1" in run("pod", "list").stdout


def test_a_spec_file_of_ones_own_is_sent_whole(run: Run, store: SqlStore, tmp_path: Path) -> None:
    spec = tmp_path / "mine.json"
    spec.write_text(json.dumps({**make_pod().spec_document, "name": "mine"}))
    done = run("pod", "apply", str(spec), "--name", "lab", "--hosts", hall(tmp_path))
    assert done.exit_code == 0, done.output
    (pod,) = store.find(Pod)
    assert pod.spec == "mine@1"


def test_every_wrong_host_is_named(run: Run, store: SqlStore, tmp_path: Path) -> None:
    path = hall(tmp_path, slot="r9", fingerprint="x")
    done = run("pod", "apply", "lab-4", "--name", "lab", "--hosts", path)
    assert done.exit_code == 1
    for index in range(4):
        assert f"error: hosts.{index}.slot:" in done.stderr
        assert f"error: hosts.{index}.fingerprint:" in done.stderr
    assert "hint: its slots are r1-h1, r1-h2, r1-h3, r1-h4" in done.stderr
    assert "hunter2" not in done.output
    assert store.count(Pod) == 0


@pytest.mark.parametrize(
    ("content", "says"),
    [("{", "not JSON"), ("a: &x 1", "anchors"), ("name: x", "no list of hosts")],
)
def test_a_wrong_hosts_file_is_explained(run: Run, tmp_path: Path, content: str, says: str) -> None:
    path = tmp_path / "hosts"
    path.write_text(content)
    done = run("pod", "apply", "lab-4", "--name", "lab", "--hosts", str(path))
    assert done.exit_code == 1
    assert says in done.stderr
    assert "hint:" in done.stderr


def test_a_file_of_passwords_that_others_can_read_is_told(run: Run, tmp_path: Path) -> None:
    path = Path(hall(tmp_path))
    path.chmod(0o644)
    done = run("pod", "apply", "lab-4", "--name", "lab", "--hosts", str(path))
    assert done.exit_code == 0
    assert f"chmod 600 {path}" in done.stderr


def test_watching_ends_when_nothing_more_will_change(run: Run, store: SqlStore) -> None:
    hosts = (
        make_host(1, state=HostState.READY),
        make_host(2, state=HostState.MATCHING, problem=PARKED),
    )
    store.apply(Change(insert=(make_pod(bring_up="running"), *hosts)), now=NOW)
    done = run("pod", "watch", "lab", "-o", "json")
    assert [h["name"] for h in data(done)] == ["r1-h1", "r1-h2"]
    assert "1 of 2 hosts ready, 1 parked" in done.stderr
    assert "podyard host why r1-h2" in done.stderr
    busy = make_host(3, state=HostState.BOOTING)
    store.apply(Change(insert=(busy,)), now=NOW)
    assert run("pod", "watch", "lab", "--timeout", "1").exit_code == 1


def test_why_tells_a_person_what_to_do_and_never_drives_the_terminal(
    run: Run, store: SqlStore
) -> None:
    parked = make_host(3, state=HostState.MATCHING, problem=PARKED)
    event = Event(at=NOW, actor="x", kind="host.parked", subject="host:r1-h3", why="\x1b]0;t\x07")
    store.apply(Change(insert=(parked,), events=(event,)), now=NOW)
    shown = run("host", "why", "r1-h3")
    assert "seat the module in slot DIMM2" in shown.stdout
    assert "\x1b" not in shown.stdout
    assert "\x07" not in shown.stdout
    listed = run("host", "list")
    assert "parked" in listed.stdout
    assert "\x1b" not in listed.stdout
    assert max(len(text) for text in (listed.stdout + shown.stdout).splitlines()) <= 80
    assert data(run("host", "why", "r1-h3", "-o", "json"))["remedy"] == PARKED.remedy
    assert run("host", "retry", "r1-h3").exit_code == 0
    assert run("host", "want", "r1-h3", "retired").exit_code == 0
    (host,) = store.find(Host)
    assert (host.problem, host.target) == (None, "retired")


def test_a_host_is_held_back_and_let_go_by_commands(run: Run, store: SqlStore) -> None:
    store.apply(Change(insert=(make_host(1, state=HostState.BOOTING),)), now=NOW)
    name = make_host(1).name
    mute = run("host", "pause", name)
    assert mute.exit_code == 1
    assert "hint: podyard host pause" in mute.output
    assert run("host", "pause", name, "--why", "technician").exit_code == 0
    assert "paused in booting: technician" in run("host", "why", name).stdout
    assert data(run("host", "resume", name, "-o", "json"))["paused"] == ""
    assert run("host", "resume", name).exit_code == 1
    assert data(run("host", "quarantine", name, "--why", "smoke", "-o", "json"))["quarantine"]
    refused = run("host", "skip", name, "--why", "x")
    assert refused.exit_code == 1
    assert "could be skipped" in refused.output
    assert data(run("host", "abort", name, "-o", "json"))["target"] == "enrolled"


def test_exit_codes_say_what_kind_of_failure(run: Run, tmp_path: Path) -> None:
    unknown = run("host", "show", "nobody")
    assert unknown.exit_code == 1
    assert "hint: see `podyard host list`" in unknown.stderr
    assert run("host", "want", "r1-h1", "gone").exit_code == 2
    assert run("host", "list", "--state", "redy").exit_code == 1
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        away = f"http://127.0.0.1:{closed.getsockname()[1]}"
        done = run("host", "list", PODYARD_URL=away)
    assert done.exit_code == 3
    assert away in done.stderr
    assert "podyard serve" in done.stderr
    keyless = run("host", "list", PODYARD_KEY="")
    assert keyless.exit_code == 1
    assert "podyard login" in keyless.stderr
    assert str(tmp_path / "state") in keyless.stderr


def test_address_and_key_come_from_the_state_directory(
    run: Run, url: str, store: SqlStore, tmp_path: Path
) -> None:
    record, text = mint("viewer", now=SystemClock().now())
    store.apply(Change(insert=(record,)), now=NOW)
    (tmp_path / "state").mkdir()
    file = tmp_path / "state" / "client.json"
    file.write_text(json.dumps({"url": url, "key": text}))
    file.chmod(0o600)
    assert data(run("host", "list", "-o", "json", PODYARD_KEY="", PODYARD_URL="")) == []
    file.chmod(0o644)
    assert "chmod 600" in run("host", "list", PODYARD_KEY="", PODYARD_URL="").stderr


def test_tenants_keys_and_usage(run: Run) -> None:
    assert run("tenant", "create", "acme").exit_code == 0
    made = run("key", "create", "--tenant", "acme", "--requests-per-minute", "60")
    assert made.stdout.startswith("pyd_")
    assert len(made.stdout.splitlines()) == 1
    secret = made.stdout.strip().split("_", 2)[2]
    assert secret not in run("key", "list", "-o", "json").output
    key_id = made.stdout.split("_")[1]
    assert data(run("key", "revoke", key_id, "-o", "json"))["revoked_at"]
    assert data(run("usage", "-o", "json"))["prompt_tokens"] == 0
    assert [t["name"] for t in data(run("tenant", "list", "-o", "json"))] == ["acme"]


def test_a_claim_waits_until_it_is_bound(run: Run, store: SqlStore) -> None:
    run("tenant", "create", "acme")
    words = ("claim", "create", "--class", "lab-cpu", "--simulated-ok", "-o", "json")
    made = data(run(*words, role="tenant", tenant="acme"))
    assert (made["tenant"], made["accept_simulated"]) == ("acme", True)
    late = run(*words, "--wait", "--timeout", "1", role="tenant", tenant="acme")
    assert late.exit_code == 1
    assert "not bound" in late.stderr
    again = ("--idempotency-key", "once")
    first = data(run(*words, *again, role="tenant", tenant="acme"))
    claim = store.get(Claim, first["id"])
    assert claim is not None
    bound = claim.model_copy(update={"state": ClaimState.BOUND})
    store.apply(Change(replace=(bound,)), now=NOW)
    done = data(run(*words, *again, "--wait", role="tenant", tenant="acme"))
    assert (done["id"], done["state"]) == (first["id"], "bound")
    released = run("claim", "release", first["id"], "-o", "yaml", role="tenant", tenant="acme")
    assert "state: releasing" in released.stdout
    assert len(data(run("claim", "list", "-o", "json"))) == 3


def test_a_model_that_fails_is_a_failure(run: Run, store: SqlStore) -> None:
    run("tenant", "create", "acme")
    words = ("model", "deploy", "smollm2", "--source", "package:m/f.gguf", "--sha256", SHA)
    model = data(run(*words, "-o", "json", role="tenant", tenant="acme"))
    record = store.get(Deployment, model["id"])
    assert record is not None
    failed = record.model_copy(update={"phase": "failed", "message": "no such file"})
    store.apply(Change(replace=(failed,)), now=NOW)
    done = run(*words, "--wait", role="tenant", tenant="acme")
    assert done.exit_code == 1
    assert "no such file" in done.stderr
    assert "smollm2" in run("model", "list").stdout
    gone = run("model", "delete", "smollm2", "--tenant", "acme", "-o", "json")
    assert data(gone)["phase"] == "deleting"


def test_certificates_are_exported_with_their_keys(
    run: Run, store: SqlStore, tmp_path: Path
) -> None:
    record = CertificateRecord(
        id="c1",
        host_id="h",
        host="r1-h1",
        envelope={"payload": "x"},
        issued_at=NOW,
        expires_at=NOW,
        simulated=True,
        facts_digest="d",
    )
    store.apply(Change(insert=(record,)), now=NOW)
    done = run("certificate", "export", "c1", "--keys", str(tmp_path / "pub"))
    assert data(done) == {"payload": "x"}
    assert (tmp_path / "pub" / "simulated.pub").read_text() == "PEM\n"
    assert "c1" in run("certificate", "list").stdout


def test_events_are_followed_as_they_happen(run: Run, store: SqlStore, url: str) -> None:
    store.apply(
        Change(events=(Event(at=NOW, actor="x", kind="first", subject="pod:lab"),)), now=NOW
    )
    assert "first" in run("event", "list").stdout
    timer = threading.Timer(
        0.5,
        lambda: store.apply(
            Change(events=(Event(at=NOW, actor="x", kind="second", subject="pod:lab"),)), now=NOW
        ),
    )
    from inventory.client import Access, Service  # noqa: PLC0415

    record, text = mint("viewer", now=SystemClock().now())
    store.apply(Change(insert=(record,)), now=NOW)
    client = Service(Access(url, text))
    timer.start()
    with client.stream("/api/events", after=0) as lines:
        kinds = []
        for line in lines:
            if line.startswith("data: "):
                kinds.append(json.loads(line.removeprefix("data: "))["kind"])
            if len(kinds) == 2:
                break
    client.close()
    timer.join()
    assert kinds == ["first", "second"]


def test_every_help_shows_an_example_within_80_columns(run: Run) -> None:
    for part in (inventory.cli, provisioning.cli, runtime.nouns):
        for noun, group in part.groups().items():
            commands = [c.name or "" for c in group.registered_commands]
            for words in ([noun], *([noun, command] for command in commands)):
                text = run(*words, "--help").stdout
                assert "Example: podyard" in text, words
                assert max(len(line) for line in text.splitlines()) <= 80, words
