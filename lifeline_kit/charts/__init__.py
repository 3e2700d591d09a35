"""Charts from tables: HoloViews and Bokeh for the screen, matplotlib for paper. No Panel here."""
