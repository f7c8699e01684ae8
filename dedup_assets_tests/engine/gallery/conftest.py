"""A browser for the gallery's tests."""

from collections.abc import Iterator
from typing import Any

import pytest

from dedup_assets_tests.support.browsers import open_browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with open_browser() as opened:
        yield opened


@pytest.fixture(scope="module")
def tab(browser: Any) -> Iterator[Any]:
    """A tab for `page`: one for all tests of a module, because to open one takes longer than most of them."""
    context = browser.new_context(accept_downloads=True)
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    opened = context.new_page()
    opened.set_default_timeout(20_000)
    yield opened
    context.close()


@pytest.fixture(scope="module")
def still(browser: Any) -> Iterator[Any]:
    """A tab where no script runs."""
    context = browser.new_context(java_script_enabled=False)
    yield context.new_page()
    context.close()


@pytest.fixture
def page(tab: Any) -> Iterator[Any]:
    """A page that fails its test if it logs a message, opens a dialog or cannot load a file. It remembers nothing."""
    wrong: list[str] = []
    noted = {
        "console": lambda message: wrong.append(message.text),
        "pageerror": lambda error: wrong.append(str(error)),
        "dialog": lambda dialog: (wrong.append(dialog.message), dialog.dismiss()),
        # A page that is left or closed aborts its open requests.
        "requestfailed": lambda request: request.failure == "net::ERR_ABORTED" or wrong.append(request.url),
    }
    for event, note in noted.items():
        tab.on(event, note)
    yield tab
    tab.evaluate("localStorage.clear()")
    tab.goto("about:blank")
    tab.set_viewport_size({"width": 1280, "height": 720})
    tab.emulate_media(color_scheme="light")
    for event, note in noted.items():
        tab.remove_listener(event, note)
    assert wrong == []
