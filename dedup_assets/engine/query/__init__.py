"""One image asked of the results of a run: which of its images it resembles, and which of them are the same picture.

given.py       what a caller gives as an image, to what a decoding process takes
stored.py      the results of one generation, opened for questions
renewal.py     the newest generation, opened when a run has published it
nearest.py     the rows most similar to a few vectors
witnesses.py   what the pixels say of two images
answering.py   all of it together
answers.py     records of what is found

A question uses the model, crop and decoders that the stored vectors were made with; nothing of the results is changed.
"""

from dedup_assets.engine.query.answering import LEAST_COSINE, Answerer, Inquiry
from dedup_assets.engine.query.answers import FoundImage, ImageAnswer, PairAnswer
from dedup_assets.engine.query.given import GivenImage, given_array, given_bytes, given_name
from dedup_assets.engine.query.renewal import NewestResults
from dedup_assets.engine.query.stored import StoredIndex, open_stored

__all__ = [
    "LEAST_COSINE",
    "Answerer",
    "FoundImage",
    "GivenImage",
    "ImageAnswer",
    "Inquiry",
    "NewestResults",
    "PairAnswer",
    "StoredIndex",
    "given_array",
    "given_bytes",
    "given_name",
    "open_stored",
]
