from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.detection.admin import cast


@pytest.fixture(autouse=True)
def _own_store(db: None, settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture
def erin() -> Any:
    return cast.person("erin", *cast.EDITOR)


@pytest.fixture
def dana() -> Any:
    return cast.person("dana", *cast.CHIEF)


@pytest.fixture
def sam() -> Any:
    return cast.person("sam")
