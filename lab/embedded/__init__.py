"""How does a real Kafka run on this machine, without Docker and without a Java to install?"""
