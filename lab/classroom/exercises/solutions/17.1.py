grant(reader, "READ", topic=topic, group=reader, **settings.kafka)
