"""A page that no request asked for, but a websocket that came back, still stays at home."""

import json
import re

from bokeh.document import Document
from panel.io.state import set_curdoc

from lifeline_kit.views.elements import html
from lifeline_kit.views.page import page
from lifeline_kit.views.state import state_of
from lifeline_kit.views.store import Store


def test_a_session_that_a_websocket_makes_anew_asks_no_content_network(tiny_city, tmp_path):
    tiny_city.save(tmp_path / "city")
    store = Store(type(tiny_city).open(tmp_path / "city", readings=False))
    doc = Document()
    with set_curdoc(doc):
        framed = page(lambda *_: [html("x")], name="overview", store=store, state=state_of({}))
        framed.server_doc(doc)
    styles = re.findall(r"[^'\"]*/css/[^'\"]*", json.dumps(doc.to_json(), default=str))
    assert styles
    assert not [url for url in styles if not url.startswith("static/extensions/panel/")]
