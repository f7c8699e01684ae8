"""What the materializations of evidence, groups and plans show in Dagster's UI, see `metadata`."""

import math
from collections.abc import Sequence

import dagster as dg
import polars as pl

from dedup_assets.engine.core.group_history import GroupHistory
from dedup_assets.engine.core.match_records import Evidence, Groups, LabelConflicts, Relation, Role
from dedup_assets.engine.core.plan_records import Plan
from dedup_assets.engine.core.records import BadImages, Manifest, Pairs
from dedup_assets.engine.core.reviews import IS_TO_REVIEW
from dedup_assets.engine.core.set_names import AskedSets
from dedup_assets.engine.core.set_records import DROP, LeakRole, Leaks
from dedup_assets.engine.core.verdict_records import Decided
from dedup_assets.engine.gallery.beside import count_heeded
from dedup_assets.engine.gallery.thumbnails import Effort
from dedup_assets.engine.inputs.set_members import find_members, recognised_sets
from dedup_assets.engine.sets import leaked_images, leaks_to_review, say_leaks, say_open, say_review
from dedup_assets.engine.work_dir import WorkDir
from dedup_assets.engine.work_dir.plan_file import PLAN
from dedup_assets.pipeline.metadata import Metadata, place_in, previews, shown_name

_PREVIEW_ROWS = 5
_PREVIEW_IMAGES = 5
_PREVIEW_CHANGES = 20
_PREVIEW_NAMES = 3
_PREVIEW_LABELS = 20
_SHEET_GROUPS = 3
_SHEET_IMAGES = 6


def of_evidence(evidence: Evidence, *, is_off: bool) -> Metadata:
    """Metadata of `evidence`: pairs by relation, what was compared and what was left out.

    Args:
        evidence: the result.
        is_off: the setting `evidence` is off, so that nothing was compared.
    """
    relations = {
        f"{relation.value}_pairs": evidence.counts.get(relation, 0) for relation in Relation if relation.is_evidence
    }
    return {
        "dagster/row_count": len(evidence),
        "candidates": evidence.counts.get("candidates", 0),
        "compared_pairs": evidence.counts.get("compared", 0),
        "remembered_pairs": evidence.findings.answered if evidence.findings else 0,
        "left_out_pairs": evidence.counts.get("left_out", 0),
        "unreadable_images": evidence.counts.get("unreadable", 0),
        **relations,
        "found_done": evidence.is_stored,
        **({"note": "evidence=off: no pictures were compared, so that there are no groups"} if is_off else {}),
    }


def of_groups(
    groups: Groups, evidence: Evidence, effort: Effort | None, returned: Sequence[bytes], reported: int | None = None
) -> Metadata:
    """Metadata of `groups`: how many, what the copies take, what changed, and the largest ones with small pictures.

    Args:
        groups: the result.
        evidence: that it was made from.
        effort: for thumbnails; None for none.
        returned: images that an apply had removed.
        reported: the last run whose changes were reported, by its number in the history; None if it is the last one.
    """
    came_back = [shown_name(name) for name in returned[:_PREVIEW_NAMES]]
    rest = [f"{len(returned) - _PREVIEW_NAMES:,} more"] * (len(returned) > _PREVIEW_NAMES)
    history = groups.history or GroupHistory()
    last = history.run - history.is_changed
    before = last if reported is None else min(reported, last)
    heeded = groups.heeded or count_heeded(groups, evidence).heeded
    return {
        "dagster/row_count": len(groups),
        "groups": groups.count,
        "images_in_groups": len(groups),
        "copies": len(groups) - groups.count,
        "copies_that_may_go": heeded["may_go"],
        "protected_images": int((groups.rows["role"] == Role.PROTECTED.value).sum()),
        "copies_that_stay": heeded["stay"],
        "images_to_review": groups.rows.filter(IS_TO_REVIEW).height,
        "megabytes_that_may_go": round(heeded["bytes"] / 1e6, 3),
        "related_pairs": groups.related.height,
        "removed_before": len(returned),
        **({"came_back": ", ".join(came_back + rest)} if returned else {}),
        **{f"groups_{change.value}": count for change, count in history.count_changes(before).items()},
        "groups_run": history.run,
        "changes": dg.MetadataValue.md(_change_table(history.changed_after(before))),
        **_of_verdicts(groups.decided or Decided()),
        **_of_labels(groups.labels),
        "largest_groups": dg.MetadataValue.md(_group_table(groups, effort)),
    }


def of_plan(plan: Plan, work_dir: WorkDir) -> Metadata:
    """Metadata of `plan`: where it is, files and bytes by relation, and what is left out."""
    found = plan.rows.group_by("relation").agg(pl.len().alias("files"), pl.col("bytes").sum())
    lines = [
        f"| {relation} | {files:,} | {taken / 1e6:,.1f} |"
        for relation, files, taken in found.sort("bytes", "relation", descending=[True, False]).iter_rows()
    ]
    left_out = [f"| not planned: {reason} | {count:,} | |" for reason, count in sorted(plan.left_out.items())]
    return {
        "open": place_in(work_dir, PLAN),
        "dagster/row_count": len(plan),
        "files": len(plan),
        "groups": plan.rows["group_id"].n_unique(),
        "megabytes": round(int(plan.rows["bytes"].sum()) / 1e6, 3),
        "left_out": sum(plan.left_out.values()),
        "removed_before": plan.returned,
        "table": dg.MetadataValue.md("\n".join(["| relation | files | MB |", "|---|---|---|", *lines, *left_out])),
    }


def of_report(bad: BadImages, pairs: Pairs, outliers: Pairs, groups: Groups, effort: Effort | None) -> Metadata:
    """Metadata of `gallery` about what it shows: counts, and a contact sheet."""
    return {
        "groups": groups.count,
        "copies": len(groups) - groups.count,
        "rows_of_similar_pairs": len(pairs),
        "outliers": len(outliers),
        "bad_images": len(bad),
        "contact_sheet": dg.MetadataValue.md(_contact_sheet(outliers, groups, effort)),
    }


def _contact_sheet(outliers: Pairs, groups: Groups, effort: Effort | None) -> str:
    """The first images of the largest groups, the kept one first, and the most isolated images."""
    by_group = groups.rows.group_by("group_id").agg(pl.col("filename").head(_SHEET_IMAGES), pl.len().alias("images"))
    largest = by_group.sort(["images", "group_id"], descending=[True, False]).head(_SHEET_GROUPS)
    rows = [(f"{images:,} of one picture", names) for _, names, images in largest.iter_rows()]
    isolated = outliers.rows["from"].head(_SHEET_IMAGES).to_list()
    rows += [("resemble no other", isolated)] if isolated else []
    if not rows:
        return "no groups and no outliers"
    pictures = previews([name for _, names in rows for name in names], effort)
    lines = (f"| {what} | {' '.join(pictures[name] for name in names)} |" for what, names in rows)
    return "\n".join(["| | |", "|---|---|", *lines])


def _of_verdicts(decided: Decided) -> Metadata:
    shown = [
        f"- line {each.line} {each.verdict_id}: {shown_name(each.problem.encode())}"
        for each in decided.conflicts[:_PREVIEW_CHANGES]
    ]
    rest = len(decided.conflicts) - len(shown)
    more = [f"- {rest:,} more in verdict_conflicts.csv"] * bool(rest)
    return {
        "verdicts": decided.active,
        "verdicts_applied": decided.applied,
        "verdicts_elsewhere": decided.elsewhere,
        **_of_edited(decided),
        **_of_unmatched(decided),
        "verdict_conflicts": len(decided.conflicts),
        **({"conflicting_verdicts": dg.MetadataValue.md("\n".join([*shown, *more]))} if shown else {}),
    }


def _of_labels(labels: LabelConflicts | None) -> Metadata:
    if labels is None:
        return {}
    counts = {
        "labelled_images": labels.labelled,
        "unknown_labels": labels.unknown,
        "label_conflicts": len(labels),
    }
    if not len(labels):
        return counts
    shown = labels.rows.head(_PREVIEW_LABELS).select("group_id", "label", "filename")
    rows = [
        f"| {group} | {shown_name(label.encode())} | {shown_name(name)} |" for group, label, name in shown.iter_rows()
    ]
    rows += [f"| {labels.rows.height - shown.height:,} more in label_conflicts.csv | | |"] * (
        labels.rows.height > shown.height
    )
    return {
        **counts,
        "different_labels": dg.MetadataValue.md("\n".join(["| group | label | image |", "|---|---|---|", *rows])),
    }


def _of_edited(decided: Decided) -> Metadata:
    """The verdicts that a person has to repeat, because the file was edited."""
    if not decided.edited:
        return {}
    names = list(dict.fromkeys(shown_name(name) for name, _ in decided.edited))
    more = f" and {len(names) - _PREVIEW_CHANGES:,} more" * (len(names) > _PREVIEW_CHANGES)
    return {
        "verdicts_of_edited": len({verdict for _, verdict in decided.edited}),
        "edited_since_a_verdict": ", ".join(names[:_PREVIEW_CHANGES]) + more,
    }


def _of_unmatched(decided: Decided) -> Metadata:
    """The verdicts of which no image is here, neither by its bytes nor by its pixels, by what they say."""
    if not decided.unmatched:
        return {}
    said = [
        " ".join([each.relation, *(shown_name(name) for name in each.names), f"({each.verdict_id})"])
        for each in decided.unmatched[:_PREVIEW_CHANGES]
    ]
    more = f" and {len(decided.unmatched) - len(said):,} more" * (len(decided.unmatched) > len(said))
    return {"verdicts_unmatched": len(decided.unmatched), "unmatched_verdicts": ", ".join(said) + more}


def of_sets(asked: AskedSets, manifest: Manifest) -> Metadata:
    """Metadata of `image_manifest` about sets: their sizes, the images in none; or, unasked, what folders seem to be.

    Raises:
        DedupError: as of `find_members`, before the first image is read.
    """
    if not asked:
        found = recognised_sets(asked.inputs, manifest)
        return {"recognised_sets": ", ".join(found)} if found else {}
    members = find_members(asked, manifest)
    sizes = members.group_by("set", maintain_order=True).len().rows()
    in_none = len(manifest) - members["image"].n_unique()
    return {"sets": ", ".join(f"{size:,} {name}" for name, size in [*sizes, *[("in none", in_none)] * bool(in_none)])}


def of_leaks(leaks: Leaks, unread: str = "") -> Metadata:
    """Metadata of `leaks`: what leaks in words, counts, and the matrix as a table; that there are no sets, if so.

    Args:
        leaks: the result.
        unread: as of `unread_of`.
    """
    if not leaks.has_sets:
        return {"dagster/row_count": 0, "leaks": "no sets are named"}
    return {
        "dagster/row_count": len(leaks),
        "leaks": say_leaks(leaks) or "none",
        "leaked_evaluation_images": leaked_images(leaks),
        "of_these_to_review": leaks_to_review(leaks),
        "to_look_at": say_open(leaks) or "none",
        **({"not_compared": unread} if unread else {}),
        **{f"{role}_pairs": int((leaks.rows["role"] == role).sum()) for role in LeakRole},
        "images_to_drop": leaks.fix.filter(pl.col("action") == DROP).height,
        "leak_matrix": dg.MetadataValue.md(_leak_table(leaks)),
    }


def _leak_table(leaks: Leaks) -> str:
    """A heat map in text: images of a row's set that are in a column's set too; a darker square is a larger share."""
    columns = leaks.matrix.select("a", "b", "images_of_a", "share_of_a", "review_of_a")
    cells = {(a, b): tuple(cell) for a, b, *cell in columns.iter_rows()}
    names = list(leaks.sizes)
    shown = {name: shown_name(name.encode()) for name in names}
    head = ["images of", *(f"in {shown[name]}" for name in names)]
    lines = [
        [
            f"**{shown[a]}** ({leaks.sizes[a]:,})",
            *(_heat(*cells[a, b]) if a != b else f"({cells[a, b][0]:,})" for b in names),
        ]
        for a in names
    ]
    rows = [head, ["---"] * len(head), *lines]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _heat(images: int, share: float, review: int) -> str:
    shades = " ░▒▓█"
    return f"{shades[math.ceil(share * (len(shades) - 1))]} {images:,} ({share:.1%}){say_review(review, images)}"


def _group_table(groups: Groups, effort: Effort | None) -> str:
    """The largest groups: the kept image, then copies with what was done to them."""
    rows = groups.rows
    largest = rows.group_by("group_id").len("images").sort(["images", "group_id"], descending=[True, False])
    ids = largest["group_id"].head(_PREVIEW_ROWS).to_list()
    if not ids:
        return "none"
    counts = dict(largest.iter_rows())
    members = {
        group: rows.filter(pl.col("group_id") == group).select("filename", "kind").head(_PREVIEW_IMAGES).rows()
        for group in ids
    }
    pictures = previews([name for shown in members.values() for name, _ in shown], effort)
    lines = (
        f"| {group} | {counts[group]} | "
        + " ".join(f"{pictures[name]} {shown_name(kind.encode())}" for name, kind in shown)
        + " |"
        for group, shown in members.items()
    )
    return "| group | images | the kept one, then copies |\n|---|---|---|\n" + "\n".join(lines)


def _change_table(rows: pl.DataFrame) -> str:
    """Changes, as far as they are shown; group_changes.csv has all."""
    if rows.is_empty():
        return "none"
    lines = [
        f"| {change} | {group} | {other} | {len(names)} | {', '.join(map(shown_name, names[:_PREVIEW_NAMES]))} |"
        for _, change, group, other, names in rows.head(_PREVIEW_CHANGES).iter_rows()
    ]
    rest = rows.height - len(lines)
    more = [f"| {rest:,} more | in group_changes.csv | | | |"] * bool(rest)
    return "\n".join(["| change | group | other | images | names |", "|---|---|---|---|---|", *lines, *more])
