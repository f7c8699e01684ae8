"""The Dagster ring: the pipeline as assets, checks, jobs and resources.

The only folder that imports Dagster. A module has the name of a Dagster noun, a sub-folder that of a subject with
several of them (automation, sharding, scoring, celery). Work on images belongs in `engine/`; file formats belong in
`engine/work_dir/`; Dagster's private names belong in `dagster_internals`.
"""
