"""The summary of a run: counts, seconds per step, warnings, and what to do next."""

import shlex
import sys
from collections.abc import Iterator
from contextlib import suppress
from html import unescape
from io import StringIO
from pathlib import Path

from dedup_assets.api.outcomes import say
from dedup_assets.api.terminal import Console, Table
from dedup_assets.engine.core.group_history import Change
from dedup_assets.engine.core.redaction import redacted
from dedup_assets.engine.core.set_records import LeakRole
from dedup_assets.engine.core.settings import Settings
from dedup_assets.pipeline.run_facts import RunFacts

_SHOWN_SECONDS = 0.05  # quicker steps are left out of the summary


def print_summary(facts: RunFacts, settings: Settings) -> None:
    """Print what a run found: counts, seconds per step, warnings, and the path of the gallery."""
    text, is_terminal = StringIO(), sys.stdout is not None and sys.stdout.isatty()
    console = Console(file=text, force_terminal=is_terminal, force_jupyter=False, soft_wrap=True, highlight=False)
    _print_summary(console, facts, settings)
    say(text.getvalue().rstrip("\n"))


def _since_the_last_run(facts: RunFacts) -> Iterator[str]:
    said = []
    if changes := facts.metadata.get("bad_images", {}).get("since_the_last_run"):
        said.append(f"images {changes}")
    changed = [(change, facts.number("groups", f"groups_{change}")) for change in Change]
    if (facts.number("groups", "groups_run") or 0) > 1 and any(count for _, count in changed):
        words = ", ".join(f"{count:,.0f} {change}" for change, count in changed if count)
        said.append(f"groups {words} (group_changes.csv)")
    if said:
        yield f"since the last run: {'; '.join(said)}"
    if returned := facts.number("groups", "removed_before"):
        images = "image" if returned == 1 else "images"
        names = facts.metadata["groups"]["came_back"]
        yield f"came back after an apply had removed them (removed.csv): {returned:,.0f} {images}: {names}"


def _about_scored(facts: RunFacts, settings: Settings) -> str:
    matched, good = facts.number("similarity", "matched_images"), facts.number("bad_images", "good_images")
    if matched is None or good is None:
        return ""
    return (
        f"{matched:,.0f} of {good:,.0f} test images resemble a train image: a similarity of at least "
        f"{settings.threshold}; their pixels are not compared, "
        "and this is no check for leaks: --set train=INPUT --set test=INPUT compares pixels"
    )


def _about_verdicts(facts: RunFacts) -> Iterator[str]:
    edited, unmatched = (facts.number("groups", f"verdicts_{each}") or 0 for each in ("of_edited", "unmatched"))
    if edited:
        names = unescape(str(facts.metadata["groups"]["edited_since_a_verdict"]))
        yield f"{_verdicts(edited)} of files that were edited since: decide again about {names}"
    if unmatched:
        said = unescape(str(facts.metadata["groups"]["unmatched_verdicts"]))
        yield f"{_verdicts(unmatched)} of contents that are no longer here, and match nothing: {said}"


def _verdicts(count: float) -> str:
    return f"{count:,.0f} {'verdict speaks' if count == 1 else 'verdicts speak'}"


def _about_sets(facts: RunFacts) -> str:
    listed, leaks = facts.metadata.get("image_manifest", {}), facts.metadata.get("leaks", {})
    if leaks:
        counted = " (each file once per set, however many names it has there)" if listed.get("links") else ""
        sizes = f"sets: {listed['sets']}{counted}; " if "sets" in listed else ""
        unread = (
            f"; could not be used and are in no comparison: {leaks['not_compared']}" if "not_compared" in leaks else ""
        )
        return f"{sizes}leaks: {leaks['leaks']}{_about_undecided(facts)}{unread}"
    if recognised := listed.get("recognised_sets"):
        return f"folders seem to be sets ({recognised}): --set-folders looks for leaks between them"
    return ""


def _about_undecided(facts: RunFacts) -> str:
    count = int(facts.number("leaks", f"{LeakRole.UNDECIDED}_pairs") or 0)
    pairs = "pair" if count == 1 else "pairs"
    where = "(role undecided in leaks.csv; a higher evidence_pairs_per_image compares more)"
    return f"; {count:,} {pairs} across sets not decided by pixels {where}" if count else ""


def _about_open_leaks(facts: RunFacts, place: str) -> Iterator[str]:
    """The pairs across sets that a person should look at, and where."""
    found = str(facts.metadata.get("leaks", {}).get("to_look_at", "none"))
    if found == "none":
        return
    where = "the gallery's page of leaks, leaks.csv (role)" if "gallery" in facts.metadata else "leaks.csv (role)"
    yield (
        f"across sets to look at: {found}; see {where}; decide with dedup-assets review {place}, or dedup-assets "
        f"verdict A B same, or different, --work-dir {place}"
    )


def _next(facts: RunFacts, settings: Settings) -> Iterator[str]:
    place = shlex.quote(redacted(settings.work_dir))
    if facts.leaked:
        yield f"next: look at leaks.csv in {place}; split_fix.csv there says what could be taken out of which set"
    elif facts.number("groups", "copies_that_may_go"):
        yield f"next: look at the gallery; dedup-assets plan {place} says which copies could go"
    yield from _about_open_leaks(facts, place)


def _print_summary(console: Console, facts: RunFacts, settings: Settings) -> None:
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column(style="dim")
    table.add_column(justify="right")
    for label, asset, key in (
        ("images good", "bad_images", "good_images"),
        ("images bad", "bad_images", "bad_images"),
        ("similar pairs", "similarity", "pairs"),
        ("components", "components", "components"),
        ("largest component", "components", "largest_component"),
        ("outliers", "outliers", "outliers"),
        ("groups of one picture", "groups", "groups"),
        ("copies in groups", "groups", "copies"),
    ):
        value = facts.number(asset, key)
        is_single = key == "largest_component" and not facts.number(asset, "components")
        if value is not None and not is_single:  # one image is no component
            table.add_row(label, f"{value:,.0f}")
    for label, value, form in (
        ("of the copies, to review", facts.number("groups", "images_to_review"), ",.0f"),
        ("exact copies that stay", facts.number("groups", "copies_that_stay"), ",.0f"),
        ("of the copies, protected", facts.number("groups", "protected_images"), ",.0f"),
        ("images that show nothing", facts.number("bad_images", "low_information_images"), ",.0f"),
        ("images computed", facts.number("features", "computed_images"), ",.0f"),
        ("other names of the same files", facts.number("image_manifest", "links"), ",.0f"),
        ("pairs compared by earlier runs", facts.number("evidence", "remembered_pairs"), ",.0f"),
        ("similar pairs not compared", facts.number("evidence", "left_out_pairs"), ",.0f"),
        ("verdicts about these images", facts.number("groups", "verdicts_applied"), ",.0f"),
        ("verdicts not honoured", facts.number("groups", "verdict_conflicts"), ",.0f"),
        ("groups with different labels", facts.number("groups", "label_conflicts"), ",.0f"),
        ("labels of no image", facts.number("groups", "unknown_labels"), ",.0f"),
        ("images not read for comparison", facts.number("evidence", "unreadable_images"), ",.0f"),
        ("images/s", facts.number("features", "images_per_second"), ",.0f"),
        ("recall@k of the index", facts.number("similarity", "recall_at_k"), ".4f"),
    ):
        if value:
            table.add_row(label, format(value, form))
    console.print(table)
    for line in _lines(facts, settings):
        console.print(line, markup=False)
    opened = facts.metadata.get("gallery", {}).get("open")
    place = _link(str(opened), is_terminal=console.is_terminal) if opened else redacted(settings.work_dir)
    console.out(f"{'gallery' if opened else 'results'}: {place}", highlight=False)


def _lines(facts: RunFacts, settings: Settings) -> Iterator[str]:
    """What is said below the table, but for where the results are."""
    yield from _since_the_last_run(facts)
    yield from _about_verdicts(facts)
    if facts.number("image_manifest", "left_out"):
        yield f"left out: {facts.metadata['image_manifest']['left_out_kinds']}"
    yield from filter(None, (_about_scored(facts, settings), _about_sets(facts)))
    steps = ", ".join(f"{step} {took:.1f}" for step, took in facts.seconds.items() if took >= _SHOWN_SECONDS)
    yield f"seconds: {steps}"
    yield from (f"warning: {warning}" for warning in facts.warnings)
    yield from _next(facts, settings)


def _link(path: str, *, is_terminal: bool) -> str:
    """A path or URL as a link: by the sequence OSC 8 on a terminal, elsewhere as an address that programs recognise."""
    address = path if "://" in path else Path(path).absolute().as_uri()
    with suppress(OSError, ValueError):  # it does not lie below the working folder, which is shorter to read
        path = str(Path(path).relative_to(Path.cwd()))
    return f"\033]8;;{address}\033\\{path}\033]8;;\033\\" if is_terminal else address
