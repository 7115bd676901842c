"""An operator at a browser, from signing in to a host that is ready, and no page is loaded twice.

The hall and the service are real processes. The canary's first firmware update says that it is done
and is not; the second does what it says: the cause is cured by the time the operator retries.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.bed import Bed, bed
from tests.integration.web.conftest import sign_in
from tests.integration.web.test_looks import shoot

pytestmark = [pytest.mark.integration, pytest.mark.timeout(400)]

SOON_MS = 150_000
"""On a machine that is busy with other suites; on an idle one a host is ready in 20 s."""


@pytest.fixture
def hall() -> Iterator[Bed]:
    with bed("old-firmware@h1", "update-lies@h1", speed=8.0) as one:
        one.start_hall()
        one.start_service()
        one.login()
        yield one


@pytest.fixture
def operator(browser: Browser, hall: Bed) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    opened = context.new_page()
    opened.set_default_timeout(SOON_MS)
    created = hall.call("POST", "/api/keys", {"role": "operator"})
    assert created.is_success, created.text
    sign_in(opened, hall.url("").rstrip("/"), created.json()["text"])
    yield opened
    context.close()


def test_an_operator_watches_a_bring_up_and_cures_what_parks_in_it(
    hall: Bed, operator: Page
) -> None:
    apply_two_hosts(hall)
    page = operator
    page.goto(hall.url("/pods/lab"))
    loads: list[str] = []
    page.on("framenavigated", lambda frame: loads.append(frame.url))

    # The plan appears by itself once both hosts are inspected; the operator reads and approves it.
    page.get_by_label("I have read the waves").check()
    page.get_by_role("button", name="Approve and begin").click()
    page.wait_for_url("**/pods/lab?done=up")
    loads.clear()

    # The canary parks, and the page says so without being loaded again.
    attention = page.locator("#attention")
    expect(attention.get_by_text("preparing, parked")).to_be_visible(timeout=SOON_MS)
    expect(attention.get_by_text("BIOS is still 2.4.0")).to_be_visible()
    assert loads == []
    shoot(page, "live-pod")
    attention.get_by_role("link", name="r1-h1").click()

    # Why, in the same words as the command's.
    why = hall.get("/api/hosts/r1-h1/why")
    panel = page.locator("#why")
    expect(panel.get_by_text("firmware-update-failed")).to_be_visible()
    for told in (why["summary"], why["remedy"]):
        expect(panel).to_contain_text(told)
    loads.clear()

    # Retried, and watched until it is ready.
    page.get_by_role("button", name="Retry").click()
    page.wait_for_url("**/hosts/r1-h1?done=retry")
    loads.clear()
    expect(page.locator("#head .badge")).to_have_text("●ready", timeout=SOON_MS)
    expect(page.locator("#certificate")).to_contain_text("in force")
    expect(page.locator("#timeline")).to_contain_text("host.certified")
    assert loads == []
    shoot(page, "live-host-ready")

    # The wave behind the canary goes on.
    page.goto(hall.url("/pods/lab"))
    expect(page.locator("#waves")).to_contain_text("r1-h1 · ready")
    expect(page.locator(".wave").first.get_by_text("done")).to_be_visible()


def apply_two_hosts(hall: Bed) -> None:
    """A canary and one that waits for it."""
    keys = ("name", "slot", "bmc", "fingerprint", "username", "password", "serial", "root")
    hosts = [{key: host[key] for key in keys} for host in hall.hall["hosts"]][:2]
    body = {"name": "lab", "site": "here", "spec": "lab-4", "hosts": hosts, "simulated": True}
    reply = hall.call("POST", "/api/pods", body)
    assert reply.is_success, reply.text
