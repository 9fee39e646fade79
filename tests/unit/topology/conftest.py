"""Where the measured maps lie; tests of them are skipped, with the reason, where they do not."""

from __future__ import annotations

from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[3]
ROCKETFUEL = REPOSITORY.parent / "shared" / "data" / "rocketfuel"


@pytest.fixture(scope="session")
def rocketfuel() -> Path:
    """The folder of Rocketfuel's published maps."""
    if not ROCKETFUEL.is_dir():
        pytest.skip(f"Rocketfuel's maps are not at {ROCKETFUEL}")
    return ROCKETFUEL


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the source."""
    return REPOSITORY
