"""The results of a run as tables, and the questions that most users ask of them in one line each.

Only what is stored is read. Nothing is computed, changed or removed.
"""

import os
from collections.abc import Collection, Iterator
from functools import cached_property
from typing import TYPE_CHECKING

from dedup_assets.api.arguments import path_of, plain
from dedup_assets.api.attributes import NamedAttributes
from dedup_assets.engine.core.errors import SettingsError
from dedup_assets.engine.core.match_records import Relation, Role
from dedup_assets.engine.core.spelling import names_meant, words_given

if TYPE_CHECKING:
    import polars as pl


_MOST_SHARE = 0.5
_SAME = tuple(relation.value for relation in Relation if relation.is_same_picture)


def _check_share(share: float) -> None:
    number = plain(share)
    if isinstance(number, bool) or not isinstance(number, int | float) or not 0 < number <= _MOST_SHARE:
        raise SettingsError(f"share={share!r}: must be more than 0 and at most {_MOST_SHARE}")


def load(work_dir: str | os.PathLike[str]) -> "StoredResults":
    """Open the results of a run.

    Args:
        work_dir: folder or URL that a run wrote to.

    Raises:
        SettingsError: it is no path.
        WorkDirError: it holds no results of a run.
    """
    return StoredResults(path_of("work_dir", work_dir))


class StoredResults(NamedAttributes):
    """The results in a work_dir, as polars frames (`.to_pandas()` gives pandas, and needs pandas and pyarrow).

    A column of names is text if each of its names is UTF-8, else binary. Each table is read when it is first asked for.

    Args:
        work_dir: folder or URL that a run wrote to.

    Raises:
        WorkDirError: it holds no results of a run; from a method: what the method reads was not made, or is damaged.
    """

    def __init__(self, work_dir: str) -> None:
        from dedup_assets.engine.work_dir import WorkDir, ledger_file

        self._place, self._work_dir = work_dir, WorkDir(work_dir)
        self._ledger = ledger_file.read_ledger(self._work_dir).rows

    def __repr__(self) -> str:
        """The place, and how many images there are."""
        bad = int(self._ledger["error_code"].is_not_null().sum())
        return f"StoredResults({self._place!r}: {self._ledger.height - bad} images, {bad} bad)"

    def images(self) -> "pl.DataFrame":
        """One row per listed image, in the order of the listing.

        Returns:
            `filename`, `size_bytes`, `error_code` and `error` (null for a good image), `low_information` (boolean),
            `group_id`, `role` and `keep` (null for an image in no group).
        """
        import polars as pl

        images = self._ledger.select(
            *("filename", "size_bytes", "error_code", "error"), pl.col("low_information").is_not_null()
        )
        grouped = self._groups.select("filename", "group_id", "role", "keep")
        return readable(images.join(grouped, on="filename", how="left", maintain_order="left"))

    def bad_images(self) -> "pl.DataFrame":
        """The files that could not be used: `filename`, `size_bytes`, `error_code`, `error`."""
        import polars as pl

        bad = self._ledger.filter(pl.col("error_code").is_not_null())
        return readable(bad.select("filename", "size_bytes", "error_code", "error"))

    def pairs(self) -> "pl.DataFrame":
        """The rows of similarity.csv: `from`, `to`, `similarity`, the closest first."""
        from dedup_assets.engine.work_dir import files

        pairs = files.read_pairs(self._work_dir, files.SIMILARITY).rows
        return readable(pairs.rename({"distance": "similarity"}))

    def outliers(self) -> "pl.DataFrame":
        """The rows of outliers.csv: `from`, `to`, `similarity`, the most isolated image first."""
        from dedup_assets.engine.work_dir import files

        outliers = files.read_pairs(self._work_dir, files.OUTLIERS).rows
        return readable(outliers.rename({"distance": "similarity"}))

    def isolated(self, share: float = 0.01) -> "pl.DataFrame":
        """The images that are least similar to their nearest neighbours, also where none is an outlier by a threshold.

        Args:
            share: of the good images; more than 0, at most 0.5.

        Returns:
            `filename`, `nearest` (its nearest neighbour), `similarity` (to that) and `mean_similarity` (to all its
            `nearest_neighbors_k` neighbours), the most isolated first.

        Raises:
            SettingsError: `share` is out of its bounds.
            WorkDirError: similarity was not made, or is damaged.
        """
        from dedup_assets.engine.results.isolation import rank_isolated
        from dedup_assets.engine.work_dir import files

        _check_share(share)
        names = files.read_features(self._work_dir).names
        return readable(rank_isolated(files.read_neighbors(self._work_dir).edges, names, share))

    def components(self) -> "pl.DataFrame":
        """One row per good image: `filename`, and the columns of connected_components.csv."""
        from dedup_assets.engine.work_dir import files

        names = files.read_features(self._work_dir).names.alias("filename")
        return readable(files.read_components(self._work_dir).images.insert_column(0, names))

    def image_facts(self) -> "pl.DataFrame":
        """What was measured of each good image: the rows of image_facts.parquet.

        Raises:
            WorkDirError: the features are of fastdup, or were made from arrays.
        """
        from dedup_assets.engine.work_dir import fact_file

        return readable(fact_file.read_facts(self._work_dir))

    def fact_outliers(self, share: float = 0.01) -> "pl.DataFrame":
        """The images at the ends of each fact: too dark, too bright, blurred, flat, small, oddly shaped.

        Args:
            share: of the images, for each end of each fact; 0 to 0.5. One image at least.

        Returns:
            `filename`, `fact`, `end` (low or high), `value`, and `share` (of the images that lie further out or are
            equal), for the images within `share`; the most extreme of each fact first. `aspect` is width / height.

        Raises:
            SettingsError: `share` is out of its bounds.
            WorkDirError: as of `image_facts`.
        """
        from dedup_assets.engine.results.fact_outliers import find_fact_outliers
        from dedup_assets.engine.work_dir import fact_file

        _check_share(share)
        return readable(find_fact_outliers(fact_file.read_facts(self._work_dir), share))

    def evidence(self) -> "pl.DataFrame":
        """Why images match: the rows of evidence.parquet."""
        from dedup_assets.engine.work_dir import match_files

        return readable(match_files.read_evidence(self._work_dir).rows)

    def groups(self) -> "pl.DataFrame":
        """The images that are one picture: the rows of groups.parquet, the kept image of each group first."""
        return readable(self._groups)

    def leaks(self, unverified: bool = False) -> "pl.DataFrame":
        """Pictures that are in two named sets: the rows of leaks.parquet, with the `role` certain or review.

        `review` says why a person decides about the latter.

        Args:
            unverified: also similar images that are no leak: the rows with the role variant, two pictures by their
                pixels, and undecided, where their comparison decided nothing.

        Raises:
            WorkDirError: the run had no sets.
        """
        import polars as pl

        from dedup_assets.engine.core.set_records import LEAKING
        from dedup_assets.engine.work_dir import leak_files

        rows = leak_files.read_leaks(self._work_dir).rows
        return readable(rows if unverified else rows.filter(pl.col("role").is_in(LEAKING)))

    def leak_matrix(self) -> "pl.DataFrame":
        """What each two named sets share: the rows of leak_matrix.csv. Raises WorkDirError as `leaks`."""
        from dedup_assets.engine.work_dir import leak_files

        return leak_files.read_leaks(self._work_dir).matrix

    def split_fix(self) -> "pl.DataFrame":
        """What to take out of which set, so that none of these leaks is left: the rows of split_fix.csv.

        Raises:
            WorkDirError: the run had no sets.
        """
        from dedup_assets.engine.work_dir import leak_files

        return readable(leak_files.read_leaks(self._work_dir).fix)

    def plan(
        self, only: str | Collection[str] | None = None, marked: "str | os.PathLike[str] | None" = None
    ) -> "pl.DataFrame":
        """What `dedup_assets.plan` would write: a row for each file that would go, with the kept one and the reason.

        Args:
            only: one or several relations to the kept image, as of `dedup_assets.plan`.
            marked: a list of marked files that the gallery has saved; rows of these alone.

        Raises:
            PlanError: nothing was compared, verdicts were added since, a relation is not allowed, or a list cannot be
                read.
        """
        from dedup_assets.engine.cleaning import PlanOptions, plan_of, read_marks

        marks = None if marked is None else read_marks(path_of("marked", marked))
        return readable(plan_of(self._work_dir, PlanOptions.parse("trash", only, marked=marks)).rows)

    def related(self) -> "pl.DataFrame":
        """Similar images that are no members of a group: the rows of related.parquet."""
        from dedup_assets.engine.work_dir import match_files

        return readable(match_files.read_groups(self._work_dir).related)

    def changes(self) -> "pl.DataFrame":
        """What each run changed in groups: the rows of group_changes.parquet, the last run last."""
        from dedup_assets.engine.work_dir import group_history_files

        return readable(group_history_files.read_history(self._work_dir).changes)

    def clusters(self) -> list[list[str]]:
        """The names of each group, the largest group first, the kept image first in each.

        Bytes of names that are not UTF-8 become surrogate escapes, here and in all lists; `os.fsencode` restores them.
        """
        groups = self._groups.group_by("group_id", maintain_order=True).agg("filename")["filename"].to_list()
        return [[os.fsdecode(name) for name in names] for names in sorted(groups, key=len, reverse=True)]

    def to_drop(self, relations: str | Collection[str] = (Relation.EXACT,)) -> list[str]:
        """The names of images that `dedup_assets.plan` takes, those that free most first; nothing happens to them.

        So it names no image that a plan leaves where it is: one that a person decides about, one with other names
        (links), one that a root or a verdict keeps, one beside which lies something that the kept one lacks, as a
        sidecar, a raw file, a film or a note, a member of an archive, and a file that is gone or has changed. A look at
        files of the same bytes is enough; `pixels` and `copy` rest on a comparison at 256 pixels.

        Args:
            relations: to the kept image, one or several of exact, pixels, copy and same (by a verdict).

        Raises:
            SettingsError: a relation is none of these.
            PlanError: nothing was compared, or verdicts were added since.
        """
        from dedup_assets.engine.cleaning import PlanOptions, plan_of

        named = words_given(relations)
        if named is None or not set(named) <= set(_SAME) or relations == "":
            meant = names_meant(named or (), _SAME)
            raise SettingsError(f"relations={relations!r}: must be one or several of {', '.join(_SAME)}{meant}")
        if not named:
            return []
        planned = plan_of(self._work_dir, PlanOptions.parse("trash", named)).rows["filename"]
        good = set(self._good)
        return [os.fsdecode(name) for name in planned if name in good]

    def to_keep(self, relations: str | Collection[str] = (Relation.EXACT,)) -> list[str]:
        """The names of the good images that `to_drop` does not name, in the order of the listing."""
        gone = {os.fsencode(name) for name in self.to_drop(relations)}
        return [os.fsdecode(name) for name in self._good if name not in gone]

    def twins(self, image: str | os.PathLike[str]) -> list[str]:
        """The names of the other images of the same picture.

        Args:
            image: a name as the results have it, or the end of one that no other image has.

        Raises:
            SettingsError: there is no such image, or there are several.
        """
        import polars as pl

        name = self._find(path_of("image", image))
        group = self._groups.filter((pl.col("filename") == name).any().over("group_id"))["filename"].to_list()
        return [os.fsdecode(other) for other in group if other != name]

    @property
    def _good(self) -> list[bytes]:
        """The names of the good images, in the order of the listing."""
        return self._ledger.filter(self._ledger["error_code"].is_null())["filename"].to_list()

    @cached_property
    def _groups(self) -> "pl.DataFrame":
        from dedup_assets.engine.work_dir import match_files

        return match_files.read_groups(self._work_dir).rows.sort(
            "group_id", _is_other(), "filename", maintain_order=True
        )

    def _find(self, image: str) -> bytes:
        wanted = os.fsencode(image)
        found = list(_named(self._ledger["filename"].to_list(), wanted))
        if len(found) != 1:
            said = f"{len(found)} images end with it, such as {os.fsdecode(found[0])!r}" if found else "is not there"
            raise SettingsError(f"image={image!r}: {said}; name one as {self._place!r} has it")
        return found[0]


def _is_other() -> "pl.Expr":
    import polars as pl

    return pl.col("role") != Role.KEEP.value


def _named(names: list[bytes], wanted: bytes) -> Iterator[bytes]:
    """The name itself if it is there, else the names that end with it from a slash on."""
    if wanted in names:
        yield wanted
    else:
        yield from (name for name in names if name.endswith(b"/" + wanted))


def readable(table: "pl.DataFrame") -> "pl.DataFrame":
    """Columns of names as text, where each name is UTF-8."""
    import polars as pl

    named = [name for name, kind in table.schema.items() if kind in (pl.Binary, pl.List(pl.Binary))]
    return table.with_columns(_text(table[name]) for name in named)


def _text(names: "pl.Series") -> "pl.Series":
    import polars as pl

    try:
        return names.cast(pl.String if names.dtype == pl.Binary else pl.List(pl.String))
    except pl.exceptions.ComputeError:  # a name is not UTF-8
        return names
