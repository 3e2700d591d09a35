"""Walk a state machine of the ledger on both databases."""

import os

import sqlalchemy as sa
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

STORIES, STEPS = (100, 100) if os.environ.get("LIFELINE_SOAK") else (10, 50)


def walk(machine, address, folder):
    """Run stories of a machine; `address(n)` is the place of the n-th ledger."""

    class Here(machine):
        pass

    Here.address, Here.folder = staticmethod(address), folder
    run_state_machine_as_test(
        Here,
        settings=settings(
            max_examples=STORIES,
            stateful_step_count=STEPS,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def walk_on_postgres(machine, server, folder):
    """Run them on PostgreSQL, each story in a base of its own."""
    engine = sa.create_engine(server, isolation_level="AUTOCOMMIT")

    def address(n):
        name = f"story{n}"
        with engine.connect() as connection:
            connection.execute(sa.text(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
            connection.execute(sa.text(f"CREATE DATABASE {name}"))
        return server.replace("/postgres", f"/{name}")

    walk(machine, address, folder)
    engine.dispose()
