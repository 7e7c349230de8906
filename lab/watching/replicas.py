"""Are all replicas in sync? Wait until they are, before the next broker is stopped."""

import time
from typing import Any

from lab.errors import TopicError
from lab.topics import describe_topics


def wait_until_in_sync(timeout: float = 60, **kafka: Any) -> None:
    """Wait until all replicas of all partitions are in sync; TopicError after `timeout` seconds."""
    until = time.monotonic() + timeout
    while behind := [
        f"{topic.name}-{partition.partition}"
        for topic in describe_topics(**kafka)
        for partition in topic.partitions
        if set(partition.isr) != set(partition.replicas)
    ]:
        if time.monotonic() > until:
            raise TopicError(f"Not all replicas are in sync after {timeout:.0f} s: {', '.join(behind)}.")
        time.sleep(0.2)
