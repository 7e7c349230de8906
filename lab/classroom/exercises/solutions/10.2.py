offsets = topic_offsets(topic.name, **settings.kafka)
stored = warehouse.next_offsets(topic.topic_id)
lag = {number: end - stored.get(number, first) for number, (first, end) in offsets.items()}
