"""A real browser, and a furnished site that it looks at."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import uvicorn
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from inventory.api import build_api
from inventory.clock import SystemClock
from inventory.deps import ApiDeps
from inventory.keys import mint
from inventory.secrets import SecretBox
from inventory.store.protocol import Change
from inventory.store.sql import SqlStore
from tests.integration.web import furnished_site

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium; where it is missing that is a skip, and in CI a failure.

    For one module: while it is open its library's event loop runs, and no async test can.
    """
    if not CHROMIUM.exists():
        if os.environ.get("CI") == "true":
            pytest.fail("chromium is missing: apt-get install chromium")
        pytest.skip("chromium is not installed here")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield opened
        opened.close()


@dataclass(frozen=True)
class Shown:
    """A service with pages and nothing that works behind it."""

    url: str
    key: str
    viewer: str
    store: SqlStore


@pytest.fixture(scope="session")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:
    """The furnished site, served from a thread on loopback."""
    directory = tmp_path_factory.mktemp("site")
    store = SqlStore.open(f"sqlite:///{directory / 'podyard.db'}")
    furnished_site.furnish(store, directory)
    keys = [mint(role, now=furnished_site.NOW) for role in ("admin", "viewer")]
    store.apply(Change(insert=tuple(record for record, _ in keys)), now=furnished_site.NOW)
    app = build_api(
        ApiDeps(
            store=store,
            clock=SystemClock(),
            secrets=SecretBox.open(directory / "secrets.key"),
            in_thread=asyncio.to_thread,
            wake=lambda: None,
        )
    )
    with socket.socket() as opened:
        opened.bind(("127.0.0.1", 0))
        server = uvicorn.Server(
            uvicorn.Config(app, log_config=None, access_log=False, timeout_graceful_shutdown=1)
        )
        thread = threading.Thread(target=server.run, kwargs={"sockets": [opened]}, daemon=True)
        thread.start()
        while not server.started:
            thread.join(0.05)
        url = f"http://127.0.0.1:{opened.getsockname()[1]}"
        yield Shown(url=url, key=keys[0][1], viewer=keys[1][1], store=store)
        server.should_exit = True
        thread.join(20)
    store.close()


@pytest.fixture(scope="module")
def signed_in(browser: Browser, shown: Shown) -> Iterator[BrowserContext]:
    """A context with an admin's session; wide, light."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    sign_in(page, shown.url, shown.key)
    page.close()
    yield context
    context.close()


@pytest.fixture
def page(signed_in: BrowserContext) -> Iterator[Page]:
    """A fresh page of the signed-in admin; what the browser complains of fails the test."""
    opened = signed_in.new_page()
    complaints: list[str] = []
    opened.on("console", lambda m: complaints.append(m.text) if m.type == "error" else None)
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    yield opened
    opened.close()
    assert complaints == []


def sign_in(page: Page, url: str, key: str) -> None:
    """As people do."""
    page.goto(f"{url}/sign-in")
    page.get_by_label("Key").fill(key)
    page.get_by_role("button", name="Sign in with the key").click()
    page.wait_for_url(f"{url}/")
