"""What learners answer in lesson 15."""

from tests.support.answers import Answers

# The part in which old and new programs run, and the registry dies, is not needed by an exercise.
SKIPPED = {"## Old and new at the same time": "### Exercise 3"}

THIRD = "third = second | {{'fields': [*second['fields'], {{'name': 'place', {0}}}]}}"
READ = (
    "batteries = []\n"
    "for record in read_records(mixed, **settings.kafka):\n"
    "    zero, number = struct.unpack('>bI', record.value[:5])\n"
)
FULL = READ + "    batteries.append(decode_avro(record.value[5:], schemas[number]).get('battery'))\n"
APPENDED = (
    "third = dict(second)\nthird['fields'].append({'name': 'place', 'type': 'string', 'default': 'hall'})"
)
RENAMED = "first | {{'fields': [fields[0], {{'name': 'value', {0}}}, *fields[2:]]}}"
REGISTER = "registry.register(subject, {0})\n"
RULE = "registry.rest('PUT', f'/config/{{subject}}', {{'compatibility': '{0}'}})\n"
WRITERS_RULE, WRITERS_REGISTER = (each.replace("subject", "writers") for each in (RULE, REGISTER))
TRY = "try:\n    {0}\nexcept LabError as error:\n    print(error)\n"

ANSWERS = {
    "15.1": Answers(
        wrong={
            "third = {'name': 'place', 'type': 'string', 'default': 'hall'}": "a record with the fields of second",
            "third = first | {'fields': [*fields, {'name': 'place', 'type': 'string', 'default': 'hall'}]}": "the fields of second, and the field place (found: place, sensor_id",
            THIRD.format("'type': 'string'"): "the place is hall (found: the message cannot be read",
            THIRD.format("'type': 'string', 'default': 'attic'"): "the place is hall (found: 'attic')",
            THIRD.format("'type': ['null', 'string'], 'default': None"): "the place is hall (found: None)",
            THIRD.format(
                "'type': {'type': 'enum', 'name': 'Place', 'symbols': ['hall']}, 'default': 'hall'"
            ): "programs with first and second understand",
            "third = 3": "a record with the fields of second",
            THIRD.format("'type': 'string', 'default': 'hall'") + "\nthird['name'] = 'Reading3'": (
                "Schema mismatch: Reading is not Reading3)"
            ),
            APPENDED: "first and second are as they were",
        },
        right=[
            "second['fields'].pop()  # what the last wrong answer has appended\n"
            + THIRD.format("'type': 'string', 'default': 'hall'"),
            "third = json.loads(json.dumps(second))\nthird['fields'].insert(0, {'name': 'place', 'type': 'string', 'default': 'hall'})",
            THIRD.format("'type': ['string', 'null'], 'default': 'hall'"),
            THIRD.format("'type': 'string', 'default': 'hall', 'doc': 'where it hangs'"),
        ],
    ),
    "15.2": Answers(
        wrong={
            "batteries = 30": "it has a value for each message",
            "batteries = [3.1]": "it has a value for each message (found: 1 for 30",
            FULL
            + "batteries = [{'battery': each} for each in batteries]": "a number or None (found: {'battery'",
            FULL + "batteries = [each or 'none' for each in batteries]": "a number or None (found: 'none')",
            "batteries = [None] * 30": "None stands where the message has no battery",
            FULL
            + "batteries = [each or 0 for each in batteries]": "None stands where the message has no battery",
            FULL + "batteries = [each and round(each) for each in batteries]": "each number is the one",
        },
        right=[
            FULL,
            FULL + "batteries = pd.Series(batteries)",
            FULL + "import numpy as np\nbatteries = np.array(batteries, dtype=float)",
            FULL + "batteries = tuple(batteries)",
        ],
    ),
    "15.3": Answers(
        wrong={
            TRY.format(RULE.format("NONE").strip())
            + REGISTER.format(
                RENAMED.format("'type': 'double'")
            ): "value is what val was (found: the message cannot be read",
            REGISTER.format(
                RENAMED.format("'type': 'double', 'default': 0.0")
            ): "value is what val was (found: 0.0)",
            REGISTER.format("second"): "a field value, and none that is called val (found: battery",
            REGISTER.format(
                "first | {'fields': [*fields, {'name': 'value', 'type': 'double', 'default': 0}]}"
            ): "none that is called val",
            RULE.format("FORWARD")
            + RULE.format("NONE")
            + REGISTER.format(
                RENAMED.format("'type': 'double', 'aliases': ['val']")
            ): "its rule is BACKWARD (found: NONE)",
        },
        right=[
            TRY.format(REGISTER.format(RENAMED.format("'type': 'double'")).strip())
            + REGISTER.format(RENAMED.format("'type': 'double', 'aliases': ['val', 'v']")),
            "mine = json.loads(json.dumps(first))\nmine['fields'][1].update(name='value', aliases=['val'])\n"
            "registry.rest('POST', f'/subjects/{subject}/versions', {'schema': json.dumps(mine)})",
        ],
    ),
    "15.4": Answers(
        wrong={
            TRY.format(WRITERS_REGISTER.format("changes['required']").strip())
            + WRITERS_REGISTER.format("second"): "its rule is FORWARD (found: BACKWARD",
            WRITERS_RULE.format("FULL"): "its rule is FORWARD (found: FULL",
            WRITERS_RULE.format("NONE")
            + WRITERS_REGISTER.format("changes['required']"): "its rule is FORWARD (found: NONE",
            WRITERS_RULE.format(
                "FORWARD"
            ): "one field more: battery, without a default (found: no field more",
            WRITERS_RULE.format("FORWARD")
            + WRITERS_REGISTER.format("second"): "battery, without a default (found: battery",
        },
        right=[
            WRITERS_RULE.format("FORWARD_TRANSITIVE")
            + WRITERS_REGISTER.format("first | {'fields': [{'name': 'battery', 'type': 'double'}, *fields]}"),
            WRITERS_RULE.format("NONE")
            + WRITERS_REGISTER.format("changes['required']")
            + WRITERS_RULE.format("FORWARD"),
        ],
    ),
}
