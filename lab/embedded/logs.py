"""What does the log of a node say? Its last lines, and why the node ended."""

import re
from pathlib import Path

from lab.embedded.nodes import Node

STARTED = "The lab kit starts Kafka.\n"  # the first line of each start
TAIL_LINES = 15


def log_file(node: Node) -> Path:
    """The file with the output of all starts of a node."""
    return node.folder.with_name(f"{node.folder.name}.log")


def log_tail(node: Node) -> str:
    """The last lines of the log, and its path."""
    log = log_file(node)
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-TAIL_LINES:]
    return "\n".join([f"The end of its log, {log}:", *lines])


def failed_write(node: Node) -> str | None:
    """Why a node that could not write its data ended; None if it did not end for that reason."""
    text = _since_start(node)
    causes = re.findall(r"Exception: (.+)", text) or ["its log says why"]
    return causes[-1] if "because all log dirs" in text else None


def found_port_taken(node: Node) -> bool:
    """Whether a node ended because another program had one of its ports."""
    return "java.net.BindException" in _since_start(node)


def _since_start(node: Node) -> str:
    """What a node wrote since its last start; empty if it has no log."""
    try:
        return log_file(node).read_text(encoding="utf-8", errors="replace").rpartition(STARTED)[2]
    except OSError:
        return ""
