consume(topic.name, archive, group_id=archive_group, idle_timeout=2, **settings.kafka)
