"""What do Kafka's clients and brokers say to each other over the network? A proxy sees it, and can cut it."""
