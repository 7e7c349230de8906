"""Whose broker is used? A user who did not choose a topic is warned if it belongs to another kit."""

from lab.cli.output import say
from lab.embedded.owners import other_kit
from lab.embedded.ports import another_address
from lab.settings import Settings
from lab.text.commandline import kit


def say_whose_broker(settings: Settings) -> None:
    """Warn a user who did not choose a topic if the broker belongs to another kit."""
    if settings.topic != Settings.topic:
        return
    if home := other_kit(settings.bootstrap_servers, settings.home, settings.security_protocol):
        say(
            f"Kafka at {settings.bootstrap_servers} is that of another kit, in {home}, whose topic "
            f"{settings.topic} this may be. Set LAB_TOPIC to one of your own, or start a broker of your own: "
            f"{kit()} broker start, with {another_address(settings.bootstrap_servers)}"
        )
