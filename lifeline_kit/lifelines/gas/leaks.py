"""Leaks seen by the whole network: mass balance of the stations, and pressures."""

DETECT_SIGMAS = 4.5
