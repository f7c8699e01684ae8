"""What every module may import: settings, records, errors, redaction and progress.

Nothing here reads a file, starts a process or imports another package of the engine.
"""
