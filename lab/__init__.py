"""A lab kit for Apache Kafka with Python: the door to everything the notebooks use.

    settings -> topics -> producer -> (Kafka) -> consumer -> warehouse -> charts

Each stage is a module that answers one question. The stages from `settings` to `warehouse` do not import each
other; they share the message (`readings`) and the way to reach Kafka (the room `clients`). `charts` reads the
warehouse. Everything else is in rooms, that is, subpackages of `lab`.
"""

import importlib
import logging
import sys
from typing import TYPE_CHECKING, Any

from lab.clients.installed import verify_client

verify_client()  # first: without the client every later import fails with a less helpful error

__version__ = "0.2.0"

if TYPE_CHECKING:
    from lab.charts import plot_sensor_logs, read_sensor_logs
    from lab.classroom.attendance.board import class_board
    from lab.classroom.attendance.membership import join_class, leave_class
    from lab.classroom.doctor import diagnose
    from lab.classroom.exercises import check, solution
    from lab.classroom.kafka_tool import kafka_tool
    from lab.classroom.notebook_program import write_program
    from lab.classroom.pictures import plot_ledger, plot_offsets, plot_replicas
    from lab.classroom.predictions import compare
    from lab.classroom.programs import (
        end_with_notebook,
        kill_after_first_line,
        start_own_broker,
        start_program,
    )
    from lab.classroom.queues import longest_wait, plot_work, read_work, start_worker, warm_up
    from lab.classroom.strange_day import strange_day
    from lab.classroom.streams import (
        read_windows,
        run_stream,
        start_stream,
        wait_for_checkpoint,
        window_ledger,
    )
    from lab.clients.groups import group_assignments, group_offsets, partition_owners
    from lab.consumer import consume
    from lab.dead_letters import fix_value, list_dead_letters, replay
    from lab.drawing.thinning import find_gaps
    from lab.embedded.choose import start_broker
    from lab.errors import InvalidReading, LabError
    from lab.neighbours.neighbour import require
    from lab.producer import produce
    from lab.readings import Reading, decode_reading, encode_reading
    from lab.settings import Settings
    from lab.simulation import PLANTED_FAULTS, SAMPLE_DAY, PlantedFault, simulate_readings
    from lab.system.signals import wait_until
    from lab.topics import create_topic, describe_topic, fresh_name, read_records, topic_offsets
    from lab.warehouse import Warehouse
    from lab.watching.dashboard import Dashboard
    from lab.watching.live import show_live

# {module: its names}. It is imported when one of them is first used: pandas and matplotlib take a second.
DOOR = {
    "lab.charts": "plot_sensor_logs read_sensor_logs",
    "lab.classroom.attendance.board": "class_board",
    "lab.classroom.attendance.membership": "join_class leave_class",
    "lab.classroom.doctor": "diagnose",
    "lab.classroom.exercises": "check solution",
    "lab.classroom.kafka_tool": "kafka_tool",
    "lab.classroom.notebook_program": "write_program",
    "lab.classroom.pictures": "plot_ledger plot_offsets plot_replicas",
    "lab.classroom.predictions": "compare",
    "lab.classroom.programs": "end_with_notebook kill_after_first_line start_own_broker start_program",
    "lab.classroom.queues": "longest_wait plot_work read_work start_worker warm_up",
    "lab.classroom.strange_day": "strange_day",
    "lab.classroom.streams": "read_windows run_stream start_stream wait_for_checkpoint window_ledger",
    "lab.clients.groups": "group_assignments group_offsets partition_owners",
    "lab.consumer": "consume",
    "lab.dead_letters": "fix_value list_dead_letters replay",
    "lab.drawing.thinning": "find_gaps",
    "lab.embedded.choose": "start_broker",
    "lab.errors": "InvalidReading LabError",
    "lab.neighbours.neighbour": "require",
    "lab.producer": "produce",
    "lab.readings": "Reading decode_reading encode_reading",
    "lab.settings": "Settings",
    "lab.simulation": "SAMPLE_DAY PLANTED_FAULTS PlantedFault simulate_readings",
    "lab.system.signals": "wait_until",
    "lab.topics": "create_topic describe_topic fresh_name read_records topic_offsets",
    "lab.warehouse": "Warehouse",
    "lab.watching.dashboard": "Dashboard",
    "lab.watching.live": "show_live",
}
MODULES = {name: module for module, names in DOOR.items() for name in names.split()}
__all__ = sorted(MODULES)


def __getattr__(name: str) -> Any:
    module = MODULES.get(name)
    if module is None:
        raise AttributeError(f"module 'lab' has no attribute {name!r}")
    slips = importlib.import_module("lab.classroom.slips")
    return slips.checked(getattr(importlib.import_module(module), name))


def __dir__() -> list[str]:
    return sorted({*globals(), *MODULES})


# kafka-python logs hundreds of lines when a broker goes away. The kit logs one line instead.
logging.getLogger("kafka").addHandler(logging.NullHandler())

if "IPython" in sys.modules:  # perhaps this is the kernel of a notebook
    importlib.import_module("lab.classroom.notebook").begin()
