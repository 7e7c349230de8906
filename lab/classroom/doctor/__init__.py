"""Is the set-up in order? The doctor finds each known fault, and says why it is one and what to do.

`software` checks what is installed, `machine` the computer, `services` Kafka and the warehouse, `replicas`
its partitions, `messages` their content, and `readers` whether they are read. A fault is something that does
not work, or will soon stop working. Something merely unusual is shown, but is not a fault: an embedded broker
that is stopped and keeps its topics, or a broker that somebody else runs.
"""

import threading
import time
from types import FunctionType

from lab.classroom.doctor.finding import Finding, Findings
from lab.classroom.doctor.machine import check_clock, check_disk, check_folders, check_memory, check_proxy
from lab.classroom.doctor.messages import check_messages
from lab.classroom.doctor.readers import check_group
from lab.classroom.doctor.replicas import check_replicas
from lab.classroom.doctor.services import check_broker, check_leftovers, check_warehouse
from lab.classroom.doctor.software import (
    check_client,
    check_file_names,
    check_jars,
    check_java,
    check_neighbours,
    check_packages,
    check_python,
)
from lab.errors import SettingsError
from lab.settings import Settings

MAX_SECONDS = 15.0  # for a check that waits for a disk or a server
CHECKS: list[FunctionType] = [
    check_python,
    check_packages,
    check_client,
    check_file_names,
    check_java,
    check_jars,
    check_neighbours,
    check_folders,
    check_disk,
    check_memory,
    check_clock,
    check_proxy,
    check_broker,
    check_leftovers,
    check_warehouse,
    check_replicas,
    check_messages,
    check_group,
]


def diagnose(settings: Settings | None = None) -> Findings:
    """Run all checks; this changes nothing.

    A check that itself fails, or does not end, is a finding too.
    """
    findings = Findings()
    try:
        settings = settings or Settings.from_environment()
    except (SettingsError, OSError) as error:  # OSError: the current folder was removed
        fix = "Fix or unset it. The following lines are about the default settings."
        findings.append(Finding("Settings", str(error), fix))
        settings = Settings()
    until = time.monotonic() + MAX_SECONDS
    checkups = [_Checkup(check, settings) for check in CHECKS]
    for checkup in checkups:
        checkup.join(max(0.0, until - time.monotonic()))
        findings.append(checkup.finding)
    return findings


class _Checkup(threading.Thread):
    """Runs one check; a daemon, because Python would otherwise wait at exit for a check that hangs."""

    def __init__(self, check: FunctionType, settings: Settings):
        super().__init__(daemon=True)
        self._check, self._settings = check, settings
        name = check.__name__.removeprefix("check_").replace("_", " ").capitalize()
        fix = "A disk or a server may hang. Fix the other faults first, then try again."
        self.finding = Finding(name, f"no answer within {MAX_SECONDS:.0f} s", fix)
        self.start()

    def run(self) -> None:
        """Store the result of the check in `finding`."""
        try:
            self.finding = self._check(self._settings)
        except Exception as error:
            fix = "Fix the other faults first, then try again."
            found = f"the check itself failed: {type(error).__name__}: {error}"
            self.finding = Finding(self.finding.check, found, fix)
