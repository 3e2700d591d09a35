"""The house keeps its own rules: registry, public names, words, sources, sizes, environment."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import lifeline_kit
from lifeline_kit.io.mapping import DEFAULT_KINDS
from lifeline_kit.lifelines import ALL
from lifeline_kit.reports.words import TESTS, WORDS
from lifeline_kit.vocabulary import QUANTITIES

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "lifeline_kit"


def test_every_module_of_lifelines_is_in_the_registry():
    inside = (PACKAGE / "lifelines").iterdir()
    modules = {file.stem for file in inside} - {"__init__", "__pycache__"}
    assert {lifeline.key for lifeline in ALL} == modules
    assert set(DEFAULT_KINDS) == modules


def test_public_names_are_the_listed_ones():
    public = {name for name in vars(lifeline_kit) if not name.startswith("_")}
    listed = set(lifeline_kit.__all__) - {"__version__"}
    modules = {file.stem for file in PACKAGE.iterdir()}
    assert listed <= public
    assert public - listed <= modules | {"version"}


@pytest.mark.parametrize("text", [*WORDS.values(), *TESTS.values()], ids=lambda text: text.en[:24])
def test_words_stand_in_both_languages(text):
    assert text.zh
    assert text.en
    assert not re.search(r"[一-鿿]", text.en)


def test_quantities_and_lifelines_have_titles_in_both_languages():
    titles = [quantity.title for quantity in QUANTITIES.values()]
    titles += [lifeline.title for lifeline in ALL]
    titles += [kind.title for lifeline in ALL for kind in lifeline.kinds]
    titles += [rule.title for lifeline in ALL for rule in lifeline.rules]
    assert all(re.search(r"[一-鿿]", title.zh) and title.en for title in titles)


def test_every_limit_names_its_source():
    entries = [e for each in ALL for e in (*each.rules, *each.measures, *each.conditions)]
    assert all(entry.source for entry in entries)


def test_modules_stay_small():
    long = {
        file.relative_to(ROOT).as_posix(): lines
        for file in PACKAGE.rglob("*.py")
        if (lines := len(file.read_text(encoding="utf-8").splitlines())) > 500
    }
    assert not long


def test_environment_yml_lists_the_dependencies_of_pyproject():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["lab"]]
    listed = re.findall(
        r"^\s+- ([A-Za-z0-9_.-]+(?:[<>=].*)?)$",
        (ROOT / "environment.yml").read_text(encoding="utf-8"),
        flags=re.M,
    )
    assert {each.replace(" ", "") for each in wanted} <= set(listed)


def test_lock_names_no_host_and_pins_hashes():
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    assert "://" not in lock
    assert lock.count("--hash=sha256:") > lock.count("==")


def test_pipeline_loads_no_drawing_library():
    drawing = "{'panel', 'bokeh', 'holoviews', 'matplotlib'}"
    probe = f"import sys, lifeline_kit.pipeline; print({drawing} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_demo_data_stay_small_and_truth_stays_outside():
    files = [file for file in (ROOT / "data" / "demo").rglob("*") if ".derived" not in file.parts]
    assert sum(file.stat().st_size for file in files if file.is_file()) < 20e6
    assert not [file for file in (ROOT / "data/demo/wuhan").rglob("*truth*") if file.is_file()]
    rooms = ["quality", "methods", "lifelines", "early_warning", "checkup"]
    code = [file for room in rooms for file in (PACKAGE / room).rglob("*.py")]
    assert not [f for f in [*code, PACKAGE / "pipeline.py"] if "truth" in f.read_text("utf-8")]
