"""A call that waits in the background while the test does something else."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

UNDER_WAY_SECONDS = 0.5


@contextmanager
def waiting(call: Callable) -> Iterator[Future]:
    """Yields once the call is under way, which nothing shows from outside but that it has not returned."""
    with ThreadPoolExecutor(1) as threads:
        answer = threads.submit(call)
        time.sleep(UNDER_WAY_SECONDS)
        assert not answer.done(), answer.result()
        yield answer
