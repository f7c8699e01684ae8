"""Processes that run native code for us: what crashes, hangs or devours memory in one costs one image, never the run.

A worker is a fresh interpreter that imports only what its work needs. It takes one request at a time through a pipe and
answers in lines of JSON; pictures come back through memory that both see. multiprocessing is not used: its workers
would run the user's script again (one without `if __name__ == "__main__"` would start itself for ever), or be forks of
a process that has threads. No pickle crosses the border: a decoder that was taken over can answer, not execute.

serving.py   the worker's side: what it does to be safe, and its loop
process.py   one worker seen from here: started, asked, ended
pool.py      the workers of a run: handed out, watched for their time limit, kept from start to end
lanes.py     threads that use them side by side
sharing.py   the memory that both see
cores.py     how many of them there are
"""

from dedup_assets.engine.workers.cores import thread_count, usable_cores
from dedup_assets.engine.workers.lanes import Lanes
from dedup_assets.engine.workers.pool import WorkerPool, keep_workers, open_pool
from dedup_assets.engine.workers.process import Ended, Reply, Request, Worker

__all__ = [
    "Ended",
    "Lanes",
    "Reply",
    "Request",
    "Worker",
    "WorkerPool",
    "keep_workers",
    "open_pool",
    "thread_count",
    "usable_cores",
]
