#!/bin/sh
# Build wheel and sdist, install the wheel into an empty environment, and use it.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
.venv/bin/python -m build --no-isolation --outdir "$work/dist" . >/dev/null
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --require-hashes -r requirements.lock
"$work/venv/bin/pip" install --quiet --no-deps "$work"/dist/*.whl
city=$(pwd)/data/demo/wuhan
cd "$work"
venv/bin/lifeline --version
venv/bin/lifeline checkup --city "$city" --out "$work/report.html"
test -s "$work/report.html"
venv/bin/python -c 'from lifeline_kit.bench.schutterwald import town; assert town("gas").xy.size'
echo "wheel and sdist built; the wheel works in an empty environment"
