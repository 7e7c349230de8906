"""What goes over the network between Kafka's clients and its brokers? A proxy sees it."""
