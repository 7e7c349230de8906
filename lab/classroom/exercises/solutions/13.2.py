def begins_run(reading, state):
    before = state.get("status")
    state.set("status", reading["status"])
    return reading["status"] == "CRITICAL" and before != "CRITICAL"
