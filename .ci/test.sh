#!/bin/sh
# Every test once. Unit tests run two at a time; notebooks and browser tests alone, so that their
# servers and kernels do not starve one another.
set -eu
bin=.venv/bin
log=$(mktemp)
trap 'rm -f "$log"' EXIT
status=0
$bin/pytest -q --doctest-modules lifeline_kit || status=1
$bin/pytest -q -n 2 -m "not browser and not notebook" || status=1
$bin/pytest -q -m "browser or notebook" tests | tee "$log" || status=1
grep -qE '^[0-9]+ failed|, [0-9]+ failed| error' "$log" && status=1
if [ "${CI:-}" = true ]; then
  if grep -E '^SKIPPED' "$log"; then
    echo "Browser and notebook tests must not be skipped in CI."
    status=1
  fi
  sh .ci/wheel.sh || status=1
fi
exit $status
