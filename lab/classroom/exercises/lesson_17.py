"""What is looked at in the exercises of lesson 17, security?"""

from collections.abc import Callable
from typing import Any

from kafka import KafkaAdminClient

from lab.classroom.exercises.answers import is_given
from lab.classroom.exercises.exercise import Exercise, Step, exercise
from lab.clients.connection import connect
from lab.clients.rights import Right, may, rights_of
from lab.errors import AccessError
from lab.system.signals import wait_until

AGAIN = "Run your whole cell again: its first line makes a new user."
SECONDS = 5  # the time in which a broker knows a new password


@exercise("17.1")
def a_reader(reader: str, topic: str, **kafka: Any) -> Exercise:
    """The user `reader` may read the topic, in the group of the same name, and nothing else."""

    def rights() -> list[Right]:
        return rights_of(reader, **kafka)

    def too_many() -> list[Right]:
        return [right for right in rights() if not _is_needed(right, reader, topic)]

    return Exercise(
        lambda: any(right.user == reader for right in rights()),
        f"The user {reader} has no right yet.",
        (
            _may_read(
                "topic",
                topic,
                rights,
                "`grant` takes the user, the operation, and `topic=`.",
                'The operation is "READ".',
            ),
            _may_read(
                "group", reader, rights, "A group is named by `group=`.", "Its name is that of the user."
            ),
            Step(
                "the user may do no more than that",
                lambda: not too_many(),
                (
                    "What is listed here is more than a reader needs: `revoke(...)` takes it away.",
                    f"One operation, on one topic and on one group, each by its name. {AGAIN}",
                ),
                found=lambda: f"{_listed(too_many())}: too many",
            ),
        ),
    )


@exercise("17.2")
def no_more_writing(writer: str, topic: str, **kafka: Any) -> Exercise:
    """The user `writer` may not write to the topic any more, and may still read it."""
    given = {
        Right(writer, "WRITE", "topic", topic),
        Right(writer, "READ", "topic", topic),
        Right(writer, "READ", "group", writer),
    }

    def rights() -> list[Right]:
        return rights_of(writer, **kafka)

    return Exercise(
        lambda: set(rights()) != given,
        f"The user {writer} still has the three rights of the first lines.",
        (
            Step(
                "the user may not write to the topic",
                lambda: not may("WRITE", "topic", topic, rights()),
                ("`revoke` takes what `grant` takes.", 'The operation is "WRITE".'),
                found=lambda: _listed(rights()),
            ),
            Step(
                "the user may still read it, in its group",
                lambda: may("READ", "topic", topic, rights()) and may("READ", "group", writer, rights()),
                (f"Only the right to write is to go. {AGAIN}",),
                found=lambda: _listed(rights()),
            ),
        ),
    )


@exercise("17.3")
def another_password(guest: str, old: str, new: Any, **kafka: Any) -> Exercise:
    """The user `guest` comes in with the password `new`, and not with `old`. Neither is ever shown."""

    def comes_in(password: str) -> bool:
        login: dict[str, Any] = {"sasl_plain_username": guest, "sasl_plain_password": password}
        try:
            connect(KafkaAdminClient, **(kafka | login)).close()
            return True
        except AccessError:
            return False

    return Exercise(
        lambda: is_given(new),
        "There is no password in new yet.",
        (
            Step(
                "new is a text, and another one than old",
                lambda: isinstance(new, str) and new not in ("", old),
                ("`token_urlsafe(12)` makes one that nobody can guess.",),
            ),
            Step(
                "with new, the user comes in",
                lambda: comes_in(new),
                (
                    "Kafka has to know it: `set_password` takes the user and the password.",
                    "The user is in `guest`. The mechanism is that of the settings, SCRAM-SHA-512.",
                ),
                found=lambda: "refused",
            ),
            Step(
                "with old, the user is refused",
                lambda: wait_until(lambda: not comes_in(old), timeout=SECONDS),
                (f"A new password takes the place of the old one, if both are of one user. {AGAIN}",),
                found=lambda: "comes in",
            ),
        ),
    )


def _may_read(kind: str, name: str, rights: Callable[[], list[Right]], *hints: str) -> Step:
    """The step that this right is there."""
    return Step(
        f"the user may read the {kind} {name}",
        lambda: may("READ", kind, name, rights()),
        hints,
        found=lambda: _listed(rights()),
    )


def _is_needed(right: Right, reader: str, topic: str) -> bool:
    """Whether a reader needs it. Who may read may describe too, so that is no more."""
    is_named = (right.kind, right.name) in {("topic", topic), ("group", reader)} and not right.is_prefix
    is_read = right.operation in ("READ", "DESCRIBE")
    return right.is_denied or (right.user == reader and is_named and is_read)


def _listed(rights: list[Right]) -> str:
    """The rights in words; whose they are, where they are those of every user."""
    return ", ".join(f"{right}{' for every user' * (right.user == '*')}" for right in rights) or "no right"
