"""How do we reach Kafka, and what do we know about kafka-python that is not in its documentation?"""
