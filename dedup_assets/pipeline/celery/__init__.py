"""The cluster profile: a run launcher that watches its Celery workers, and the workers themselves."""
