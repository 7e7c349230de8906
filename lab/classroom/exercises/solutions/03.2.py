answer = int(sent.loc[sent["key"] == "pressure-2", "partition"].iloc[0])
