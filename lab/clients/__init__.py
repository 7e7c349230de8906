"""How does the kit reach Kafka, and which undocumented behaviour of kafka-python does it handle?"""
