"""What learners answer in lesson 05."""

from tests.support.answers import Answers

FAR = (
    "usual = strange['val'].rolling(15, center=True, min_periods=1).median()\n"
    "far = strange[(strange['val'] - usual).abs() > 3]\n"
)
HUMIDITY = "later[later['sensor_id'] == 'humidity-1']"
INSIDE = f"humidity = {HUMIDITY}\nten = nine + timedelta(hours=1)\n"

ANSWERS = {
    "05.1": Answers(
        wrong={
            "outliers = []": "it has times (found: no rows)",
            "outliers = strange.loc[strange['status'] != 'OK', 'ts']": "(found:",
            "outliers = strange.loc[strange['val'].idxmin(), 'ts']": "each of them is an outlier",
            "outliers = 'soon'": "it has times",
            "outliers = 3": "it has times (found: int)",
            f"{FAR}outliers = far['val']": "it has times (found: Series)",
            f"{FAR}outliers = far.index": "it has times (found: Index)",
            f"{FAR}outliers = far['ts'].iloc[:1]": "none is missing",
            "outliers = strange['ts']": "each of them is an outlier",
            f"{FAR}outliers = [*far['ts'], SAMPLE_DAY]": "each of them is an outlier (found: 1 that are none)",
        },
        right=[
            f"{FAR}outliers = far['ts']",
            f"{FAR}outliers = far",
            f"{FAR}outliers = list(far['ts'])",
            f"{FAR}outliers = far['ts'].to_numpy()",
            f"{FAR}outliers = far.set_index('ts').index",
            f"{FAR}outliers = set(far['ts'].astype(str))",
            f"{FAR}outliers = list(far.itertuples())",
        ],
    ),
    "05.2": Answers(
        wrong={
            "mean = float('nan')": "it is the mean of some readings",
            "mean = 'high'": "your answer is a number",
            "mean = logs.loc[logs['sensor_id'] == 'temperature-1', 'val'].mean()": "it is one of humidity-1",
            f"{INSIDE}mean = humidity.loc[humidity['ts'] >= nine, 'val'].iloc[0]": "it is the mean of the whole",
        },
        right=[
            f"{INSIDE}mean = humidity.loc[humidity['ts'].between(nine, ten, inclusive='left'), ['val']].mean()",
            f"{HUMIDITY}.set_index('ts')['val'].resample('1h').mean().loc[[nine]]\n"
            f"mean = {HUMIDITY}.set_index('ts')['val'].resample('1h').mean().loc[[nine]]",
            f"{INSIDE}mean = round(float(humidity[(humidity['ts'] >= nine) & (humidity['ts'] < ten)]['val'].mean()), 2)",
        ],
    ),
}
