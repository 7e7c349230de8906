kafka_tool("configs", "--entity-type", "groups", "--entity-name", mine, *setting)
workers = [start_worker(name, jobs, own, mine) for name in names]
wait_until(lambda: read_work(own, **settings.kafka)["job"].nunique() == 60, timeout=100)
for worker in workers:
    worker.kill()
