fixed = fix_value(bad["unknown status"], {"status": "OK"})
replay(warehouse, to_save, fixed, **settings.kafka)
consume(topic, warehouse, group_id=topic, idle_timeout=2, **settings.kafka)
