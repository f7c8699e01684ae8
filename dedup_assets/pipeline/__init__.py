"""The Dagster ring: the pipeline as assets, checks, jobs and resources.

The only folder that imports Dagster. A module is a plain noun of Dagster's; a sub-folder is a subject with several
(automation, sharding, scoring, celery). Work on images belongs in `engine/`; file formats belong in `engine/work_dir/`.
"""
