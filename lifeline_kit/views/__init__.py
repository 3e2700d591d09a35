"""Served pages: the only room that imports Panel. A page reads the store and writes the state."""
