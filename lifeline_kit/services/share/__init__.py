"""One-net sharing: a read-only HTTP service of a city (see `app.build_app`)."""
