"""What is looked at in the exercise of lesson 01, broker?"""

from typing import Any

from lab.classroom.exercises.answers import name_of
from lab.classroom.exercises.exercise import Exercise, Step, exercise
from lab.classroom.exercises.queries import about_messages, messages_of


@exercise("01.1")
def own_words(words: Any, **kafka: Any) -> Exercise:
    """The topic `words` has three messages."""
    topic = name_of(words)

    def messages() -> list[Any]:
        return messages_of(topic, kafka)

    return about_messages(
        words,
        kafka,
        Step(
            "it has three messages",
            lambda: len(messages()) >= 3,
            (
                "producer.send(words, b'hello') sends one; a message is bytes, so it begins with b.",
                "Wait for each with .get(timeout=10). Or put the producer into a `with`: its end waits.",
            ),
            found=lambda: len(messages()),
        ),
    )
