"""What is in Kafka, and what happened to the messages? The pictures that only the lessons use."""

from collections.abc import Mapping

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from lab.drawing.figure import Chart, dress
from lab.drawing.palette import COPY, FAULT, LAG, PRODUCED, STORED, TWICE
from lab.topics import Partition, Topic

REPLICA = {  # the colours of a replica: the background and the text
    "leader": (STORED, "white"),
    "in sync": (COPY, "black"),
    "not in sync": ("white", FAULT),
}


def plot_offsets(
    offsets: Mapping[int, tuple[int, int]],
    stored: Mapping[int, int] | None = None,
    owners: Mapping[int, str] | None = None,
) -> Chart:
    """One bar per partition, from its first offset to its end, divided at the stored offset.

    `offsets` is the result of `topic_offsets`, {partition: (first, end)}; `stored` is {partition: next
    offset to read}. The part after it is the lag. `owners`, {partition: name}, label the bars.
    """
    chart = Chart(0.9 + 0.6 * len(offsets), _offsets_in_words(offsets, stored, owners))
    panel = chart.subplots()
    names = [f"partition {number}" for number in offsets]
    if owners is not None:
        names = [f"{name}\nowner: {owners.get(number, 'nobody')}" for name, number in zip(names, offsets)]
    first = [offsets[number][0] for number in offsets]
    end = [offsets[number][1] for number in offsets]
    here = first if stored is None else [max(stored.get(number, 0), offsets[number][0]) for number in offsets]
    if stored is not None:
        panel.barh(names, [h - f for h, f in zip(here, first)], left=first, color=STORED, label="stored")
    label = "in the log" if stored is None else "lag: not stored yet"
    color, lag = PRODUCED if stored is None else LAG, [e - h for e, h in zip(end, here)]
    bars = panel.barh(names, lag, left=here, color=color, label=label)
    ends = [f" end {e}" if stored is None else f" end {e}, lag {n}" for e, n in zip(end, lag)]
    panel.bar_label(bars, ends, fontsize=11)
    panel.invert_yaxis()
    room = 0.2 if stored is None else 0.4  # for the label after the longest bar
    start, length = min(first), max(end) - min(first)
    panel.set_xlim(start, start + (1 + room) * max(1, length))
    dress(panel, "what each partition holds", "")
    panel.set_xlabel("offset", fontsize=12)
    return chart


def _offsets_in_words(
    offsets: Mapping[int, tuple[int, int]], stored: Mapping[int, int] | None, owners: Mapping[int, str] | None
) -> str:
    rows = []
    for number, (first, end) in offsets.items():
        here = "" if stored is None else f", stored before {max(stored.get(number, 0), first)}"
        owner = "" if owners is None else f", owner {owners.get(number, 'nobody')}"
        rows.append(f"partition {number}: from {first} to end {end}{here}{owner}")
    return f"Offsets of {len(offsets)} partition(s). {'; '.join(rows)}."


def plot_ledger(ledger: Mapping[str, Mapping[str, int]]) -> Chart:
    """What happened to the messages: one group of bars for each way of consuming.

    `ledger` is {way: {"produced": n, "stored": n, "lost": n, "twice": n}}, with any of these counts.
    """
    frame = pd.DataFrame(ledger)
    rows = (
        f"{way}: {', '.join(f'{counts[name]} {name}' for name in counts)}" for way, counts in ledger.items()
    )
    chart = Chart(0.6 + 0.33 * frame.size, f"What became of the messages. {'; '.join(rows)}.")
    panel = chart.subplots()
    colors = {"produced": PRODUCED, "stored": STORED, "lost": FAULT, "twice": TWICE}
    height = 0.8 / len(frame)
    for n, (name, counts) in enumerate(frame.iterrows()):
        places = [place + n * height for place in range(len(counts))]
        bars = panel.barh(places, counts, height, label=name, color=colors.get(str(name)))
        panel.bar_label(bars, fontsize=11, padding=3)
    panel.set_yticks([place + 0.4 - height / 2 for place in range(len(frame.columns))], frame.columns)
    panel.invert_yaxis()
    panel.margins(x=0.12)
    dress(panel, "what became of the messages", "")
    panel.set_xlabel("messages", fontsize=12)
    return chart


def plot_replicas(topic: Topic) -> Chart:
    """One row per partition and one column per broker: the leaders, and the replicas that are in sync."""
    brokers = sorted({broker for p in topic.partitions for broker in p.replicas})
    chart = Chart(1.2 + 0.7 * len(topic.partitions), _replicas_in_words(topic))
    panel = chart.subplots()
    for p in topic.partitions:
        for broker in p.replicas:
            _draw_replica(panel, brokers.index(broker), p.partition, _state(p, broker))
    names = [f"broker {broker}" for broker in brokers]
    panel.set_xticks(range(len(brokers)), names, fontsize=13)
    panel.set_yticks(range(len(topic.partitions)), [f"partition {p.partition}" for p in topic.partitions])
    panel.set_xlim(-0.5, len(brokers) - 0.5)
    panel.set_ylim(len(topic.partitions) - 0.5, -0.5)
    panel.tick_params(labelsize=13, length=0)
    panel.xaxis.tick_top()
    panel.spines[:].set_visible(False)
    return chart


def _state(partition: Partition, broker: int) -> str:
    behind = "in sync" if broker in partition.isr else "not in sync"
    return "leader" if broker == partition.leader else behind


def _replicas_in_words(topic: Topic) -> str:
    rows = (
        f"partition {p.partition}: " + ", ".join(f"broker {b} {_state(p, b)}" for b in sorted(p.replicas))
        for p in topic.partitions
    )
    return f"Replicas of the topic {topic.name}. {'; '.join(rows)}."


def _draw_replica(panel: Axes, column: int, row: int, state: str) -> None:
    fill, words = REPLICA[state]
    behind = state == "not in sync"  # the frame distinguishes it without colours, too
    box = Rectangle((column - 0.44, row - 0.4), 0.88, 0.8, facecolor=fill, linewidth=1.5)
    box.set_edgecolor(words if behind else STORED)
    box.set_hatch("//" if behind else "")
    box.set_linestyle("--" if behind else "-")
    panel.add_patch(box)
    text = panel.text(column, row, state, ha="center", va="center", color=words, fontsize=13)
    text.set_bbox({"facecolor": fill, "edgecolor": "none", "pad": 2})
