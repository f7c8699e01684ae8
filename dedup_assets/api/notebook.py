"""Showing things in the Jupyter notebook that runs the code. IPython is there, because it runs it."""

import sys
from html import escape
from typing import Any


def show_inline(html: str) -> None:
    """Show a page as output of the running notebook cell; do nothing outside of a notebook.

    The page gets a frame of its own, so that its styles stay inside and its content security policy applies.
    """
    if not in_notebook():
        return
    from IPython.display import display

    frame = f'<iframe srcdoc="{escape(html, quote=True)}" sandbox width="100%" height="800" style="border:0"></iframe>'
    # Not as IPython's `HTML`, which warns of every frame.
    display({"text/html": frame, "text/plain": "a gallery"}, raw=True)  # type: ignore[no-untyped-call]  # no types here


class Display:
    """A part of the output of the running cell, which can be replaced. It needs no widgets and nothing on stderr."""

    def __init__(self) -> None:
        self._handle: Any = None

    def show(self, html: str, text: str) -> None:
        """Show this in place of what was shown before.

        Args:
            html: for notebooks.
            text: for those that show none.
        """
        from IPython.display import display

        content = {"text/html": html, "text/plain": text}
        if self._handle is None:
            self._handle = display(content, raw=True, display_id=True)  # type: ignore[no-untyped-call]  # no types here
        else:
            self._handle.update(content, raw=True)


def in_notebook() -> bool:
    """Whether a Jupyter kernel runs this code."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return shell is not None and "IPKernelApp" in shell.config
