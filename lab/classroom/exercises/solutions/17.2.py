revoke(writer, "WRITE", topic=topic, **settings.kafka)
