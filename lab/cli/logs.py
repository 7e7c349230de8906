"""Where do log lines go? The kit's to the terminal, those of kafka-python (often hundreds) to a file."""

import logging
import sys
import tempfile
from pathlib import Path

from lab.cli.output import say
from lab.errors import SettingsError
from lab.text.printable import printable


def log_to(home: Path) -> None:
    """Set up the handlers; the file is `kafka-python.log` in `home`.

    Raises SettingsError if nothing can be written there.
    """
    try:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        tempfile.TemporaryFile(dir=home).close()  # on Windows, os.access is not reliable
    except OSError as error:
        raise SettingsError(f"LAB_HOME: {home} cannot be used: {error.strerror}. Choose another.") from error
    logging.getLogger("lab").addHandler(TerminalHandler())
    file = LogFile(home / "kafka-python.log", encoding="utf-8", delay=True)
    file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    kafka = logging.getLogger("kafka")
    kafka.addHandler(file)
    kafka.setLevel(logging.WARNING)
    kafka.propagate = False


class TerminalHandler(logging.Handler):
    """Shows log lines on stderr, above a progress bar."""

    def emit(self, record: logging.LogRecord) -> None:
        """Show a line."""
        say(printable(record.getMessage()))


class LogFile(logging.FileHandler):
    """A log file that reports once that it cannot be written, for example on a full disk, and then stops."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line."""
        try:
            super().emit(record)
        except OSError:  # it cannot be opened
            self.handleError(record)

    def handleError(self, record: logging.LogRecord) -> None:
        """Report why it cannot be written, and write nothing more."""
        self.setLevel(logging.CRITICAL + 1)
        reason = getattr(sys.exc_info()[1], "strerror", None) or sys.exc_info()[1]
        # Not through a logger: from Python 3.13 on, the log lines of a handler itself are dropped.
        say(printable(f"{self.baseFilename} cannot be written: {reason}."))
