"""What learners answer in lesson 16."""

from tests.support.answers import Answers

# The exercises need the topics, the groups and one log; not the work of the other workers.
SKIPPED = {
    "# How many of the six will work?": "## Who has which job?",
    "# How often will Kafka hand out": "## Three protocols",
    "# Of each group, take the job": "for worker in [*six, *workers]",
}

SET = 'kafka_tool("configs", "--entity-type", "groups", "--entity-name", mine, *setting)\n'
WORK = "workers = [start_worker(name, jobs, own, mine{0}) for name in {1}]\n"
WAIT = "wait_until(lambda: read_work(own, **settings.kafka)['job'].nunique() {0}, timeout=100)\n"
JOINED = (
    "from kafka import KafkaAdminClient\n"
    "with KafkaAdminClient(**settings.kafka) as admin:\n"
    "    wait_until(lambda: mine in [each['group_id'] for each in admin.list_groups()], timeout=100)\n"
)
END = "for worker in workers:\n    worker.kill()"
KINDS = "kinds = dict(zip(ways.values(), {0}))"

ANSWERS = {
    "16.1": Answers(
        wrong={
            WORK.format(', "classic", seconds=0.01', "names[:3]")
            + WAIT.format("== 60")
            + END: "there is a share group",
            WORK.format("", "names[:3]") + JOINED + END: "every job is done (found: 0 of 60",  # from the end
            SET
            + WORK.format(", seconds=0.5", "names[:3]")
            + WAIT.format(">= 5")
            + END: "every job is done (found:",
            SET
            + WORK.format(", seconds=0.01", "names[:1]")
            + WAIT.format("== 60")
            + END: "workers did some (found: 1",
        },
        right=[
            # With `warm_up`, as in the lesson: its short jobs do not count here either.
            SET
            + WORK.format(", seconds=0.1", "[f'own {n}' for n in range(5)]")
            + "warm_up(5, jobs, own, **settings.kafka)\n"
            + WAIT.format("== 60")
            + END,
        ],
    ),
    "16.2": Answers(
        wrong={
            "repeated = {'light 0'}": "more than once (found: light 0",
            "repeated = set(read_work(log, **settings.kafka)['job'])": "was handed out more than once",
            "tried = read_work(log, **settings.kafka)\nrepeated = list(tried.loc[tried['delivery'] > 1, 'job'])[:1]": "none is missing",
            "repeated = []": "none is missing (found: 0 of",
            "repeated = 12": "was handed out more than once (found: 12",
            "tried = read_work(log, **settings.kafka)\nrepeated = tried[tried['delivery'] > 1]": "more than once",
            "repeated = read_work(log, **settings.kafka)['job'].value_counts()": "more than once",
            "tried = read_work(log, **settings.kafka)\nrepeated = len(tried[tried['delivery'] > 1])": "more than once",
        },
        right=[
            "repeated = read_work(log, **settings.kafka).query(\"did == 'gave back'\")['job'].tolist()",
            "tried = read_work(log, **settings.kafka)\nrepeated = set(tried[tried['job'].duplicated()]['job'])",
            "tried = read_work(log, **settings.kafka)\nrepeated = tried[tried['delivery'] > 1]['job'].unique()",
            "tried = read_work(log, **settings.kafka)\nrepeated = list(tried.query('delivery > 1')['job'])",
            "tried = read_work(log, **settings.kafka)\nrepeated = tried.query('delivery > 1')['job']",
            "tried = read_work(log, **settings.kafka)\nrepeated = dict(zip(tried.query('delivery > 1')['job'], 'x' * 99))",
        ],
    ),
    "16.3": Answers(
        wrong={
            KINDS.format("['share', 'share', 'share']"): "the type that the broker tells",
            "kinds = {'classic': 'classic', 'consumer': 'consumer', 'share': 'share'}": "names the three groups",
            "kinds = {}": "names the three groups (found: nothing",
            "kinds = ['classic', 'consumer', 'share']": "names the three groups",
            "kinds = ways": "names the three groups (found: classic, consumer, share",
            KINDS.format(
                "['consumer', 'consumer', 'share']"
            ): "the type that the broker tells (found: consumer",
        },
        right=[
            "from kafka import KafkaAdminClient\nwith KafkaAdminClient(**settings.kafka) as admin:\n"
            "    kinds = {each['group_id']: each['group_type'] for each in admin.list_groups()}",
            KINDS.format("['Classic', 'Consumer', 'Share']"),
            "import pandas as pd\nkinds = pd.Series({name: way for way, name in ways.items()})",
            "kinds = [(name, way) for way, name in ways.items()]",
        ],
    ),
}
