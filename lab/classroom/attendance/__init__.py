"""How far is the class? Learners who joined it send what their checks found; the board counts that.

    check -> outbox (files) -> topic lab-class on the room's broker -> board

Nothing is sent by a learner who has not joined.
"""
