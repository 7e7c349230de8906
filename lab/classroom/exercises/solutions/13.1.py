def largest(readings):
    from quixstreams.dataframe.windows import Max

    window = readings.tumbling_window(timedelta(minutes=5), grace_ms=timedelta(minutes=1))
    return window.agg(largest=Max("val")).final()
