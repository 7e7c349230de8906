"""Which of many readings does a picture show? Few enough to draw quickly, but with every extreme value.

Each function that leaves something out also returns a note that says so.
"""

from datetime import datetime

import pandas as pd

from lab.databases.queries import Extent, Limits

# What can be drawn. A time beyond these limits comes from a wrong clock, and would squeeze all others into
# one line. With values beyond them, the computation of the axes overflows.
LIMITS = Limits(earliest="1900-01-01", latest="2200-01-01", greatest=1e300)
MAX_PANELS = 10  # of sensors; there are as many colours for the rates in the last panel
THIN_SLICES = 1000  # of the time, if readings are thinned out; a panel is about as many pixels wide
GAP_FACTOR = 10  # a pause this many times longer than usual is a gap
RATE_SLICES = {  # of the time, for the rate
    "1s": "second", "5s": "5 seconds", "15s": "15 seconds", "1min": "minute", "5min": "5 minutes",
    "15min": "15 minutes", "1h": "hour", "6h": "6 hours", "1D": "day", "7D": "week", "28D": "4 weeks",
    "364D": "52 weeks", "3640D": "520 weeks",
}  # fmt: skip
SLICE_COLUMNS = ["sensor_id", "status", "slice", "unit", "readings", "least", "greatest", "first", "last"]


def choose_sensors(statuses: pd.DataFrame) -> tuple[list[str], list[str]]:
    """The sensors to show, from rows of sensor_id and status, and a note on those left out."""
    rank = statuses["status"].map({"CRITICAL": 0, "WARNING": 1}).fillna(2)
    sensors = rank.groupby(statuses["sensor_id"]).min().sort_values(kind="stable").index
    if len(sensors) <= MAX_PANELS:
        return sorted(sensors), []
    first = "Those with CRITICAL or WARNING readings come first. Others: python -m lab chart --sensor ID"
    more = len(sensors) - MAX_PANELS
    return sorted(sensors[:MAX_PANELS]), [f"{more} of {len(sensors)} sensors. {first}"]


def drawable(logs: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """The readings that a picture can show, and a note on the others if there are any."""
    earliest, latest = (pd.Timestamp(time, tz="UTC") for time in (LIMITS.earliest, LIMITS.latest))
    fits = logs["ts"].between(earliest, latest, "left") & (logs["val"].abs() <= LIMITS.greatest)
    beyond = int(count_readings(logs)[~fits].sum())
    return logs[fits], [undrawable(beyond)] if beyond else []


def is_drawable(found: Extent) -> bool:
    """Whether all readings between these extremes can be drawn."""
    earliest, latest, greatest = LIMITS
    return not found.readings or (
        earliest <= found.first <= found.last < latest
        and -greatest <= found.least <= found.greatest <= greatest
    )


def undrawable(readings: int) -> str:
    """The note on `readings` that cannot be drawn."""
    time = f"a time before {LIMITS.earliest[:4]} or from {LIMITS.latest[:4]} on"
    return f"{readings} reading(s) with {time}, or with a value beyond {LIMITS.greatest:g}"


def count_readings(logs: pd.DataFrame) -> pd.Series:
    """The number of readings behind each row."""
    return logs["readings"] if "readings" in logs else pd.Series(1, index=logs.index)


def rate_slice(span: float) -> str:
    """The name of the shortest slice that divides `span` seconds into at most a hundred."""
    return next((name for name in RATE_SLICES if span / seconds_of(name) <= 100), "7D")


def seconds_of(name: str) -> float:
    """The length of a slice in seconds."""
    return pd.to_timedelta(name).total_seconds()


def thin_slices(first: datetime, last: datetime) -> tuple[datetime, float]:
    """(start, width in seconds) of the slices in which a database thins out the readings of this period."""
    start = first.replace(hour=0, minute=0, second=0, microsecond=0)
    span = max(1.0, (last - first).total_seconds())
    rate = seconds_of(rate_slice(span))
    # The slices of the rate also start at midnight, and each contains a whole number of these slices.
    return start, rate / max(1, round(THIN_SLICES * rate / span))


def extremes(slices: pd.DataFrame) -> pd.DataFrame:
    """Two rows per slice, with its minimum and its maximum, in the order of time.

    In the column `readings` the first row has the number of readings of the slice, and the second 0.
    """
    least = slices.rename(columns={"least": "val", "first": "ts"})
    greatest = slices.rename(columns={"greatest": "val", "last": "ts"}).assign(readings=0)
    logs = pd.concat([least, greatest])[["sensor_id", "val", "unit", "status", "ts", "readings"]]
    return logs.sort_values("ts", kind="stable", ignore_index=True)


def find_gaps(times: pd.Series) -> pd.DataFrame:
    """The pauses between sorted times that are much longer than usual: columns start, end."""
    steps = times.diff()
    usual = steps[steps > pd.Timedelta(0)].median()
    long = steps > GAP_FACTOR * usual
    return pd.DataFrame({"start": times.shift()[long], "end": times[long]}).reset_index(drop=True)


def gaps_between(slices: pd.DataFrame) -> pd.DataFrame:
    """The gaps that reach from one slice into another; one within a slice would be too thin to see."""
    by_slice = slices.groupby(["sensor_id", "slice"])
    ends = by_slice.agg(first=("first", "min"), last=("last", "max"), readings=("readings", "sum"))
    several = ends[ends["readings"] > 1]
    steps = (several["last"] - several["first"]) / (several["readings"] - 1)
    usual = steps.groupby("sensor_id").median().reindex(ends.index.get_level_values("sensor_id")).values
    before = ends.groupby("sensor_id")["last"].shift()
    gaps = pd.DataFrame({"start": before, "end": ends["first"]})[ends["first"] - before > GAP_FACTOR * usual]
    return gaps.reset_index("sensor_id")
