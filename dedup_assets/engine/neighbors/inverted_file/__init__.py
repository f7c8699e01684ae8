"""The index of large collections: an inverted file over projected 8-bit codes, searched many rows at a time.

`layout` reads its parts from a faiss index, `building` makes one, `candidates` searches it. It is a plain faiss index
(IndexPreTransform over IndexIVFScalarQuantizer), which faiss itself also searches.
"""
