"""DESTEST buildings: read as published, plausible, fit to the grey box's shapes."""

import numpy as np
import pandas as pd
import pytest

from lifeline_kit.io.destest import read_destest_building


def test_every_building_is_read_in_celsius_and_kilowatt(shared_data):
    files = sorted((shared_data / "heating" / "destest" / "buildings").glob("*.csv*"))
    if not files:
        pytest.skip("no DESTEST buildings")
    for file in files:
        table = read_destest_building(file)
        step = pd.Series(table.index).diff().dropna().dt.total_seconds()
        assert step.median() in {600.0, 900.0}
        assert table.index[-1] >= pd.Timedelta(days=364)
        assert table["day_c"].min() > 5.0
        assert table["day_c"].max() < 50.0
        assert table["heat_kw"].min() >= 0.0
        winter = table[table.index < pd.Timedelta(days=60)]
        assert 15.0 < winter["day_c"].median() < 24.0
        assert winter["heat_kw"].mean() > table["heat_kw"].mean()


def test_older_building_needs_more_heat(shared_data):
    folder = shared_data / "heating" / "destest" / "buildings"
    means = {
        age: read_destest_building(file)["heat_kw"].mean()
        for age in ("1980s", "2010s")
        for file in folder.glob(f"*{age}*.csv*")
    }
    if len(means) < 2:
        pytest.skip("not both ages are here")
    assert means["1980s"] > 1.5 * means["2010s"]
    assert np.isfinite(list(means.values())).all()
