tried = read_work(log, **settings.kafka)
repeated = set(tried.loc[tried["delivery"] > 1, "job"])
