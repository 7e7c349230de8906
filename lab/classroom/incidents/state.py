"""What does the system do now? What runs, what was sent and stored, and what was changed?"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

from lab.classroom.incidents.ledger import Reading, sent, stored
from lab.classroom.incidents.system import STATE, System


def state_of_programs(system: System) -> list[dict[str, object]]:
    """Each program, and each node of Kafka: whether it runs, and what it printed last."""
    return [
        {
            "program": name,
            "runs": "yes" if system.is_running(name) else "no",
            "printed last": system.program(name).last_line(),
        }
        for name in system.names()
    ]


def state_of_readings(folder: Path) -> list[dict[str, object]]:
    """For each sensor: how many readings were acknowledged and stored, and the last times, in UTC."""
    acknowledged, rows = sent(folder), stored(folder)
    sent_by = Counter(sensor for sensor, _ in acknowledged)
    stored_by = Counter(sensor for sensor, _ in rows.elements())
    return [
        {
            "sensor": sensor,
            "acknowledged": sent_by[sensor],
            "stored": stored_by[sensor],
            "last acknowledged": _last_of(sensor, acknowledged),
            "last stored": _last_of(sensor, rows),
        }
        for sensor in sorted({*sent_by, *stored_by})
    ]


def changed_after_start(system: System) -> str:
    """Which file was changed after its program was started; empty if there is none."""
    for name in system.names():
        if file := system.changed_after_start(name):
            return f"{file} was changed after {name} was started: restart that"
    return ""


def state_of_files(folder: Path) -> dict[str, str]:
    """{file: a fingerprint} of the programs, and of the settings of programs and of Kafka."""
    kinds = ("*.py", "*.json", "*.properties")
    files = [file for kind in kinds for file in folder.glob(kind) if file.name != STATE]
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in sorted(files)}


def changed_files(before: Mapping[str, str], folder: Path) -> list[str]:
    """The files whose state is another than `before`, new and removed ones as well."""
    now = state_of_files(folder)
    return sorted(name for name in {*before, *now} if before.get(name) != now.get(name))


def _last_of(sensor: str, readings: Iterable[Reading]) -> str:
    """The time of day of its last reading; empty if there is none."""
    return max((ts for name, ts in readings if name == sensor), default="")[11:19]
