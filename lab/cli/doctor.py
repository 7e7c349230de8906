"""What is wrong with this set-up? `python -m lab doctor`."""

import click

from lab.classroom.doctor import diagnose
from lab.cli.command import Command
from lab.settings import Settings


@click.command("doctor", cls=Command, makes_files=False)  # the folder may be unusable, which it must report
@click.pass_obj
def command(settings: Settings) -> int:
    """Find what is wrong with a set-up, and how to fix it."""
    findings = diagnose(settings)
    print(findings)
    faults = sum(not finding.ok for finding in findings)
    print(f"\n{faults} fault(s) found." if faults else "\nEverything is in order.")
    return 1 if faults else 0
