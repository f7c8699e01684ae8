"""Showing a page inside a Jupyter notebook, where the code runs in one."""

import sys
from html import escape


def show_inline(html: str) -> None:
    """Show a page as the output of the running notebook cell; nothing happens outside of a notebook.

    The page stands in a frame of its own: its styles stay there, and its content security policy holds.
    """
    if not _in_notebook():
        return
    from IPython.display import HTML, display

    frame = f'<iframe srcdoc="{escape(html, quote=True)}" sandbox width="100%" height="800" style="border:0"></iframe>'
    display(HTML(frame))  # type: ignore[no-untyped-call]  # as IPython has it


def _in_notebook() -> bool:
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return shell is not None and "IPKernelApp" in shell.config
