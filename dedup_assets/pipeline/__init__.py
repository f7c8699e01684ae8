"""The pipeline as Dagster assets, checks, jobs and resources.

This is the only folder that imports Dagster. Modules are named after Dagster's nouns, sub-folders after subjects that
need several modules (automation, sharding, scoring, celery). Work on images belongs in `engine/`; file formats belong
in `engine/work_dir/`; Dagster's private names belong in `dagster_internals`.
"""
