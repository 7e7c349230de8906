"""What learners answer in lesson 14."""

from tests.support.answers import Answers

# The long parts in which worker and source die are not needed by an exercise; the tests of the lesson run them.
SKIPPED = {
    "## The worker dies": "## A table's changes",
    "Row for row the same.": "### Exercise 1: the latest",
}

LATEST = "worker.add(latest, sink | {{'topics': few, 'collection.name.format': latest, {0}}})"
UPSERT = "'insert.mode': 'upsert', 'primary.key.mode': 'record_value', 'primary.key.fields': {0}"
CAREFUL = "worker.add(careful, sink | {{'topics': mixed, 'collection.name.format': careful, {0}}})"
DEAD = "'errors.tolerance': 'all', 'errors.deadletterqueue.topic.name': {0}"
ONE = ", 'errors.deadletterqueue.topic.replication.factor': 1"
TRY = "try:\n    {0}\nexcept Exception as error:\n    print(error)"
CHANGES = "json.loads(r.value or '{{}}') for r in list(read_records(changes, **settings.kafka)){0}"

ANSWERS = {
    "14.1": Answers(
        wrong={
            "worker.add(latest, sink | {'topics': topic, 'collection.name.format': latest})": "its topics is",
            "worker.add(latest, sink | {'topics': few})": "its collection.name.format is",
            LATEST.format(""): "its table has one row for each sensor (found: 200 rows for 10 sensors)",
            LATEST.format(UPSERT.format("'sensor_id,ts'")): "its table has one row for each sensor",
            LATEST.format(UPSERT.format("'sensor_id'").replace("record_value", "record_key")): (
                "its table has one row for each sensor (found: 0 rows for 10 sensors)"  # there is no table
            ),
            TRY.format(
                LATEST.format("'key.converter': sink['value.converter']")
            ): "it runs, and so does its task (found:",
        },
        right=[
            "mine = dict(sink)\nmine['topics'] = few\nmine['collection.name.format'] = latest\n"
            "mine.update({" + UPSERT.format("'sensor_id'") + "})\n"
            "config = {key: str(value).lower() if value is True else str(value) for key, value in mine.items()}\n"
            "worker.rest('PUT', f'/connectors/{latest}/config', config)\n"
            "wait_until(lambda: worker.rest('GET', '/connectors?expand=status').get(latest, {}).get('status', {}).get('tasks'))",
            LATEST.format(UPSERT.format("'sensor_id'") + ", 'tasks.max': 2"),
        ],
    ),
    "14.2": Answers(
        wrong={
            TRY.format(CAREFUL.format("")): "it runs, and so does its task (found:",
            TRY.format(CAREFUL.format("'errors.tolerance': 'none'")): "it runs, and so does its task (found:",
            CAREFUL.format("'errors.tolerance': 'all'"): "exists (found: no such topic)",
            CAREFUL.format(DEAD.format("'elsewhere'") + ONE): "exists",
            "worker.add(careful, sink | {'topics': few, 'collection.name.format': careful, "
            + DEAD.format("dead")
            + ONE
            + "})": "its topics is",
        },
        right=[
            CAREFUL.format(
                DEAD.format("dead") + ONE + ", 'errors.deadletterqueue.context.headers.enable': True"
            ),
            TRY.format(CAREFUL.format("")) + "\n" + CAREFUL.format(DEAD.format("dead") + ONE),
            CAREFUL.format(
                DEAD.format("dead") + ONE + ", 'insert.mode': 'upsert', 'primary.key.mode': 'kafka'"
            ),
        ],
    ),
    "14.3": Answers(
        wrong={
            "earlier = [row for row in replica.values()]": "your answer is a dictionary (found: list)",
            "earlier = {each['after']['sensor_id']: each['after']['place'] for each in ["
            + CHANGES.format("[:7]").replace("{{}}", "{}")
            + "] if each.get('after')}": "no sensor that was not in the table then (found: b)",
            "earlier = {each['after']['sensor_id']: each['after']['place'] for each in ["
            + CHANGES.format("[2:7]").replace("{{}}", "{}")
            + "] if each.get('after') and each['after']['sensor_id'] != 'b'}": "it has each sensor",
            "earlier = {}\nfor record in records[:7]:\n    change = json.loads(record.value)\n"
            "    earlier[record.key] = (change['after'] or {}).get('place')": (
                """its keys are names of sensors (found: b'{"sensor_id":"a"}')"""  # as those of replica
            ),
            "earlier = {record.key.decode(): 'hall' for record in records[:7]}": "its keys are names of sensors",
            "earlier = {'temperature-1': 'hall', 'humidity-1': 'hall', 'a': 'yard', 'c': 'yard'}": "each place is the one of then",
        },
        right=[
            "earlier = {'temperature-1': 'hall', 'humidity-1': 'hall', 'a': 'attic', 'c': 'yard'}",
            "import pandas as pd\n"
            "earlier = pd.Series(dict([('temperature-1', 'hall'), ('humidity-1', 'hall'), ('a', 'attic'), ('c', 'yard')]))",
        ],
    ),
}
