usual = strange["val"].rolling(15, center=True, min_periods=1).median()
outliers = strange.loc[(strange["val"] - usual).abs() > 3, "ts"]
