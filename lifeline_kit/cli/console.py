"""What every command shares: the two consoles and the exit codes."""

from collections.abc import Callable, Generator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

OK, MISSED, BAD_INPUT, INTERNAL = 0, 1, 2, 3

out = Console()
err = Console(stderr=True)


@contextmanager
def bar() -> Generator[Callable[[str, int, int], None]]:
    """A progress bar on the terminal; silent where there is none."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description:<14}"),
        BarColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=err, transient=True) as progress:
        task = progress.add_task("", total=None)

        def advance(stage: str, done: int, of: int) -> None:
            progress.update(task, description=stage, completed=done, total=of)

        yield advance
