"""A real browser without a window for the tests that need one: they skip without it, or fail where it must be there."""

import importlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import pytest

REQUIRED = "DEDUP_REQUIRE_BROWSER"
"""The environment variable that turns these skips into failures; CI sets it."""

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")


@contextmanager
def open_browser() -> Iterator[Any]:
    """Start Chromium, as playwright's `Browser`."""
    api = import_or_skip("playwright.sync_api")
    path = next((found for found in map(shutil.which, NAMES) if found), None)
    if path is None:
        _miss(f"no browser on PATH: none of {', '.join(NAMES)}; ./dev browser installs one")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


def import_or_skip(module: str) -> Any:
    """Import a module that only tests with a browser need."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        _miss(f"{module} cannot be imported ({error}); ./dev install installs it")


def expect(locator: Any) -> Any:
    """What waits until an element of a page is as expected.

    `wait_for_function` cannot: its second try is a script that the policy of our pages forbids.
    """
    return import_or_skip("playwright.sync_api").expect(locator)


def open_list(page: Any, address: str) -> None:
    """Open a page with a list, and wait until its scripts have started."""
    page.goto("about:blank")
    page.goto(address)
    page.wait_for_selector("html[data-ready]")


def broken_rules(page: Any) -> list[tuple[str, str, str]]:
    """The rules of axe that the page breaks which is shown: all in the light theme, those of colours in the dark one.

    Returns:
        Theme, rule and the first element that breaks it.
    """
    axe = import_or_skip("axe_playwright_python.sync_playwright").Axe()
    colours = {"runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}}
    broken = []
    for theme, rules in {"light": {}, "dark": colours}.items():
        page.emulate_media(color_scheme=theme)
        found = axe.run(page, options={"preload": False, "resultTypes": ["violations"], **rules}).response["violations"]
        broken += [(theme, rule["id"], rule["nodes"][0]["html"]) for rule in found]
    return broken


def found(page: Any) -> str:
    """How many entries the list of a page has, in its own words."""
    return str(page.text_content("#found"))


def _shown(page: Any) -> Any:
    """Text and links of the cards, without the elements that need scripts."""
    return page.evaluate(
        """() => Array.from(document.querySelectorAll('#list > .card'), card => {
            const copy = card.cloneNode(true);
            const active = '.actions button, .remove, .more, .unfold, .problem';
            copy.querySelectorAll(active).forEach(element => element.remove());
            return [copy.id, copy.textContent.replace(/\\s+/g, ''),
                Array.from(copy.querySelectorAll('[href], [src], [alt], [title], [viewBox], [d]'), element =>
                    ['href', 'src', 'alt', 'title', 'viewBox', 'transform', 'd'].map(
                        name => element.getAttribute(name)))];
        })"""
    )


def compare_with_and_without_scripts(address: str, still: Any, page: Any) -> None:
    """Fail unless the scripts of a page show first what the page shows without them, in the tab `still`."""
    still.goto(address)
    content = still.content()
    open_list(page, address)
    dynamic = _shown(page)
    page.evaluate(
        """text => { const other = new DOMParser().parseFromString(text, 'text/html');
            document.getElementById('list').replaceWith(other.getElementById('list')); }""",
        content,
    )
    static = _shown(page)
    assert static
    assert dynamic[: len(static)] == static


def _miss(reason: str) -> NoReturn:
    if os.environ.get(REQUIRED):
        pytest.fail(f"{reason}; {REQUIRED} is set, so this test must not be skipped")
    pytest.skip(reason)
