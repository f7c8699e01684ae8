"""The comparison as Markdown: a table for the terminal, and the page in results/ with how the figures were made."""

import os
import platform
from collections.abc import Sequence
from pathlib import Path

from benchmarks.results import ImageSet, Result

_COLUMNS = [
    "tool", "images/s", "wall s (all runs)", "CPU ms/image", "peak MB", "vectors", "uAP", "recall@P99.9",
    "precision", "recall", "precision, own default", "recall, own default",
    "groups", "copies in groups", "mixed groups", "originals kept",
]  # fmt: skip


def table(image_set: ImageSet) -> str:
    """One set of images as a Markdown table."""
    rows = [_COLUMNS, *(_row(result) for result in image_set.results)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_COLUMNS))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in rows
    ]
    lines.insert(1, "|" + "|".join("-" * (width + 1) + ":" for width in widths) + "|")
    return "\n".join(lines)


def _row(result: Result) -> list[str]:
    if result.failed:
        return [result.tool.name, result.failed, *["-"] * (len(_COLUMNS) - 2)]
    walls = ", ".join(f"{run.wall_seconds:.1f}" for run in result.runs)
    vectors = result.vectors
    cells = [
        result.tool.name,
        f"{result.images_per_second:,.1f}",
        walls,
        f"{result.cpu_ms_per_image:.1f}",
        f"{result.peak_megabytes:,.0f}",
        f"{vectors.images:,} x {vectors.dimension}" if vectors else "-",
        f"{vectors.average_precision:.4f}" if vectors else "-",
        f"{vectors.sure_recall:.4f} (cosine {vectors.sure_cosine:.3f})" if vectors else "-",
    ]
    for pairs in (result.pairs, result.default_pairs):
        cells += [f"{pairs.precision:.4f}", f"{pairs.recall:.4f}"] if pairs else ["-", "-"]
    groups = result.groups
    if groups is None:
        return [*cells, *["-"] * 4]
    kept = "-" if groups.originals_kept is None else f"{groups.originals_kept:.4f}"
    return [*cells, f"{groups.reported:,}", f"{groups.found:.4f}", f"{groups.mixed:,}", kept]


def ratios(image_set: ImageSet) -> list[str]:
    """Speed and CPU time of the first tool, ours, relative to each of the others."""
    ours, *peers = image_set.results
    return [
        f"{ours.tool.name} beside {peer.tool.name}: {ours.images_per_second / peer.images_per_second:.2f} times the "
        f"images/s, {ours.cpu_ms_per_image / peer.cpu_ms_per_image:.2f} times the processor time."
        for peer in peers
        if not (ours.failed or peer.failed)
    ]


def page(
    sets: Sequence[ImageSet], *, command: str, chart: str, neighbors: int, threshold: float, load: float, date: str
) -> str:
    """The page for results/.

    Args:
        sets: the results.
        command: the command that reproduces them.
        chart: file name of the chart beside the page.
        neighbors: nearest neighbours that all tools were asked for.
        threshold: threshold that all tools were given.
        load: load average of the machine before the first run; other work disturbs the figures.
        date: date of the runs.
    """
    tools = sets[0].results
    lines = [
        "# Speed, memory and quality beside peers",
        "",
        f"![Chart of the figures below]({chart})",
        "",
        f"    {command}",
        "",
        f"- {date}, {machine()}",
        f"- load average before the first run: {load:.1f}" + (" (**the machine was busy**)" if load > 0.5 else ""),
        *(f"- {tool.tool.name} {tool.version}, Python {tool.python}: {tool.tool.arguments}" for tool in tools),
        f"- all tools: nearest_neighbors_k={neighbors}, threshold={threshold}, each run in a new, empty work_dir, "
        f"cold start of the process, files in the page cache; {len(tools[0].runs)} runs each, in turn",
        "",
        "What each column means: [README](../README.md). The two precisions and recalls are those of the listed pairs, "
        f"at {threshold} and at each tool's own default "
        f"({', '.join(f'{tool.tool.name} {tool.tool.default_threshold}' for tool in tools)}).",
    ]
    for image_set in sets:
        lines += [
            "",
            f"## {image_set.name}: {image_set.images:,} images in {image_set.groups:,} groups",
            "",
            table(image_set),
            "",
            *ratios(image_set),
        ]
    return "\n".join(lines) + "\n"


def machine() -> str:
    """Processor, cores that may be used, memory, system."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())
    system = f"{platform.system()} {platform.release().split('-')[0]}"
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{len(os.sched_getaffinity(0))} cores of {model}, {memory:.0f} GiB, {system}"
