"""Which pairs of images are compared by their pixels, in what order, and what follows from the results.

candidates.py   which pairs may be one picture
crossing.py     which pairs are in different named sets; what they share is for `sets`
exact.py        equal files, before anything is decoded
rounds.py       from the most similar candidates down, within a budget
clustering.py   leader clustering of a few images, as questions and answers
foreseeing.py   answers to what large jobs will ask, found in parallel
examining.py    answers to questions: equal bytes, equal pixels, comparisons
remembering.py  answers that an earlier run found
proofs.py       stars and maps that follow from the results
library.py      the images by number
open_comparers.py  decoding processes that compare them
gathering.py    all of it together
sharing.py      which pairs belong to which rows, for many workers
range_comparer.py  the part of a worker
tabulating.py   results to the tables of `Evidence`
comparing_chosen.py  the image that a person keeps, with the others of its group
deciding.py     evidence and verdicts to groups

`evidence` compares two pictures, `groups` turns evidence into groups.
"""

from dedup_assets.engine.groups import form_groups
from dedup_assets.engine.matching.candidates import candidate_searcher, find_candidates
from dedup_assets.engine.matching.crossing import Crossing
from dedup_assets.engine.matching.deciding import decide_groups
from dedup_assets.engine.matching.gathering import gather_evidence
from dedup_assets.engine.matching.range_comparer import RangeComparer

__all__ = [
    "Crossing",
    "RangeComparer",
    "candidate_searcher",
    "decide_groups",
    "find_candidates",
    "form_groups",
    "gather_evidence",
]
