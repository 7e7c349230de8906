create_topic(hourly, configs={"retention.ms": 60 * 60 * 1000}, **settings.kafka)
