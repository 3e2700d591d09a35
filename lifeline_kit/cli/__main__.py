"""`python -m lifeline_kit.cli`: the same as the console script."""

from lifeline_kit.cli import main

raise SystemExit(main())
