"""Heating cases of the city on a grid, as `lifelines.heating.cases` would store them."""

import json

import pandas as pd

STATION, PLANT = "H-S-000001", "H-L-000001"


def heat_cases(at: pd.Timestamp) -> list[dict]:
    """A substation with a stuck valve, a leaking plant, and homes in an outage."""
    begin = at - pd.Timedelta("3D")
    usual = [[str(begin + pd.Timedelta(hours=3 * i)), 46.0] for i in range(24)]
    station = {
        "kind": "substation", "rank": 1, "of": 3, "days": 10.0, "fault": "valve_stuck_open",
        "fault_zh": "调节阀关不严", "fault_en": "Control valve leaks", "open": True, "score": 2.1,
        "excess_m3": 700.0, "excess_kwh": 245.0, "excess_cny": 159.0, "month_m3": 2100.0,
        "month_kwh": 735.0, "month_cny": 478.0, "cooling_k": 31.0, "peer_cooling_k": 40.0,
        "deviation": -3.0, "base_kw": 100.0, "slope_kw_per_k": 31.0, "change_c": 14.0,
        "daily_m3": [60.0, -5.0, 90.0], "usual_back": usual, "findings": [],
        "sensors": {"supply_temperature": "h0", "return_temperature": "h1", "flow": "h2"},
        "missing_zh": [], "missing_en": [],
    }  # fmt: skip
    plan = {"pipe": "T1", "close": ["V7"], "people": 900, "zh": "关闭 V7", "en": "close V7"}
    plant = {
        "kind": "plant", "usual_m3_h": 1.0, "now_m3_h": 4.2, "circulating_m3_h": 600.0,
        "share": 0.007, "norm": 0.005, "norm_source": "", "norm_source_zh": "",
        "norm_verified": False, "open": True, "leak_m3_h": 3.2, "low_m3_h": 2.9, "high_m3_h": 3.5,
        "daily_m3_h": [1.0, 4.2], "suspects": [["T1", 0.4]], "isolation": plan, "findings": [],
        "missing_zh": ["回水侧没有压力测点"], "missing_en": ["no pressure in the return"],
    }  # fmt: skip
    group = {
        "group": STATION, "age": "before_1986", "people": 5000.0, "vulnerable": 640.0,
        "room_c": 20.9, "rooms": 2, "hours_18": 6.4, "early": 4.0, "late": 9.9, "hours_12": 26.0,
        "blankets_18": 1280.0, "blankets_12": 4360.0, "boiler_kw": 9000.0,
    }  # fmt: skip
    cold = {
        "kind": "cold", "told": True, "horizon_h": 96.0, "back_after_h": 24.0, "outdoor_c": -3.0,
        "groups": [group], "missing_zh": [], "missing_en": [],
        "assumed_zh": ["气温按前 24 小时重复"], "assumed_en": ["the last 24 h of weather repeated"],
    }  # fmt: skip
    said = {"reasons_zh": "超额流量偏大", "reasons_en": "much excess flow"}
    said |= {"advice_zh": "若漏点在 T1：关闭 V7", "advice_en": "if it is T1: close V7"}
    whole = {"lifeline": "heating", "at": at, "kinds": "{}", "real_or_simulated": "simulated"}
    rows = (
        {"case": f"heating.substation:{STATION}", "asset": STATION, "sensor": "h1", "since": begin},
        {"case": f"heating.plant:{PLANT}", "asset": PLANT, "sensor": "", "since": begin},
        {"case": "heating.cold", "asset": "", "sensor": "", "since": pd.NaT},
    )
    return [
        row | whole | said | {"facts": json.dumps(facts)}
        for row, facts in zip(rows, (station, plant, cold), strict=True)
    ]
