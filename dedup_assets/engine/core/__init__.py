"""What every module may import: settings, run modes, records, errors, redaction and progress.

A module belongs here if stages and composers share it and it needs nothing but Python, pydantic and the types of numpy
and polars. Nothing here reads a file, starts a process or imports another folder of the engine.
"""
