"""What do all commands have in common? Settings, a log, an example in the help, and one-line errors."""

from typing import Any

import click
from kafka.errors import KafkaError

from lab.cli.logs import log_to
from lab.cli.options import short
from lab.errors import LabError
from lab.settings import Settings
from lab.text.commandline import kit


class Command(click.Command):
    """A command of the kit. Its function gets the settings first, then the options by name."""

    def __init__(self, *args: Any, example: str = "", makes_files: bool = True, **kwargs: Any):
        """`example`: the arguments in the example of its help."""
        super().__init__(*args, **kwargs)
        self.example = example
        self.makes_files = makes_files

    def get_short_help_str(self, limit: int = 45) -> str:
        """Its first sentence, for the list of commands. A long one is wrapped there, not cut off."""
        return super().get_short_help_str(limit=500)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the example below the options."""
        formatter.write_paragraph()
        formatter.write(f"Example: {ctx.command_path} {self.example}".rstrip() + "\n")  # on one line

    def invoke(self, ctx: click.Context) -> Any:
        """Read the settings and run the function. An error of kafka-python becomes a LabError."""
        settings = ctx.obj = Settings.from_environment()
        if self.makes_files:
            log_to(settings.home)
        try:
            return super().invoke(ctx)
        except KafkaError as error:
            raise LabError(
                f"Kafka at {settings.bootstrap_servers} cannot be used: {error}. "
                f"More in {settings.home / 'kafka-python.log'}; {kit()} doctor looks for the cause."
            ) from error


class Group(click.Group):
    """Commands under one name. The error about an unknown command lists the known ones."""

    command_class = Command

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Their names, in the order in which they are defined."""
        return list(self.commands)

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple:
        """The command that the first argument names."""
        name, names = args[0], self.list_commands(ctx)
        if name not in names and not name.startswith("-"):
            raise click.UsageError(f"{short(name)}: expected one of {', '.join(names)}.", ctx)
        return super().resolve_command(ctx, args)
