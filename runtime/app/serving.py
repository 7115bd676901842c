"""One process: ports are opened, loops are built and handed their world, and ended in order."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import signal
import socket
from collections.abc import Awaitable, Callable
from dataclasses import replace

from inventory.api import build_api
from inventory.errors import FenceLost
from inventory.heap import bound_arenas, keep_giving_back
from inventory.keys import in_force, mint
from inventory.model import ApiKey
from inventory.secrets import write_private
from inventory.store.protocol import Change
from inventory.store.reading import every
from inventory.threads import share_fairly
from inventory.tls_memory import bound_read_buffers
from inventory.ways_in import ways_in
from provisioning.telemetry.inbox import Inbox
from runtime.address import Address
from runtime.app.doors import agent_door
from runtime.app.hosts import cooling_loops, discovery_loop, provisioning_loops, telemetry_loop
from runtime.app.parts import Parts, ServeOptions, api_deps, open_parts
from runtime.app.records import netbox_of, retention, webhook_loop
from runtime.app.tenants import Published, follow_records, runtime_loops
from runtime.gateway import Gateway
from runtime.ledger import Ledger
from runtime.listeners import Listener

log = logging.getLogger("podyard.service")


async def serve(options: ServeOptions, *, say: Callable[[str], None]) -> None:
    """Run until SIGINT or SIGTERM, or until a lease is lost."""
    bound_read_buffers()
    bound_arenas()
    share_fairly()
    lock = options.state.lock()
    try:
        await _serve_locked(options, say)
    finally:
        os.close(lock)


async def _serve_locked(options: ServeOptions, say: Callable[[str], None]) -> None:
    sockets = _bind(options)
    parts = open_parts(options)
    async with contextlib.AsyncExitStack() as stack:
        stack.callback(parts.store.close)
        listeners: list[Listener] = []
        loops: list[Awaitable[None]] = [keep_giving_back(parts.clock)]
        published = Published()
        inbox = Inbox()
        if "gateway" in sockets:
            ledger = Ledger(options.state.usage_journal)
            stack.callback(ledger.close)
            gateway = Gateway(ledger, clock=parts.clock)
            stack.push_async_callback(gateway.close)
            published.gateway = gateway
            listeners.append(Listener(sockets["gateway"], gateway))
        if options.plays("runtime"):
            loops += runtime_loops(parts, published)
        elif "gateway" in sockets:
            loops.append(follow_records(parts, published))
        if "agents" in sockets:
            door, tls = agent_door(parts, inbox)
            listeners.append(Listener(sockets["agents"], door, tls=tls))
        if options.plays("provisioning"):
            loops += provisioning_loops(parts)
            loops.append(telemetry_loop(parts, inbox))
            loops.append(discovery_loop(parts))
            loops += cooling_loops(parts)
        if "api" in sockets:
            netbox = netbox_of(parts)
            deps = replace(api_deps(parts), netbox=netbox)
            api = build_api(deps)
            loops.append(api.state.following.until_stopped())  # or streams hold the end up
            loops.append(api.state.warming.run())
            loops.append(api.state.audit.run())
            stack.push_async_callback(api.state.audit.keep_head)  # when the doors are closed
            listeners.append(Listener(sockets["api"], api))
            if netbox is not None:
                loops.append(netbox.run())
            await asyncio.to_thread(_first_start, parts, say)
            loops.append(webhook_loop(parts))
            loops.append(retention(parts).run())
        _announce(options, say)
        await _run(listeners, loops)


def _bind(options: ServeOptions) -> dict[str, socket.socket]:
    wanted: dict[str, Address] = {}
    if options.plays("inventory"):
        wanted["api"] = options.api
    if options.plays("provisioning"):
        wanted["agents"] = options.agents
    if options.plays("gateway"):
        wanted["gateway"] = options.gateway
    return {name: address.bind() for name, address in wanted.items()}


def _first_start(parts: Parts, say: Callable[[str], None]) -> None:
    """Make the single-use set-up token where nobody can administer: there is no default password.

    Keys that were revoked or have expired let nobody in, so they do not count.
    """
    store, state = parts.store, parts.options.state
    url = f"http://{parts.options.api.host}:{parts.options.api.port}"
    write_private(state.address, json.dumps({"url": url}).encode())
    now = parts.clock.now()
    tokens = every(store, ApiKey, role="setup")
    if any(ways_in(api_deps(parts), now=now)) or any(in_force(key, now=now) for key in tokens):
        return
    record, text = mint("setup", now=now)
    # Written before it counts: killed in between, the next start makes another, and none is lost.
    write_private(state.setup_token, text.encode())
    store.apply(Change(insert=(record,)), now=now)
    say(f"set-up token (single use): {text}")
    say(f"on this machine: podyard login --state {state.path}")


def _announce(options: ServeOptions, say: Callable[[str], None]) -> None:
    if options.plays("inventory"):
        say(f"inventory API   http://{options.api.host}:{options.api.port}/api/")
        say(
            f"pages           http://{options.api.host}:{options.api.port}/ "
            f"(sign in with the key in {options.state.path / 'client.json'})"
        )
    if options.plays("gateway"):
        say(f"OpenAI endpoint http://{options.gateway.host}:{options.gateway.port}/v1")
    if options.plays("provisioning"):
        say(f"agent door      https://{options.agents.host}:{options.agents.port}")


async def _run(listeners: list[Listener], loops: list[Awaitable[None]]) -> None:
    """Until told to stop, or until one part ends: half a service is worse than none."""
    stop = asyncio.Event()
    running = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        running.add_signal_handler(name, stop.set)
    serving = [asyncio.create_task(one.run()) for one in listeners]
    working = [asyncio.ensure_future(one) for one in loops]
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait([stopping, *serving, *working], return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()
        for task in working:
            task.cancel()
        ended = await asyncio.gather(*working, return_exceptions=True)
        for listener in listeners:
            listener.stop()
        await asyncio.gather(*serving, return_exceptions=True)
    for outcome in ended:
        if isinstance(outcome, FenceLost):
            log.error("lease lost; ending", extra={"cause": str(outcome)})
        if isinstance(outcome, Exception):
            raise outcome
