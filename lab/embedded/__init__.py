"""How is there a Kafka on this machine? A real one, with no Docker, and with no Java to install."""
