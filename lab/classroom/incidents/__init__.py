"""What does a learner find out when somebody else broke something? Incidents, to be found and mended.

scenario (what breaks) -> incident (the call, the clock, the check) -> page (to print)
             |
          system (a Kafka, and programs that send and store readings)
"""
