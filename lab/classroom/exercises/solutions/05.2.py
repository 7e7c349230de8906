inside = (later["ts"] >= nine) & (later["ts"] < nine + timedelta(hours=1))
mean = later.loc[inside & (later["sensor_id"] == "humidity-1"), "val"].mean()
