consume(topic.name, warehouse, group_id=topic.name, idle_timeout=2, **settings.kafka)
