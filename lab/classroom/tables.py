"""How does a result look in a notebook? As a small HTML table, without what is zero.

Colours come from the page, so that a table can be read in a light and in a dark theme.
"""

from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # `import lab` in a kernel stays quick
    from lab.clients.summaries import ConsumeSummary
    from lab.producer import ProduceSummary
    from lab.topics import Partition, Topic

# What JupyterLab would make smaller, and right-aligned; on a projector it has to be as large as the text.
TABLE, CELL = "font-size: inherit; margin: 0", "text-align: left; white-space: normal"
CAPTION = "text-align: left; color: inherit; padding: 0.3em 0.5em"
Row = tuple[str, str]


def produce_table(summary: "ProduceSummary") -> str:
    """What a producer did: the readings that Kafka acknowledged, and why it did not the others."""
    rows = [
        *_counts([("not acknowledged", summary.unsent)]),
        *(("reason", error) for error in summary.errors),
        *_seconds([("seconds", summary.seconds)]),
    ]
    return _table([("readings acknowledged", f"{summary.acknowledged:,}"), *rows])


def consume_table(summary: "ConsumeSummary") -> str:
    """What a consumer did, in words that need no lesson: the readings stored, and all that is not zero."""
    unread = [f"{left:,} in partition {number}" for number, left in sorted(summary.lag.items()) if left]
    rows = [
        *_counts(
            [
                ("messages that are no readings", summary.dead_letters),
                ("messages that another consumer had stored first", summary.fenced),
                ("messages that Kafka removed before they were read", summary.lost_to_retention),
                ("messages that Kafka lost after they were stored", summary.truncated),
                ("connections made again", summary.reconnects),
                ("times that it was given other partitions", summary.rebalances),
            ]
        ),
        *_seconds([("seconds without a partition", summary.rebalance_seconds), ("seconds", summary.seconds)]),
        *([("messages not read yet", ", ".join(unread))] if unread else []),
    ]
    return _table([("readings stored", f"{summary.stored:,}"), *rows])


def topic_table(topic: "Topic") -> str:
    """The partitions of a topic, with the brokers that have them."""
    return _partitions(topic.partitions, f"topic {topic.name}")


def _partitions(partitions: Sequence["Partition"], caption: str = "") -> str:
    """While each is on one broker only, the words for copies would say nothing."""
    if all(p.replicas == p.isr == (p.leader,) for p in partitions):
        return _table([(p.partition, p.leader) for p in partitions], ("partition", "on broker"), caption)
    rows = [
        (
            p.partition,
            p.leader if p.leader >= 0 else "none",
            _numbers(p.replicas),
            _numbers(sorted(p.isr)),
            _numbers(sorted({*p.replicas} - {*p.isr})),
        )
        for p in partitions
    ]
    head = ("partition", "leader", "replicas", "in sync", "not in sync")
    return _table([row[: 5 if any(row[4] for row in rows) else 4] for row in rows], head, caption)


def _numbers(numbers: Iterable[int]) -> str:
    return ", ".join(map(str, numbers))


def _counts(counts: Iterable[tuple[str, int]]) -> list[Row]:
    return [(name, f"{number:,}") for name, number in counts if number]


def _seconds(seconds: Iterable[tuple[str, float]]) -> list[Row]:
    """Two digits of less than a second: it must not look like none."""
    return [(name, f"{s:,.1f}" if s >= 1 else f"{s:.2g}") for name, s in seconds if s]


def _table(rows: Sequence[Sequence[object]], head: Sequence[str] = (), caption: str = "") -> str:
    """The first cell of each row is its name."""
    named = f'<caption style="{CAPTION}">{escape(caption)}</caption>' if caption else ""
    columns = "".join(_cell("th", "col", each) for each in head[: len(rows[0])]) if rows else ""
    titles = f"<thead><tr>{columns}</tr></thead>" if head else ""
    lines = (
        f"<tr>{_cell('th', 'row', first)}{''.join(_cell('td', '', each) for each in others)}</tr>"
        for first, *others in rows
    )
    return f'<table style="{TABLE}">{named}{titles}<tbody>{"".join(lines)}</tbody></table>'


def _cell(tag: str, scope: str, content: object) -> str:
    scoped = f' scope="{scope}"' if scope else ""
    return f'<{tag}{scoped} style="{CELL}">{escape(str(content))}</{tag}>'
