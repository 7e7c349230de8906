"""What is looked at in the exercise of lesson 01, broker?"""

from typing import Any

from lab.classroom.exercises.answers import name_of
from lab.classroom.exercises.exercise import Exercise, Step, exercise
from lab.topics import read_records


@exercise("01.1")
def own_words(words: Any, **kafka: Any) -> Exercise:
    """The topic `words` has three messages."""
    topic = name_of(words)

    def messages() -> list[Any]:
        return list(read_records(topic, **kafka))

    return Exercise(
        lambda: len(messages()) > 0,
        f"Topic {topic} has no message yet.",
        (
            Step(
                "it has three messages",
                lambda: len(messages()) >= 3,
                (
                    "producer.send(words, b'hello') sends one; a message is bytes, so it begins with b.",
                    "Wait for each with .get(timeout=10). Or put the producer into a `with`: its end waits.",
                ),
                found=lambda: len(messages()),
            ),
        ),
    )
