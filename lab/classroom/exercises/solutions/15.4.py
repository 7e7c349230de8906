registry.rest("PUT", f"/config/{subject}", {"compatibility": "FORWARD"})
registry.register(subject, changes["required"])
