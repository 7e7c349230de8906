registry.rest("PUT", f"/config/{writers}", {"compatibility": "FORWARD"})
registry.register(writers, changes["required"])
