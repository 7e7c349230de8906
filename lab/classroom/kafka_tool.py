"""How does a lesson show what one of Kafka's own command-line tools prints?"""

import os
import shlex
import subprocess
import sys
from pathlib import Path

from lab.text.commandline import kit


def kafka_tool(name: str, *arguments: str | Path) -> None:
    """Run one of Kafka's own tools, and print what it prints.

    The first line is the command that does the same in a terminal.
    """
    words = [name, *map(str, arguments)]
    typed = subprocess.list2cmdline(words) if os.name == "nt" else shlex.join(words)
    print(f"{kit()} kafka {typed}\n")
    done = subprocess.run(
        [sys.executable, "-m", "lab", "kafka", *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    )
    print(done.stdout, end="")
