"""Leaks between sets: pairs, the matrix, and what to take out of which set.

One pass over the matches answers all pairs of sets in both directions. Costs grow with the matched images and the
number of sets, not with the square of a group.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations, product
from types import MappingProxyType
from typing import NamedTuple

import polars as pl

from dedup_assets.engine.core.match_records import REVIEW_SEPARATOR, Evidence, Groups, Relation
from dedup_assets.engine.core.set_records import DECIDE, DROP, LINK, LeakRole, Leaks, Tie
from dedup_assets.engine.core.set_tables import FIX_SCHEMA, LEAKS_SCHEMA, MATRIX_SCHEMA
from dedup_assets.engine.sets.matches import Match, SetMatches

_ORDER = [LINK, *(relation.value for relation in Relation)]
_SAME_BYTES = {LINK, Relation.EXACT.value}
_SAME_FILE = Match(LINK, "the same file", 1.0)
_APART = {Relation.VARIANT.value: LeakRole.VARIANT.value, Relation.UNVERIFIED.value: LeakRole.UNDECIDED.value}


class _Hit(NamedTuple):
    """An image of one set with the same picture in another set."""

    image: bytes
    other: bytes
    match: Match


def find_leaks(
    members: pl.DataFrame,
    evidence: Evidence,
    groups: Groups,
    evaluation: Sequence[str],
    ties: Mapping[tuple[bytes, bytes], Tie] = MappingProxyType({}),
) -> Leaks:
    """Find what sets share.

    Args:
        members: `set`, `name` and `image`, each image once per set, the sets in their order.
        evidence: why images match.
        groups: images that are one picture.
        evaluation: names of the sets for evaluation.
        ties: for two names of one image, what taking the first away does to the second, if anything.
    """
    names = _names_by_set(members)
    matches = SetMatches.of(evidence, groups)
    hits = _hits(names, matches)
    rows = [*_leaking(names, hits), *_apart(names, matches)]
    table = pl.DataFrame(rows, schema=LEAKS_SCHEMA, orient="row")
    order = pl.col("role").cast(pl.Enum(LeakRole)), pl.col("relation").cast(pl.Enum(_ORDER))
    fix = pl.DataFrame(list(_fix(names, hits, evaluation, ties)), schema=FIX_SCHEMA, orient="row")
    return Leaks(
        rows=table.sort(*order, _apart_by_similarity(), "set_a", "set_b", "a", "b"),
        matrix=pl.DataFrame(list(_matrix(names, hits, matches)), schema=MATRIX_SCHEMA, orient="row"),
        fix=fix,
        sizes={name: len(images) for name, images in names.items()},
        evaluation=tuple(evaluation),
    )


def _apart_by_similarity() -> pl.Expr:
    """Puts the most similar first of the pairs that are no leaks, because a person looks at these."""
    return pl.when(pl.col("role").is_in(list(_APART.values()))).then(-pl.col("similarity"))


def _names_by_set(members: pl.DataFrame) -> dict[str, dict[bytes, bytes]]:
    """For each set its images, with the name that it has for each."""
    found: dict[str, dict[bytes, bytes]] = {}
    for name, as_named, image in members.select("set", "name", "image").iter_rows():
        found.setdefault(name, {})[image] = as_named
    return found


def _hits(names: Mapping[str, Mapping[bytes, bytes]], matches: SetMatches) -> dict[tuple[str, str], list[_Hit]]:
    """For each ordered pair of sets, what of the first has the same picture in the second."""
    inside = {name: set(images) for name, images in names.items()}
    of_group = {name: [[each for each in group if each in inside[name]] for group in matches.groups] for name in names}
    found: dict[tuple[str, str], list[_Hit]] = {}
    for a, b in product(names, names):
        hits = found[a, b] = []
        for image in sorted(names[a]):
            if a != b and image in inside[b]:
                hits.append(_Hit(image, image, _SAME_FILE))
            others = sorted(set(matches.others(image, inside[b], of_group[b])))
            hits += [_Hit(image, other, matches.between(image, other)) for other in others]
    return found


def _leaking(
    names: Mapping[str, Mapping[bytes, bytes]], hits: Mapping[tuple[str, str], Sequence[_Hit]]
) -> Iterator[tuple[object, ...]]:
    for a, b in combinations(names, 2):
        pairs = {(hit.image, hit.other): hit.match for hit in hits[a, b]}
        pairs |= {(hit.other, hit.image): hit.match for hit in hits[b, a]}
        for (one, other), match in pairs.items():
            pair = (a, names[a][one], b, names[b][other], match.role is LeakRole.CERTAIN)
            yield *pair, match.relation, match.kind, match.similarity, match.role.value, match.review


def _apart(names: Mapping[str, Mapping[bytes, bytes]], matches: SetMatches) -> Iterator[tuple[object, ...]]:
    """Similar pairs across sets that are variants, or that nothing decides, and that no group has."""
    for one, other, relation, similarity, kind in matches.apart.iter_rows():
        if matches.are_in_one_group(one, other):
            continue
        for a, b in combinations(names, 2):
            for in_a, in_b in ((one, other), (other, one)):
                if in_a in names[a] and in_b in names[b]:
                    pair = (a, names[a][in_a], b, names[b][in_b])
                    yield *pair, False, relation, kind, similarity, _APART[relation], ""


def _matrix(
    names: Mapping[str, Mapping[bytes, bytes]], hits: Mapping[tuple[str, str], Sequence[_Hit]], matches: SetMatches
) -> Iterator[tuple[object, ...]]:
    pictures = matches.pictures()
    for a, b in product(names, names):
        both = [*hits[a, b], *hits[b, a]]
        shared = {pictures.get(hit.image, hit.image) for hit in both}
        exact = {pictures.get(hit.image, hit.image) for hit in both if hit.match.relation in _SAME_BYTES}
        of_a, of_b = (len({hit.image for hit in hits[pair]}) for pair in ((a, b), (b, a)))
        shares = (of_a / len(names[a]), of_b / len(names[b]))
        certain = (len({hit.image for hit in hits[pair] if not hit.match.review}) for pair in ((a, b), (b, a)))
        open_a, open_b = (all_of - sure for all_of, sure in zip((of_a, of_b), certain, strict=True))
        yield a, b, len(shared), of_a, of_b, *shares, len(exact), len(shared) - len(exact), open_a, open_b


def _fix(
    names: Mapping[str, Mapping[bytes, bytes]],
    hits: Mapping[tuple[str, str], Sequence[_Hit]],
    evaluation: Sequence[str],
    ties: Mapping[tuple[bytes, bytes], Tie],
) -> Iterator[tuple[object, ...]]:
    """Of each pair of sets one gives its shared images up: the one not for evaluation; of two alike see `_giving`."""
    for a, b in combinations(names, 2):
        gives = _giving(a, b, evaluation)
        keeps = b if gives == a else a
        surest: dict[bytes, _Hit] = {}
        for hit in hits[gives, keeps]:
            if not hit.match.review or hit.image not in surest:
                known = surest.get(hit.image)
                surest[hit.image] = hit if known is None or known.match.review else known
        for hit in surest.values():
            relation, because = hit.match.relation, names[keeps][hit.other]
            review = REVIEW_SEPARATOR.join(filter(None, (hit.match.review, *_losses(hit.image, gives, names, ties))))
            is_open = gives in evaluation or relation == LINK or review  # the file of a link is that of both sets
            yield gives, names[gives][hit.image], DECIDE if is_open else DROP, keeps, because, relation, review


def _losses(
    image: bytes,
    gives: str,
    names: Mapping[str, Mapping[bytes, bytes]],
    ties: Mapping[tuple[bytes, bytes], Tie],
) -> Iterator[str]:
    """What other sets lose with the file that a set gives up, in words."""
    gone = names[gives][image]
    for other, images in names.items():
        if other != gives and image in images:
            tie = Tie.SHARED if images[image] == gone else ties.get((gone, images[image]))
            if tie:
                yield f"{other} {tie}"


def _giving(a: str, b: str, evaluation: Sequence[str]) -> str:
    """Which of two sets, `a` named before `b`, gives up what they share: of two for evaluation `a`, else `b`."""
    if (a in evaluation) == (b in evaluation):
        return a if a in evaluation else b
    return b if a in evaluation else a
