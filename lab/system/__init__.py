"""What needs neither Kafka nor a database? Signals, locks, texts, and what has to be typed here."""
