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


def _miss(reason: str) -> NoReturn:
    if os.environ.get(REQUIRED):
        pytest.fail(f"{reason}; {REQUIRED} is set, so this test must not be skipped")
    pytest.skip(reason)
