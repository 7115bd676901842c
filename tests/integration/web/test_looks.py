"""Every page in light, dark and on a telephone: legible, accessible, and never wider than it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.integration.web.conftest import Shown, sign_in

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

PAGES = {
    "overview": "/",
    "hall": "/hall",
    "rack": "/racks/zrh1/a-r1",
    "rack-liquid": "/racks/zrh1/b-r1",
    "hosts": "/hosts",
    "host-parked": "/hosts/a-r2-h3",
    "host": "/hosts/a-r1-h2",
    "host-hostile": "/hosts/a-r8-h4",
    "pods": "/pods",
    "pod": "/pods/alpha",
    "expected": "/expected",
    "netbox": "/netbox",
    "units": "/units",
    "unit": "/units/b-r1-u0",
    "claims": "/claims",
    "claim": "/claims/5f2a9c31-aa00-4000-8000-000000000002",
    "events": "/events",
    "audit": "/audit",
    "search": "/search?q=a-r1",
}
ALIKE = ("rack", "host-hostile", "pods", "unit", "claim", "audit")
"""Made of what stands on other pages already: axe is slow, and would say the same twice."""

DARK = ("overview", "rack-liquid", "host-parked", "pod", "events")
"""Every colour stands on one of these; in the dark nothing but colours differs."""

SHOTS = os.environ.get("PODYARD_SCREENSHOTS", "")
"""A directory for pictures of every page; or `docs`: those of the documentation are made anew."""

DOCS = Path(__file__).parents[3] / "docs" / "guides" / "pages"
IN_DOCS = (
    "overview-light",
    "hall-light",
    "rack-liquid-dark",
    "host-parked-light",
    "host-parked-phone",
    "pod-light",
)


def test_axe_finds_nothing_serious_on_any_page(page: Page, shown: Shown) -> None:
    axe, found = Axe(), []
    for name, path in PAGES.items():
        if name in ALIKE and not SHOTS:
            continue
        page.emulate_media(color_scheme="light", reduced_motion="reduce")
        page.goto(shown.url + path)
        found += [f"{name} light: {told}" for told in grave(axe, page)]
        shoot(page, f"{name}-light")
        page.emulate_media(color_scheme="dark", reduced_motion="reduce")
        if name in DARK:
            told_dark = grave(axe, page, rules=("color-contrast",))
            found += [f"{name} dark: {told}" for told in told_dark]
        shoot(page, f"{name}-dark")
    assert found == []


def test_axe_finds_nothing_serious_where_people_sign_in(browser: Browser, shown: Shown) -> None:
    schemes: tuple[Literal["light", "dark"], ...] = ("light", "dark")
    for scheme in schemes:
        context = browser.new_context(color_scheme=scheme)
        opened = context.new_page()
        opened.goto(f"{shown.url}/sign-in?failed=wrong")
        assert grave(Axe(), opened) == []
        shoot(opened, f"sign-in-{scheme}")
        context.close()


def grave(axe: Axe, page: Page, *, rules: tuple[str, ...] = ()) -> list[str]:
    """Rules that are broken in a way that keeps somebody out."""
    only = {"runOnly": {"type": "rule", "values": list(rules)}} if rules else {}
    options = {"resultTypes": ["violations"], **only}
    violations = axe.run(page, options=options).response["violations"]
    return [
        f"{one['id']} ({one['impact']}): {one['nodes'][0]['html'][:160]}"
        for one in violations
        if one["impact"] in {"serious", "critical"}
    ]


def test_no_page_is_wider_than_a_telephone(
    browser: Browser, signed_in: BrowserContext, shown: Shown
) -> None:
    context = browser.new_context(
        viewport={"width": 360, "height": 740}, storage_state=signed_in.storage_state()
    )
    opened = context.new_page()
    wide = {}
    for name, path in PAGES.items():
        opened.goto(shown.url + path)
        width = opened.evaluate("document.documentElement.scrollWidth")
        if width > 360:
            wide[name] = width
        shoot(opened, f"{name}-phone")
    context.close()
    assert wide == {}


def shoot(page: Page, name: str) -> None:
    """A picture for the documentation, when it is asked for."""
    if SHOTS and (SHOTS != "docs" or name in IN_DOCS):
        directory = DOCS if SHOTS == "docs" else Path(SHOTS)
        directory.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=directory / f"{name}.png", full_page=True)


def test_strings_from_a_bmc_stay_text(page: Page, shown: Shown) -> None:
    for path in ("/hosts/a-r8-h4", "/events", "/", "/expected", "/search?q=script"):
        page.goto(shown.url + path)
        assert page.evaluate("window.hurt") is None
        assert page.locator("main img").count() == 0
    page.goto(f"{shown.url}/hosts/a-r8-h4")
    expect(page.get_by_text("<script>window.hurt=1</script>").first).to_be_visible()


def test_the_keyboard_alone_reaches_search_a_host_and_its_actions(page: Page, shown: Shown) -> None:
    page.goto(shown.url)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"

    page.keyboard.press("/")
    page.keyboard.type("PYD000006")
    page.keyboard.press("Enter")
    page.wait_for_url("**/hosts/a-r2-h3")

    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.innerText") == "Retry":
            break
    assert page.evaluate("document.activeElement.innerText") == "Retry"
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"


def test_the_theme_that_was_chosen_stays(page: Page, shown: Shown) -> None:
    page.emulate_media(color_scheme="light")
    page.goto(shown.url)
    page.get_by_role("button", name="Switch between light and dark").click()
    page.goto(f"{shown.url}/hosts")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    page.get_by_role("button", name="Switch between light and dark").click()
    assert page.evaluate("document.documentElement.dataset.theme") == "light"
    page.evaluate("localStorage.clear()")


def test_a_viewer_is_offered_no_action(browser: Browser, shown: Shown) -> None:
    context = browser.new_context()
    opened = context.new_page()
    sign_in(opened, shown.url, shown.viewer)
    opened.goto(f"{shown.url}/hosts/a-r2-h3")
    expect(opened.get_by_role("heading", name="a-r2-h3", exact=True)).to_be_visible()
    assert opened.get_by_role("button", name="Retry").count() == 0
    assert opened.get_by_role("link", name="Audit").count() == 0
    opened.get_by_role("button", name="Sign out").click()
    opened.wait_for_url("**/sign-in")
    opened.goto(f"{shown.url}/hosts")
    assert "/sign-in" in opened.url
    context.close()
