letters = {
    "errors.tolerance": "all",
    "errors.deadletterqueue.topic.name": dead,
    "errors.deadletterqueue.topic.replication.factor": 1,
}
worker.add(careful, sink | {"topics": mixed, "collection.name.format": careful} | letters)
