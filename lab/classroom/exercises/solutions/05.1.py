usual = temperature["val"].rolling(15, center=True, min_periods=1).median()
outliers = temperature.loc[(temperature["val"] - usual).abs() > 5, "ts"]
