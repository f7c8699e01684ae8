"""Pictures to evidence: whether two of them are one picture, which map joins them, and what was done to it.

Arrays to records; no files, no decoding, no random numbers. Positions are in units of a picture's longer side, so
that they hold for every size of it.
"""
