"""What is looked at in the exercises of lesson 02, topics?"""

from typing import Any

from lab.classroom.exercises.answers import name_of
from lab.classroom.exercises.exercise import Exercise, Step, exercise
from lab.classroom.exercises.queries import NEW_NAME, about_topic, num_partitions, topic_config


@exercise("02.1")
def four_partitions(mine: Any, **kafka: Any) -> Exercise:
    """The topic `mine` has four partitions."""
    name = name_of(mine)
    return about_topic(
        mine,
        kafka,
        Step(
            "it has 4 partitions",
            lambda: num_partitions(name, kafka) == 4,
            ("create_topic takes a number of partitions, as in the cell with plot_offsets.", NEW_NAME),
            found=lambda: num_partitions(name, kafka),
        ),
    )


@exercise("02.2")
def one_hour(hourly: Any, **kafka: Any) -> Exercise:
    """The topic `hourly` keeps its messages for an hour."""
    name = name_of(hourly)
    return about_topic(
        hourly,
        kafka,
        Step(
            "its retention.ms is one hour",
            lambda: topic_config(name, "retention.ms", **kafka) == "3600000",
            (
                "configs={'retention.ms': ...} says how long, as in the cell that keeps a day.",
                "It is a number of milliseconds: an hour has 60 minutes of 60 seconds of 1000 milliseconds.",
                NEW_NAME,
            ),
            found=lambda: f"{topic_config(name, 'retention.ms', **kafka)} ms",
        ),
    )
