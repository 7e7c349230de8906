"""How are Kafka's own command-line tools run? `python -m lab kafka topics --list`."""

from difflib import get_close_matches

import click

from lab.cli.command import Command, Group
from lab.cli.options import short
from lab.embedded.tools import TOOLS, run_tool
from lab.settings import Settings


class KafkaTool(Command):
    """One of Kafka's tools. Everything that is typed after its name is passed to it as it is."""

    def __init__(self, name: str):
        super().__init__(
            name,
            callback=click.pass_obj(self.run),
            help=TOOLS[name].does,
            makes_files=False,
            add_help_option=False,
        )

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Leave all arguments to the tool."""
        ctx.params["arguments"] = args
        return []

    def run(self, settings: Settings, arguments: list[str]) -> int:
        """Run it."""
        return run_tool(str(self.name), arguments, settings.kafka)


class KafkaTools(Group):
    """All tools of Kafka."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Their names."""
        return list(TOOLS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The tool of that name."""
        return KafkaTool(cmd_name) if cmd_name in TOOLS else None

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple:
        """The tool that the first argument names. The error about an unknown one names the nearest."""
        if args[0] not in TOOLS and not args[0].startswith("-"):
            name = args[0].removeprefix("kafka-").removesuffix(".sh").removesuffix(".bat")
            nearest = get_close_matches(name, TOOLS, cutoff=0.5)
            hint = f" Did you mean {' or '.join(nearest)}?" if nearest else ""
            raise click.UsageError(f"There is no tool {short(args[0])} here.{hint}", ctx)
        return super().resolve_command(ctx, args)


@click.group(
    "kafka",
    cls=KafkaTools,
    invoke_without_command=True,
    epilog="Each has the options of Kafka's own script, such as kafka-topics.sh. "
    "The address is filled in from the settings, unless it is given.",
)
@click.pass_context
def command(ctx: click.Context) -> None:
    """Kafka's own tools: topics, console-consumer and more, with their own options."""
    if not ctx.invoked_subcommand:
        print(ctx.get_help())
