create_topic(mine, replication_factor=3, configs={"min.insync.replicas": 2}, **settings.kafka)
