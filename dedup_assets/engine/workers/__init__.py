"""Processes that run native code: one that crashes, hangs or takes all memory costs one image, never the run.

A worker is a fresh interpreter that imports only what its work needs. It takes one request at a time through a pipe and
answers in lines of JSON; pictures come back through shared memory.

multiprocessing does not serve here. Its spawned workers run the user's script again (one without
`if __name__ == "__main__"` would start itself for ever), and its forked workers copy a process that has threads. It
also sends pickles: a decoder that was taken over could execute code in the parent. JSON cannot.

serving.py         the worker's side: its limits, and its loop
process.py         one worker seen from the parent: started, asked, ended
remote.py          files of stores, which the parent reads for a worker
pool.py            the workers of a run: lent to threads, watched for their time limit, replaced where they end
lanes.py           threads that work side by side, each with a worker
sharing.py         the memory that parent and worker share
process_limits.py  limits of the system, and how many workers they allow
cores.py           how many cores this process may use
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
