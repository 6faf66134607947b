"""The guide's commands work as they stand there, typed into a shell against a server on loopback."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from detection.models import AuditEvent
from detection.providers.scripted import ScriptedProvider
from detection.testing.draining import drain
from detection.testing.images import photo_like
from newsroom.api import tokens
from newsroom.models import Desk, Membership, Photo, Role, Story
from tests.newsroom.conftest import person

GUIDE = Path(__file__).resolve().parents[3] / "docs" / "howto" / "api.md"
KEEP = "declare -p PICTURE EVIDENCE >before 2>/dev/null || true"
BLOCKS = re.findall(r"^<!-- run -->\n```sh\n(.*?)^```", GUIDE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


@pytest.mark.skipif(not shutil.which("jq") or not shutil.which("curl"), reason="needs curl and jq")
def test_the_guide_s_commands_work(
    committed_db: None, live_server: Any, tmp_path: Path, scripted: ScriptedProvider
) -> None:
    """From an upload to a story that is out, held in between."""
    assert len(BLOCKS) == 6
    desk = Desk.objects.create(name="News", slug="news")
    erin, dana = person("erin", desk), person("dana", desk)
    Membership.objects.filter(user=dana).update(role=Role.CHIEF)
    Membership.objects.get(user=dana).save()
    Story.objects.create(slug="night-launch", headline="Night launch", desk=desk, author=erin)
    (tmp_path / "photo.jpg").write_bytes(photo_like(seed=3, size=(320, 240)))
    given = {
        "API": f"{live_server.url}/api/v1",
        "TOKEN": tokens.issue(erin, name="guide")[1],
        "CHIEF": tokens.issue(dana, name="guide")[1],
        "PATH": "/usr/local/bin:/usr/bin:/bin",
    }
    scripted.will_return("likely_ai", ai_score=0.97)
    said = ""
    for number, block in enumerate(BLOCKS):
        if number == 2:
            drain()
        # What a block sets is there for the next, as in the reader's own shell.
        script = f"set -euo pipefail; [ ! -e before ] || . ./before\n{block}\n{KEEP}"
        done = subprocess.run(
            ["bash", "-c", script], cwd=tmp_path, env=given, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr
        said += done.stdout
    assert Photo.objects.count() == 1
    assert Story.objects.get().state == "published"
    assert '"who_can_clear": [\n    "Dana"\n  ]' in said
    assert "Published." in said
    assert AuditEvent.objects.filter(action="gate.override_revoked").count() == 1
