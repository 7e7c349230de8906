create_topic(alarms, num_partitions=3, **settings.kafka)
