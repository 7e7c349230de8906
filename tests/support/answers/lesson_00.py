"""What learners answer in lesson 00."""

from tests.support.answers import Answers

ANSWERS = {
    "00.1": Answers(
        wrong={
            "sensors = 4": "the number of sensors in the chart (found: 4)",
            "sensors = 'three'": "your answer is a number (found: str)",
            "sensors = ['temperature-1', 'humidity-1', 'pressure-1']": "your answer is a number (found: list)",
        },
        right=[
            "sensors = '3'",
            "sensors = read_sensor_logs(url)['sensor_id'].nunique()",
            "sensors = read_sensor_logs(url)[['sensor_id']].nunique()",
        ],
    ),
}
