with KafkaProducer(**settings.kafka) as producer:
    producer.send(mine, good.replace("°C".encode(), b"x" * 60))
consume(mine, warehouse, group_id=mine, idle_timeout=2, **settings.kafka)
