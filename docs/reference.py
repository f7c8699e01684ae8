"""Fills the generated tables of docs/reference.md from the code: `./dev docs`.

A generated table lies between `<!-- generated: NAME -->` and `<!-- end -->`; everything else in the document is written
by hand. `dedup_assets_tests/project/test_reference.py` fails where a table is out of date, and where a file, an error
code, a run mode or an environment variable is missing from the tables written by hand.
"""

import re
import sys
from collections.abc import Callable
from pathlib import Path

from dedup_assets.engine.core.settings import Settings, allowed
from dedup_assets.engine.inputs import kinds
from dedup_assets.engine.work_dir.identity import settings_read
from dedup_assets.pipeline.jobs import ASSETS_OF_MODE, build_jobs

DOCUMENT = Path(__file__).with_name("reference.md")
_BLOCK = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def parameters() -> str:
    """Every setting: name, default, allowed values, the assets that it changes, meaning."""
    rows = [
        f"| `{name}` | {_code(field.default)} | {allowed(name)} | {_changed_by(name)} | {_cell(field.description)} |"
        for name, field in Settings.model_fields.items()
    ]
    return _table("| name | default | allowed | changes | meaning |", rows)


def run_modes() -> str:
    """Every run mode: the job that runs it in Dagster, and the assets that it materializes."""
    rows = [
        f"| {mode} | `{job.name}` | {', '.join(f'`{asset}`' for asset in assets)} |"
        for (mode, assets), job in zip(ASSETS_OF_MODE.items(), build_jobs(Settings.parse(), test_set=True), strict=True)
    ]
    return _table("| run_mode | job in Dagster | assets |", rows)


def inputs() -> str:
    """The names that are listed as images, videos and archives, wherever they lie."""
    known = {
        "images": kinds.IMAGE_EXTENSIONS,
        "videos": kinds.VIDEO_EXTENSIONS,
        "archives": kinds.ARCHIVE_ENDINGS,
        "tables": kinds.TABLES.extensions,
    }
    rows = [f"| {kind} | {' '.join(f'`{end.decode()}`' for end in sorted(ends))} |" for kind, ends in known.items()]
    return _table("| kind | names end in, in upper or lower case |", rows)


BLOCKS: dict[str, Callable[[], str]] = {"parameters": parameters, "run_modes": run_modes, "inputs": inputs}


def filled(document: str) -> str:
    """The document with every generated table as the code has it now. Raises KeyError for an unknown table."""
    return _BLOCK.sub(lambda found: found[1] + BLOCKS[found[2]]() + found[3], document)


def _changed_by(setting: str) -> str:
    """The assets whose results depend on a setting, for either provider; empty where none does."""
    parts = {"turi_param": {"ccthreshold", "run_cc", "run_pagerank", "run_degree"}}.get(setting, {setting})
    assets = [
        asset
        for asset in ASSETS_OF_MODE[0]
        if any(
            parts & settings_read(asset, Settings.parse(nn_provider=provider, range_search=True)).keys()
            for provider in ("faiss", "turi")
        )
    ]
    return ", ".join(f"`{asset}`" for asset in assets)


def _code(value: object) -> str:
    return f"`{value!r}`"


def _cell(text: str | None) -> str:
    return (text or "").replace("|", "\\|")


def _table(header: str, rows: list[str]) -> str:
    return "\n".join([header, "|---" * (header.count("|") - 1) + "|", *rows]) + "\n"


def main() -> int:
    """Write the document where a table has changed; say so."""
    before = DOCUMENT.read_text("utf-8")
    after = filled(before)
    if after != before:
        DOCUMENT.write_text(after, "utf-8")
    print(f"{DOCUMENT.name}: {'tables written' if after != before else 'up to date'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
