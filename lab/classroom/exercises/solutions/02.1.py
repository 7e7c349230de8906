create_topic(mine, num_partitions=4, **settings.kafka)
