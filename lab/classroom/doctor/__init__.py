"""Is the set-up sound? The doctor: each known fault, what it is, why, and the one thing to do.

`software` looks at what was installed, `machine` at what it runs on, `services` at Kafka and the
warehouse, `messages` at what is in them. A fault is what will not work, or not for long. What is only
unusual is told, and is none: an embedded broker that is stopped and keeps its topics, a broker that
somebody else runs.
"""

import threading
import time
from types import FunctionType

from lab.classroom.doctor.finding import Finding, Findings
from lab.classroom.doctor.machine import check_clock, check_disk, check_folders, check_memory, check_proxy
from lab.classroom.doctor.messages import check_messages
from lab.classroom.doctor.services import check_broker, check_leftovers, check_warehouse
from lab.classroom.doctor.software import (
    check_client,
    check_file_names,
    check_jars,
    check_java,
    check_packages,
    check_python,
)
from lab.errors import SettingsError
from lab.settings import Settings

MAX_SECONDS = 15.0  # for a disk or a server that does not answer
CHECKS: list[FunctionType] = [
    check_python,
    check_packages,
    check_client,
    check_file_names,
    check_java,
    check_jars,
    check_folders,
    check_disk,
    check_memory,
    check_clock,
    check_proxy,
    check_broker,
    check_leftovers,
    check_warehouse,
    check_messages,
]


def diagnose(settings: Settings | None = None) -> Findings:
    """Look at everything that is known to go wrong; changes nothing.

    A check that fails itself, or does not end, is a finding too.
    """
    findings = Findings()
    try:
        settings = settings or Settings.from_environment()
    except (SettingsError, OSError) as error:  # OSError: the current folder is gone
        fix = "Mend or unset it. What follows is about the settings that nobody changed."
        findings.append(Finding("Settings", str(error), fix))
        settings = Settings()
    until = time.monotonic() + MAX_SECONDS
    checkups = [_Checkup(check, settings) for check in CHECKS]
    for checkup in checkups:
        checkup.join(max(0.0, until - time.monotonic()))
        findings.append(checkup.finding)
    return findings


class _Checkup(threading.Thread):
    """One check; a daemon, for Python would wait at its end for a thread that never ends."""

    def __init__(self, check: FunctionType, settings: Settings):
        super().__init__(daemon=True)
        self._check, self._settings = check, settings
        name = check.__name__.removeprefix("check_").replace("_", " ").capitalize()
        fix = "A disk or a server may hang. Mend the other faults first, then look again."
        self.finding = Finding(name, f"no answer within {MAX_SECONDS:.0f} s", fix)
        self.start()

    def run(self) -> None:
        """Leave what the check found in `finding`."""
        try:
            self.finding = self._check(self._settings)
        except Exception as error:
            fix = "Mend the other faults first, then look again."
            found = f"the check itself failed: {type(error).__name__}: {error}"
            self.finding = Finding(self.finding.check, found, fix)
