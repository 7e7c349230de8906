with KafkaProducer(**settings.kafka) as producer:
    for word in [b"good", b"morning", b"Kafka"]:
        producer.send(words, word).get(timeout=10)
