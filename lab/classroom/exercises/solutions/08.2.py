create_topic(wide, num_partitions=4, **settings.kafka)
produce(wide, simulate_readings(24), interval=0, max_batches=10, **settings.kafka)
