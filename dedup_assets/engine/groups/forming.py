"""Evidence to groups: images of one picture, the kept one, and the reason why it is kept."""

from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedup_assets.engine.core.keep_rules import DEFAULT_POLICY, keep_rules
from dedup_assets.engine.core.match_records import Evidence, Groups, Relation, Role
from dedup_assets.engine.core.match_tables import SETTLED_SCHEMA
from dedup_assets.engine.core.root_roles import Roots
from dedup_assets.engine.core.verdict_records import Verdicts
from dedup_assets.engine.groups.decided_vertices import DecidedVertices
from dedup_assets.engine.groups.describing import describe
from dedup_assets.engine.groups.group_ids import make_ids
from dedup_assets.engine.groups.images import Images
from dedup_assets.engine.groups.keeping import (
    ALL_COPIES,
    BY_EDITS,
    BY_OWN_FACTS,
    BY_VERDICT,
    KeptVertex,
    choose_kept,
    deciding_rule,
    edit_levels,
    hubs_to_replace,
    is_joined_to_all,
)
from dedup_assets.engine.groups.policy import EDITED, Worth, reason_of
from dedup_assets.engine.groups.related import find_related
from dedup_assets.engine.groups.separating import Separation
from dedup_assets.engine.groups.stars import CopyEdges, find_stars
from dedup_assets.engine.groups.verdicts import Ruling, rule


def form_groups(
    evidence: Evidence,
    keep_policy: str = DEFAULT_POLICY,
    verdicts: Verdicts | None = None,
    roots: Roots | None = None,
    labelled: pl.Series | None = None,
) -> Groups:
    """Form the groups that evidence proves, in the same way whatever the order of its rows.

    Images with the same bytes or the same pixels are one vertex, because these relations carry over: all that is said
    of one holds for the others. So are images that a person calls the same. Vertices are cut into stars along `copy`
    rows of pairs that were compared themselves.

    Args:
        evidence: rows whose residual is null say nothing here, because they follow from groups.
        keep_policy: which image of a group is kept, see `core.keep_rules`.
        verdicts: what people have decided; it has priority.
        roots: which files are never acted upon, and which copies are no finding.
        labelled: binary, names of the images that have a label; None if no labels are given.
    """
    roots = roots or Roots(())
    ruling = rule(verdicts or Verdicts(), evidence)
    same = _same(ruling)
    never = (name for name in _names_of(same).to_list() if roots and roots.why_never(name))
    ruling = replace(ruling, protected=ruling.protected.union(never))
    images = Images.of(same, ruling, keep_rules(keep_policy), labelled)
    decided = DecidedVertices.of(ruling, images.facts["filename"], images.vertex)
    rows = _with_roots(_rows_of(images, same, decided), roots)
    related = find_related(ruling.rows, rows)
    settled = _settled(ruling, evidence, images) if verdicts else None
    return Groups(rows, related, decided=decided.outcome(verdicts) if verdicts else None, settled=settled)


def find_kept(evidence: Evidence, keep_policy: str = DEFAULT_POLICY) -> pl.DataFrame:
    """The images of the groups that evidence proves, and what each group keeps, if nobody has decided anything.

    Args:
        evidence: as of `form_groups`.
        keep_policy: as there.

    Returns:
        `filename`, `keep` and `similarity_to_keep` of `Groups.rows`, in another order. The rest of a row is what a
        person reads of it, which takes most of the time.
    """
    ruling = rule(Verdicts(), evidence)
    same = _same(ruling)
    images = Images.of(same, ruling, keep_rules(keep_policy), None)
    edges, members = images.copy_edges(same), images.members([], images.vertex)
    closeness = same["similarity"].fill_null(0.0).to_numpy()
    edges, cuts = _cut(
        images, edges, members, DecidedVertices.of(ruling, images.facts["filename"], images.vertex), closeness
    )
    vertices = np.array([vertex for cut in cuts for vertex in (cut.kept, *cut.others)], np.int64)
    kept = np.repeat(np.array([cut.kept for cut in cuts], np.int64), [1 + len(cut.others) for cut in cuts])
    sizes = [len(members[vertex]) for vertex in vertices]
    first = np.array([group[0] for group in members], np.int64)
    image = np.concatenate([members[vertex] for vertex in vertices]) if len(vertices) else vertices
    place = edges.find(vertices, kept)
    found = same["similarity"].to_numpy()[edges.row[place]] if len(edges) else np.full(len(place), np.nan)
    similarity = np.where(vertices == kept, 1.0, np.where(place < 0, np.nan, found))
    names = images.facts["filename"]
    return pl.DataFrame(
        {
            "filename": names.gather(image),
            "keep": names.gather(first[np.repeat(kept, sizes)]),
            "similarity_to_keep": pl.Series(np.repeat(similarity, sizes), dtype=pl.Float64).fill_nan(None),
        }
    )


def _names_of(same: pl.DataFrame) -> pl.Series:
    return pl.concat([same["a"], same["b"]]).unique()


def _same(ruling: Ruling) -> pl.DataFrame:
    """The rows that prove one picture, the most similar first; beside verdicts also what was found of joined pairs."""
    proven = ruling.rows.filter(pl.col("residual").is_not_null())
    same = proven.filter(pl.col("relation").is_in([relation for relation in Relation if relation.is_same_picture]))
    same = same.sort("similarity", "a", "b", descending=[True, False, False], nulls_last=True)
    if (same["relation"] == Relation.SAME).any():
        names = _names_of(same)
        is_among = pl.col("a").is_in(names.implode()) & pl.col("b").is_in(names.implode())
        other = proven.filter((pl.col("relation") == Relation.VARIANT) & is_among)
        same = pl.concat([same, other.sort("similarity", "a", "b", descending=[True, False, False], nulls_last=True)])
    return same


def _settled(ruling: Ruling, evidence: Evidence, images: Images) -> pl.DataFrame:
    """`Groups.settled`: pairs that a verdict separates, or joins, and compared pairs of images that verdicts join."""
    if not ruling.applied:
        return pl.DataFrame(schema=SETTLED_SCHEMA)
    columns = list(SETTLED_SCHEMA)
    separated = ruling.rows.filter(pl.col("relation").is_in([Relation.DIFFERENT, Relation.VARIANT])).select(columns)
    number = pl.DataFrame({"name": images.facts["filename"], "vertex": images.vertex, "alike": images.alike})
    joined = ruling.rows.filter(pl.col("relation") == Relation.SAME.value).select("a", "b")
    pairs = pl.concat([evidence.rows.select("a", "b"), joined, ruling.joined]).unique()
    pairs = pairs.with_columns(relation=pl.lit(Relation.SAME.value))
    for side in ("a", "b"):
        pairs = pairs.join(number.select(pl.all().name.suffix(f"_{side}")), left_on=side, right_on=f"name_{side}")
    is_joined = (pl.col("vertex_a") == pl.col("vertex_b")) & (pl.col("alike_a") != pl.col("alike_b"))
    found = pl.concat([separated, pairs.filter(is_joined).select(columns)])
    return found.join(evidence.rows, on=columns, how="anti").unique().sort(columns)


@dataclass(frozen=True)
class _Star:
    """A group in numbers: the kept vertex, the others, the kept image, why it is kept, and images that rival it."""

    center: int
    others: list[int]
    kept: int
    reason: str
    rivals: frozenset[int] = frozenset()


def _rows_of(images: Images, same: pl.DataFrame, decided: DecidedVertices) -> pl.DataFrame:
    edges, members = images.copy_edges(same), images.members(decided.kept_images, images.vertex)
    closeness = same["similarity"].fill_null(0.0).to_numpy()
    edges, cuts = _cut(images, edges, members, decided, closeness)
    stars = [_star_of(images, edges, members, cut) for cut in cuts]
    compared = images.compared(same) if len(np.unique(images.single)) > len(members) else edges
    stars = _Joined(images, edges, members, compared, images.members(decided.kept_images, images.single)).of(stars)
    images_of = [[int(image) for vertex in (star.center, *star.others) for image in members[vertex]] for star in stars]
    contents = images.facts["content"].to_list()
    ids = make_ids([[contents[image] for image in group] for group in images_of])
    columns = {
        "image": [image for group in images_of for image in group],
        "group_id": [name for name, group in zip(ids, images_of, strict=True) for _ in group],
        "keep": [star.kept for star, group in zip(stars, images_of, strict=True) for _ in group],
        "reason": [str(star.reason) for star, group in zip(stars, images_of, strict=True) for _ in group],
        "is_rival": [image in star.rivals for star, group in zip(stars, images_of, strict=True) for image in group],
    }
    kinds = {"image": pl.Int64, "group_id": pl.String, "keep": pl.Int64, "reason": pl.String, "is_rival": pl.Boolean}
    table = pl.DataFrame(columns, schema=kinds)
    return describe(table, images, compared, same, decided)


@dataclass(frozen=True)
class _Cut:
    """A star before anything is said of it: its hub, all of its vertices, and which of them is kept.

    Attributes:
        center: the hub.
        group: (m,) all vertices, the hub among them.
        choice: the kept vertex; None if a verdict keeps the hub.
    """

    center: int
    group: NDArray[np.int64]
    choice: KeptVertex | None

    @property
    def kept(self) -> int:
        """The kept vertex."""
        return self.center if self.choice is None else self.choice.kept

    @property
    def others(self) -> NDArray[np.int64]:
        """The vertices but for the kept one."""
        others: NDArray[np.int64] = self.group[self.group != self.kept]
        return others


def _star_of(images: Images, edges: CopyEdges, members: list[NDArray[np.int64]], cut: _Cut) -> _Star:
    if cut.choice is None:
        return _Star(cut.center, cut.others.tolist(), int(members[cut.center][0]), BY_VERDICT)
    others = cut.others
    return _Star(cut.kept, others.tolist(), *_said(images, edges, members, cut.choice, others))


def _cut(
    images: Images,
    edges: CopyEdges,
    members: list[NDArray[np.int64]],
    decided: DecidedVertices,
    closeness: NDArray[np.float64],
) -> tuple[CopyEdges, list[_Cut]]:
    """The stars, and the edges along which they were cut."""
    worth = images.worth.take(np.array([group[0] for group in members], np.int64))
    rank = np.empty(len(members), np.int64)
    rank[worth.order()] = np.arange(len(members))
    separation = Separation(
        decided.apart,
        decided.kept,
        closeness,
        rank,
        lambda center, around, left: choose_kept(center, around, left, worth).kept,
    )
    edges = separation.of(edges)
    hub = find_stars(len(members), edges, rank, decided.kept)
    to_replace = hubs_to_replace(hub, edges, worth)
    decided.see(hub)
    order = np.argsort(hub, kind="stable")
    cuts = []
    for group in np.split(order, np.flatnonzero(np.diff(hub[order])) + 1) if len(order) else []:
        center = int(hub[group[0]])
        if len(group) == len(members[center]) == 1:
            continue
        if center in decided.kept:
            cuts.append(_Cut(center, group, None))
            continue
        is_judged = center in to_replace
        choice = choose_kept(center, group[group != center], edges, worth) if is_judged else None
        cuts.append(_Cut(center, group, choice or KeptVertex(center, is_best=True)))
    return edges, cuts


@dataclass(frozen=True)
class _Joined:
    """Groups with images that a person joined: what is kept follows from each image itself, as it was compared.

    Attributes:
        images: all.
        edges: between vertices.
        members: of each vertex, as `Images.members` gives them.
        compared: edges between the numbers of `Images.single`.
        singles: of each of these numbers, as `Images.members` gives them.
    """

    images: Images
    edges: CopyEdges
    members: list[NDArray[np.int64]]
    compared: CopyEdges
    singles: list[NDArray[np.int64]]

    def of(self, stars: list[_Star]) -> list[_Star]:
        """The stars, each with its kept image."""
        if len(self.singles) == len(self.members):
            return stars
        worth = self.images.worth.take(np.array([group[0] for group in self.singles], np.int64))
        return [star if star.reason == BY_VERDICT else self._chosen(star, worth) for star in stars]

    def _chosen(self, star: _Star, worth: Worth) -> _Star:
        vertices = np.array([star.center, *star.others], np.int64)
        single = {int(vertex): np.unique(self.images.single[self.members[vertex]]) for vertex in vertices}
        everyone = np.concatenate(list(single.values()))
        if len(everyone) == len(vertices):
            return star
        able = {
            int(each)
            for vertex, numbers in single.items()
            if is_joined_to_all(vertex, vertices, self.edges)
            for each in numbers
        }
        hub = int(self.images.single[star.kept])
        choice = choose_kept(hub, everyone[everyone != hub], self.compared, worth, able)
        others = everyone[everyone != choice.kept]
        kept, reason, rivals = _said(self.images, self.compared, self.singles, choice, others)
        return replace(star, kept=kept, reason=reason, rivals=rivals)


def _said(
    images: Images, edges: CopyEdges, members: list[NDArray[np.int64]], choice: KeptVertex, others: NDArray[np.int64]
) -> tuple[int, str, frozenset[int]]:
    """The kept image of a star, why it is kept, and the images that rival it."""
    reason = _reason(images, edges, members, choice.kept, others) if choice.is_best else ALL_COPIES
    rivals = frozenset(int(image) for vertex in choice.rivals for image in members[vertex])
    return int(members[choice.kept][0]), reason, rivals


def _reason(
    images: Images, edges: CopyEdges, members: list[NDArray[np.int64]], kept: int, others: NDArray[np.int64]
) -> str:
    """What the kept image, which is the best of its group, has before the next best one."""
    first, *twins = members[kept][:2].tolist()
    rivals = np.array([members[vertex][0] for vertex in others] + twins, np.int64)
    levels = np.append(edit_levels(kept, others, edges), np.zeros(len(twins), np.int64))
    decided = deciding_rule(first, rivals, levels, images.worth)
    if decided is None:
        return BY_EDITS if (levels == EDITED).any() else BY_OWN_FACTS
    rule, gain = decided
    return reason_of(rule, images.worth.value(first, rule), gain)


def _with_roots(rows: pl.DataFrame, roots: Roots) -> pl.DataFrame:
    """The rows without groups that are no finding; what roots leave alone has the role of a protected image."""
    if not roots:
        return rows
    names = rows.group_by("group_id", maintain_order=True).agg("filename")
    gone = [group for group, members in names.iter_rows() if roots.is_left_alone(members)]
    left = rows.filter(~pl.col("group_id").is_in(gone))
    pairs = left.select("role", "filename", "keep").iter_rows()
    role = [
        Role.PROTECTED.value if role != Role.KEEP.value and roots.why_not_beside(name, keep) else role
        for role, name, keep in pairs
    ]
    return left.with_columns(role=pl.Series(role, dtype=pl.String))
