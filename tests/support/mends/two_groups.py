"""What learners do about two groups that store the same."""

from tests.support.mends import change, more_partitions, once, remove_doubles, restart


def stop(name: str):
    return lambda system: system.end(name)


WRONG = {
    "restart both": restart("storer", "storer-2"),
    "remove what is there twice": remove_doubles,
    "more partitions": more_partitions,
    "begin at the end": change("storer-2", kafka={"auto_offset_reset": "latest"}),
    "another name for the group": change(
        "storer-2", kafka={"group_id": "backup", "auto_offset_reset": "latest"}
    ),
    "restart the sender": restart("sender"),
}
RIGHT = {
    "stop one": once(stop("storer-2")),
    "stop the other": once(stop("storer")),
    "one group": once(lambda system: change("storer-2", kafka={"group_id": system.group})(system)),
}
