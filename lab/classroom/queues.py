"""How does lesson 16 start workers, and show what they did?"""

import json
import subprocess
from collections.abc import Mapping
from typing import Any

import pandas as pd
from kafka import KafkaProducer
from matplotlib.axes import Axes

from lab.classroom.programs import start_program
from lab.drawing.figure import Chart, dress
from lab.drawing.palette import FAULT, MEMBERS, NOTHING
from lab.neighbours.neighbour import PROGRAMS, require
from lab.settings import Settings
from lab.system.signals import wait_until
from lab.topics import describe_topic, read_records

PROGRAM = PROGRAMS / "worker.py"
WARM_UP = "warm up"
COLUMNS = ["job", "worker", "delivery", "did", "partition", "sent", "began", "ended"]


def start_worker(
    name: str,
    jobs: str,
    done: str,
    group: str,
    protocol: str = "share",
    *,
    seconds: float = 0.2,
    gives_back: str = "",
    dies_at: str = "",
) -> subprocess.Popen:
    """Start a program that takes jobs of a topic as a member of a group, and writes each to the topic `done`.

    `protocol`: "share", "classic" or "consumer". A job takes `seconds`. A member of a share group gives back
    the jobs that begin with `gives_back`. A worker dies when it has done one that begins with `dies_at`,
    before it has said so to Kafka.
    """
    servers = Settings.from_environment().bootstrap_servers
    words = [servers, jobs, done, group, name, protocol, str(seconds), gives_back, dies_at]
    quiet = {"stdin": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}  # it says that it is a preview
    return start_program([require("queues").python, PROGRAM, *words], **quiet)


def warm_up(workers: int, jobs: str, done: str, **kafka: Any) -> None:
    """Wait until so many workers share the jobs of a topic: send short jobs until each has done one.

    A new member learns only at its next heartbeat, some seconds later, that it may work.
    """
    number = len(describe_topic(jobs, **kafka).partitions)
    with KafkaProducer(**kafka, batch_size=0) as producer:

        def all_have_worked() -> bool:
            for each in range(2 * workers):
                producer.send(jobs, WARM_UP.encode(), partition=each % number)
            producer.flush()
            return _read(done, kafka).query("job == @WARM_UP")["worker"].nunique() >= workers

        wait_until(all_have_worked, timeout=100)


def read_work(done: str, **kafka: Any) -> pd.DataFrame:
    """What the workers wrote down, in the order in which they began.

    `sent`, `began` and `ended` are seconds since 1970. `delivery` is how often Kafka had handed out the job.
    """
    work = _read(done, kafka)
    return work[work["job"] != WARM_UP].sort_values("began", ignore_index=True)


def _read(done: str, kafka: dict[str, Any]) -> pd.DataFrame:
    rows = [json.loads(record.value) for record in read_records(done, **kafka)]
    return pd.DataFrame(rows, columns=COLUMNS)


def plot_work(works: Mapping[str, pd.DataFrame], rows: str = "worker", since: float | None = None) -> Chart:
    """A panel for each group: when which job was worked on.

    `rows` is "worker" or "partition". The time begins at `since`, or else with the first job of each group.
    """
    names = sorted({name for work in works.values() for name in work[rows]})
    told = "; ".join(f"{title}: {_in_words(work)}" for title, work in works.items())
    chart = Chart(0.5 + len(works) * (0.6 + 0.2 * len(names)), f"When each job was worked on. {told}.")
    panels = chart.subplots(len(works), sharex=True, squeeze=False)[:, 0]
    for panel, (title, work) in zip(panels, works.items()):
        start = work["began"].min() if since is None else since
        _draw_jobs(panel, work, rows, names, start)
        if since is not None:
            _draw_longest_wait(panel, work, rows, names, since)
        panel.set_yticks(
            range(len(names)), [name if rows == "worker" else f"{rows} {name}" for name in names]
        )
        panel.set_ylim(len(names) - 0.5, -0.5)  # also rows without a job
        dress(panel, title)
    panels[-1].set_xlabel("seconds" if since is None else "seconds since the new worker came", fontsize=12)
    return chart


def _in_words(work: pd.DataFrame) -> str:
    took = work["ended"].max() - work["began"].min()
    return f"{len(work)} jobs by {work['worker'].nunique()} workers in {took:.1f} s"


def _draw_jobs(panel: Axes, work: pd.DataFrame, rows: str, names: list, start: float) -> None:
    for n, (worker, own) in enumerate(work.groupby("worker")):
        places = [names.index(name) for name in own[rows]]
        label = str(worker) if rows != "worker" else None
        width = (own["ended"] - own["began"]).clip(lower=0.05)  # else a short one is not seen
        left, color = own["began"] - start, MEMBERS[n % len(MEMBERS) if rows != "worker" else 0]
        seam = "white" if rows == "worker" else "none"  # one job after the other would be one bar
        panel.barh(places, width, 0.7, left=left, color=color, label=label, edgecolor=seam, linewidth=0.8)


def _draw_longest_wait(panel: Axes, work: pd.DataFrame, rows: str, names: list, since: float) -> None:
    """From when a job was sent until it was begun, of those that were begun after the new worker came."""
    worst = longest_wait(work, since)
    place, times = names.index(worst[rows]), [worst["sent"] - since, worst["began"] - since]
    panel.plot(
        times, [place, place], color=FAULT, linewidth=4, label=f"longest wait: {times[1] - times[0]:.2f} s"
    )
    panel.axvline(0, color=NOTHING, linestyle="--")


def longest_wait(work: pd.DataFrame, since: float) -> pd.Series:
    """The job that waited longest, of those that were begun after a time."""
    later = work[work["began"] > since]
    return later.loc[(later["began"] - later["sent"]).idxmax()]
