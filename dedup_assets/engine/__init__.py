"""The engine: plain Python that imports no Dagster; each module is one stage, usable and testable alone."""
