place = {"name": "place", "type": "string", "default": "hall"}
third = second | {"fields": [*second["fields"], place]}
