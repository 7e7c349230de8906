"""How does a learner find out what somebody else broke? `python -m lab incident ...`."""

import os

import click

from lab.classroom.exercises.exercise import DONE
from lab.classroom.incidents.incident import HINT_POINTS, POINTS, Incident
from lab.classroom.incidents.scenarios import SCENARIOS
from lab.cli.command import Group
from lab.cli.options import number
from lab.cli.output import say, table
from lab.settings import Settings
from lab.system.signals import interrupted_once
from lab.text.commandline import kit

names = click.argument("names", metavar="NAME", nargs=-1, required=True)


@click.group("incident", cls=Group)
def command() -> None:
    """A small system that somebody broke: find out what it is, and mend it."""


@command.command("start", example="--seed 7")
@click.option(
    "--seed",
    type=number(1, 9999),
    metavar="N",
    help=f"Which one: 1 to {len(SCENARIOS)} differ; by default, any.",
)
@click.pass_obj
def start(settings: Settings, seed: int | None) -> None:
    """Start a system of its own, and break it."""
    incident = Incident()
    if not incident.exists:
        say("Starting a system, and breaking it ...")
    with interrupted_once():
        incident.start(seed)
    print(f"Incident {incident.seed}. Somebody calls:\n\n    {incident.call}\n")
    print(f"The system is in {incident.folder}: {', '.join(incident.system.names())}.")
    print("Each program has its settings in a file .json, and what it printed in a file .log.\n")
    print("So that the commands of the kit look at it, type first:")
    for name, value in incident.environment.items():
        print(f'    $env:{name} = "{value}"' if os.name == "nt" else f"    export {name}={value}")
    print()
    table(["then", "what it does"], _commands())


def _commands() -> list[tuple[str, str]]:
    return [
        (f"{kit()} incident status", "what runs, what was sent and what was stored"),
        (f"{kit()} broker status", "the topic, its leaders and replicas"),
        (f"{kit()} doctor", "the faults that it knows"),
        (f"{kit()} kafka", "Kafka's own tools"),
        (f"{kit()} incident restart NAME", "after you have changed a file"),
        (f"{kit()} incident check", "whether it is mended"),
        (f"{kit()} incident hint", f"costs {HINT_POINTS} of {POINTS} points"),
        (f"{kit()} incident end", "puts everything back, and says what was wrong"),
    ]


@command.command("status")
def status() -> None:
    """Show what runs, what was sent and what was stored."""
    incident = Incident()
    print(f"Incident {incident.seed}: {incident.call}\n")
    for rows in (incident.programs(), incident.readings()):
        table(list(rows[0]), [list(row.values()) for row in rows])
        print()


@command.command("restart", example="storer")
@names
def restart(names: tuple[str, ...]) -> None:
    """Restart a program, or a node of Kafka: it reads its settings then."""
    Incident().restart(*names)


@command.command("stop", example="storer")
@names
def stop(names: tuple[str, ...]) -> None:
    """Stop a program, or a node of Kafka."""
    Incident().stop(*names)


@command.command("check")
def check() -> int:
    """Look whether it is mended."""
    report = Incident().check()
    print(report)
    return 0 if report.state == DONE else 1


@command.command("hint")
def hint() -> None:
    """Show one hint more; each costs points."""
    incident = Incident()
    print(incident.hint())
    say(f"Worth {incident.points} of {POINTS} points now.")


@command.command("end")
def end() -> None:
    """Put everything back, and say what was wrong."""
    print(Incident().end())
