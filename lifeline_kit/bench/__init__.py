"""Benchmarks: one module each, listed here; `lifeline bench NAME` runs one."""

from lifeline_kit.bench import (
    alarm_maths,
    biogas,
    city_incidents,
    cold_homes,
    examine_cost,
    first_page,
    gas_leak,
    gas_solver,
    gas_trace,
    gecco,
    heat_leak,
    heat_solver,
    isolation,
    ledger,
    metec_alarm,
    metec_locate,
    mqtt,
    munich_bridge,
    oddwater,
    predist,
    qc_speed,
    report,
    sensor_faults,
    skab,
    store,
    substation,
    warnings_speed,
)
from lifeline_kit.bench.run import Bench, Result, print_result, run_bench

BENCHES: dict[str, Bench] = {
    bench.name: bench
    for bench in (
        alarm_maths.BENCH,
        biogas.BENCH,
        city_incidents.BENCH,
        cold_homes.BENCH,
        examine_cost.BENCH,
        first_page.BENCH,
        gas_leak.BENCH,
        gas_solver.BENCH,
        gas_trace.BENCH,
        heat_leak.BENCH,
        heat_solver.BENCH,
        isolation.BENCH,
        gecco.BENCH,
        ledger.BENCH,
        metec_alarm.BENCH,
        metec_locate.BENCH,
        mqtt.BENCH,
        munich_bridge.BENCH,
        oddwater.BENCH,
        predist.BENCH,
        qc_speed.BENCH,
        report.BENCH,
        sensor_faults.BENCH,
        skab.BENCH,
        store.BENCH,
        substation.BENCH,
        warnings_speed.BENCH,
    )
}

__all__ = ["BENCHES", "Bench", "Result", "print_result", "run_bench"]
