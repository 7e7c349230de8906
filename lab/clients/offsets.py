"""How far behind is a consumer? The one definition of lag, that of Kafka's own tools."""


def lag(stored: int | None, first: int, end: int) -> int:
    """Messages of a partition that are not stored yet: its end offset minus the stored one.

    `stored` is the offset to read next, or None if nothing of the partition was stored: then the lag counts
    from `first`, the first offset in the log. It is never below 0: a log that was cut short ends before
    the stored offset.
    """
    return max(0, end - (first if stored is None else stored))
