cluster.kill(before.leader)
wait_until(lambda: before.leader not in describe_topic(topic.name, **settings.kafka).partitions[0].isr)
