"""What learners answer in lesson 12."""

from tests.support.answers import Answers

CONSUME = "consume(topic.name, warehouse, group_id=topic.name, {0}, **settings.kafka)"
VIEW = "warehouse.execute('DROP VIEW IF EXISTS highest')\nwarehouse.execute('CREATE VIEW highest AS {0}')"

MOST = "SELECT sensor_id, max(val) AS val FROM sensor_logs GROUP BY sensor_id"

ANSWERS = {
    "12.1": Answers(
        wrong={CONSUME.format("max_messages=100"): "the lag is 0 (found: a lag of"},
        right=[
            "from lab import topic_offsets\n"
            "end = sum(end for _, end in topic_offsets(topic.name, **settings.kafka).values())\n"
            "left = end - sum(warehouse.next_offsets(topic.topic_id).values())\n"
            + CONSUME.format("max_messages=left"),
            "with Warehouse(url) as warehouse:\n    "
            + CONSUME.format("idle_timeout=2")
            + "\nwarehouse = Warehouse(url)",
        ],
    ),
    "12.2": Answers(
        wrong={
            VIEW.format("SELECT sensor_id FROM sensor_logs"): "it has the columns sensor_id and val",
            VIEW.format(MOST.replace("AS val", "AS most")): "it has the columns sensor_id and val",
            VIEW.format("SELECT sensor_id, val FROM sensor_logs"): "one row for each sensor (found:",
            VIEW.format(MOST.replace("max", "min")): "the highest value",
            VIEW.format(
                "SELECT max(sensor_id) AS sensor_id, max(val) AS val FROM sensor_logs"
            ): "one row for each sensor",
        },
        right=[
            VIEW.format("SELECT max(val) AS val, sensor_id FROM sensor_logs GROUP BY sensor_id"),
            VIEW.format("SELECT DISTINCT ON (sensor_id) sensor_id, val FROM sensor_logs ORDER BY 1, 2 DESC"),
            f"warehouse.execute('CREATE OR REPLACE VIEW highest AS {MOST}')",
            VIEW.format(MOST.replace("SELECT sensor_id,", "SELECT sensor_id, count(*),")),
            "import psycopg\nwith psycopg.connect(url, autocommit=True) as client:\n"
            f"    client.execute('CREATE VIEW highest AS {MOST}')",
        ],
    ),
}
