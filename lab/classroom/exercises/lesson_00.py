"""What is looked at in the exercise of lesson 00, overview?"""

from typing import Any

from lab.classroom.exercises.answers import number_of
from lab.classroom.exercises.exercise import Exercise, Step, exercise
from lab.classroom.exercises.queries import about_number
from lab.databases.counts import count_by_sensor
from lab.warehouse import Warehouse


@exercise("00.1")
def count_sensors(sensors: Any, url: str) -> Exercise:
    """`sensors` is the number of sensors in the chart."""

    def right() -> int:
        with Warehouse(url, create=False) as warehouse:
            return len(count_by_sensor(warehouse))

    return about_number(
        "sensors",
        sensors,
        Step(
            "it is the number of sensors in the chart",
            lambda: number_of(sensors) == right(),
            ("The chart has one panel for each sensor.", "The last panel counts readings: it is no sensor."),
            found=lambda: sensors,
        ),
    )
