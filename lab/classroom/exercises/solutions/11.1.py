create_topic(mine, num_partitions=3, **settings.kafka)
