"""What did a dashboard see? Snapshots that a test makes, and the picture of them."""

from contextlib import suppress
from unittest.mock import Mock

import pandas as pd

from lab.errors import LabError
from lab.watching.dashboard import Dashboard, Snapshot

NONE = pd.DataFrame({"sensor_id": [], "val": [], "unit": [], "ts": pd.to_datetime([], utc=True)})


def drawn(snapshots, values=NONE):
    """The last picture of a dashboard that saw these snapshots. An error stands for a look that failed."""
    dashboard = Dashboard("topic", "warehouse", bootstrap_servers="nowhere")
    for snapshot in snapshots:
        dashboard.look = Mock(return_value=(snapshot, values))
        if isinstance(snapshot, LabError):
            dashboard.look.side_effect = snapshot
        with suppress(LabError):
            chart = dashboard.draw()
    return dashboard, chart


def at(seconds, produced=0, processed=0, owner="m-1"):
    return Snapshot(seconds, {0: (0, produced)}, {0: processed}, {0: owner})
