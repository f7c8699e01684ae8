"""Showing a page in the Jupyter notebook that runs the code."""

import sys
from html import escape


def show_inline(html: str) -> None:
    """Show a page as output of the running notebook cell; do nothing outside of a notebook.

    The page gets a frame of its own, so that its styles stay inside and its content security policy applies.
    """
    if not _in_notebook():
        return
    from IPython.display import display

    frame = f'<iframe srcdoc="{escape(html, quote=True)}" sandbox width="100%" height="800" style="border:0"></iframe>'
    # Not as IPython's `HTML`, which warns of every frame.
    display({"text/html": frame, "text/plain": "a gallery"}, raw=True)  # type: ignore[no-untyped-call]  # no types here


def _in_notebook() -> bool:
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return shell is not None and "IPKernelApp" in shell.config
