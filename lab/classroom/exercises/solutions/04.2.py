with KafkaConsumer(**settings.kafka) as clock:
    answer = clock.offsets_for_times({partition: since})[partition].offset
