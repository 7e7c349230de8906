def too_high(readings, limits):
    joined = readings.join_asof(limits, on_merge=lambda reading, row: {**reading, "limit": row["limit"]})
    return joined.filter(lambda each: each["val"] > each["limit"])
