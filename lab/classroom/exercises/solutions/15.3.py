value = {"name": "value", "type": "double", "aliases": ["val"]}
registry.register(subject, first | {"fields": [fields[0], value, *fields[2:]]})
