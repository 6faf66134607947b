"""Copyleaks, with its network mocked; its login shared by two real processes and a server on loopback."""

from __future__ import annotations

import io
import json
import logging
import os
import subprocess
import sys
import threading
import traceback
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from time import sleep
from typing import Any

import pytest
import responses
from django.core.cache import caches
from PIL import Image

from detection import sandbox
from detection.errors import (
    AuthFailed,
    OutboundBlocked,
    ProviderDown,
    ProviderError,
    ProviderMisconfigured,
    RateLimited,
    RedirectReceived,
    SchemaMismatch,
)
from detection.providers.copyleaks import CopyleaksProvider
from detection.providers.outbound import Answer
from detection.testing import images
from detection.vocabulary import Verdict
from tests.contracts.provider_cases import KEY, HttpProviderContract
from tests.contracts.samples import REFERENCE, a_request, changed, described, raw, samples_of

SAMPLES = {one.file: one for one in samples_of("copyleaks")}
PARTIAL = SAMPLES["success_partial.json"].body
LOGIN_OK = SAMPLES["login_ok.json"].body
TOKEN = LOGIN_OK["access_token"]
EMAIL = "picture-desk@herald.invalid"
API, LOGIN = "https://copyleaks.example", "https://login.copyleaks.example"
LOGIN_URL = f"{LOGIN}/v3/account/login/api"
CREDITS_URL = f"{API}/v3/scans/credits"
WIDTH, HEIGHT = 640, 512
PICTURE = images.photo_like(7, size=(WIDTH, HEIGHT))
OUR_PICTURE = {"content": PICTURE, "width": WIDTH, "height": HEIGHT}


def flagged(pixels: int, *, told: float | None = None, **more: Any) -> dict[str, Any]:
    """An answer about a picture of 640 × 512 whose first `pixels` pixels are flagged."""
    share = pixels / (WIDTH * HEIGHT) if told is None else told
    runs = {"starts": [0], "lengths": [pixels]} if pixels else {"starts": [], "lengths": []}
    return {**PARTIAL, "result": runs, "summary": {"human": 1 - share, "ai": share}, **more}


class TestCopyleaksContract(HttpProviderContract):
    submit_url = f"{API}/v1/ai-image-detector/{REFERENCE}/check"
    samples = "copyleaks"
    good = PARTIAL
    unknown_label = None
    auth = ("Authorization", f"Bearer {TOKEN}")
    fields = frozenset({"image", "filename", "model", "sandbox"})
    score_at = ("summary", "ai")
    picture = OUR_PICTURE
    own_cases = {
        "login_ok.json": "test_the_login_is_made_once_and_its_token_is_used_by_everybody",
        **dict.fromkeys(
            ("login_error_bad_credentials.json", "login_error_missing_field.json", "login_error_rate_limited.json"),
            "test_each_shape_of_a_refused_login_is_told_apart",
        ),
    }

    @pytest.fixture(autouse=True)
    def _nobody_is_logged_in(self) -> Iterator[None]:
        caches["default"].clear()
        yield
        caches["default"].clear()

    def make(self, **options: Any) -> CopyleaksProvider:
        given = {"base_url": API, "login_url": LOGIN, "api_key": f"{EMAIL}:{KEY}", **options}
        return CopyleaksProvider("copyleaks", given)

    def arrange(self, vendor: responses.RequestsMock, **answer: Any) -> None:
        vendor.post(LOGIN_URL, json=LOGIN_OK)
        super().arrange(vendor, **answer)

    def logins(self, vendor: responses.RequestsMock) -> list[Any]:
        return [call.request for call in vendor.calls if call.request.url == LOGIN_URL]

    def result(self, body: dict[str, Any], **picture: Any) -> Any:
        self.arrange(self.vendor_of_this_test, json=body)
        return self.make().submit(a_request(**{**OUR_PICTURE, **picture}))

    # The login.

    def test_the_login_is_made_once_and_its_token_is_used_by_everybody(self, vendor: responses.RequestsMock) -> None:
        self.arrange(vendor, json=PARTIAL)

        for provider in (self.make(), self.make(), self.make(label="Another")):
            self.ask(provider)

        [login] = self.logins(vendor)
        assert json.loads(raw(login)) == {"email": EMAIL, "key": KEY}
        assert "Authorization" not in login.headers
        assert {one.headers["Authorization"] for one in self.submissions(vendor)} == {f"Bearer {TOKEN}"}

    @pytest.mark.parametrize("kind", ["bad_credentials", "missing_field", "rate_limited"])
    def test_each_shape_of_a_refused_login_is_told_apart(self, vendor: responses.RequestsMock, kind: str) -> None:
        sample = SAMPLES[f"login_error_{kind}.json"]
        vendor.post(LOGIN_URL, json=sample.body, status=sample.http_status)

        with pytest.raises(ProviderError) as caught:
            self.ask(self.make())

        assert described(caught.value, sample.expect) == sample.expect
        said = {"bad_credentials": "No such account", "missing_field": "Please give a key", "rate_limited": "Too many"}
        assert said[kind] in str(caught.value)
        assert len(self.logins(vendor)) == 1
        assert not self.submissions(vendor)

    def test_after_a_login_too_many_nobody_tries_again(self, vendor: responses.RequestsMock) -> None:
        vendor.post(LOGIN_URL, json=SAMPLES["login_error_rate_limited.json"].body, status=429)

        for _ in range(3):
            with pytest.raises(RateLimited):
                self.ask(self.make())

        assert len(self.logins(vendor)) == 1

    @pytest.mark.parametrize(
        ("answer", "expected"),
        [
            ({"status": 200, "body": "<html>"}, ProviderDown),
            ({"status": 200, "json": {"token": TOKEN}}, ProviderDown),
            ({"status": 503, "body": ""}, ProviderDown),
            ({"status": 404, "body": ""}, ProviderError),
            ({"status": 415, "body": ""}, ProviderError),
            ({"status": 400, "json": {"error": {"code": 6, "message": "?"}}}, AuthFailed),
            ({"status": 302, "headers": {"Location": "https://elsewhere.example/"}}, RedirectReceived),
        ],
    )
    def test_what_goes_wrong_with_a_login_is_never_the_pictures_fault(
        self, vendor: responses.RequestsMock, answer: dict[str, Any], expected: type[ProviderError]
    ) -> None:
        vendor.post(LOGIN_URL, **answer)

        with pytest.raises(ProviderError) as caught:
            self.ask(self.make())

        assert type(caught.value) is expected

    def test_a_token_that_is_refused_is_dropped_and_one_login_more_is_tried(
        self, vendor: responses.RequestsMock
    ) -> None:
        for token in ("old-token", "new-token"):
            vendor.post(LOGIN_URL, json={**LOGIN_OK, "access_token": token})
        vendor.post(self.submit_url, status=401, body="{}")
        vendor.post(self.submit_url, json=PARTIAL)

        assert self.ask(self.make()).provider_reference == REFERENCE

        sent = [one.headers["Authorization"] for one in self.submissions(vendor)]
        assert sent == ["Bearer old-token", "Bearer new-token"]
        assert len(self.logins(vendor)) == 2

    def test_a_key_that_is_refused_all_the_same_pauses_and_logs_in_no_more(
        self, vendor: responses.RequestsMock
    ) -> None:
        error = self.fails(vendor, status=401, body="{}")

        assert type(error) is AuthFailed
        assert (len(self.logins(vendor)), len(self.submissions(vendor))) == (2, 2)

    def test_a_403_is_no_token_that_ran_out(self, vendor: responses.RequestsMock) -> None:
        assert isinstance(self.fails(vendor, status=403, body="{}"), AuthFailed)
        assert len(self.logins(vendor)) == 1

    def test_a_token_stands_in_no_answer_log_or_error(
        self, vendor: responses.RequestsMock, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        provider = self.make()
        self.arrange(vendor, json={**PARTIAL, "note": f"asked with {TOKEN}", "model": f"m {TOKEN}"})
        found: Any = self.ask(provider)
        vendor.replace("POST", self.submit_url, json={"error": {"code": 8, "message": f"bad {TOKEN}"}}, status=400)
        with pytest.raises(ProviderError) as caught:
            self.ask(provider)

        shown = repr(found) + caplog.text + "".join(traceback.format_exception(caught.value)) + repr(vars(caught.value))
        assert TOKEN not in shown
        assert EMAIL not in shown
        assert "[redacted]" in found.model

    def test_the_login_may_lie_at_another_address_and_that_is_the_only_further_host(self) -> None:
        assert "login.copyleaks.example" in self.make()._allowed_hosts()
        assert "id.copyleaks.com" in self.make(login_url="")._allowed_hosts()
        with pytest.raises(ProviderMisconfigured, match="login_url"):
            self.make(login_url="http://login.copyleaks.example")

    # What is sent.

    def test_the_picture_goes_under_our_reference_with_model_and_sandbox(self, vendor: responses.RequestsMock) -> None:
        self.arrange(vendor, json=PARTIAL)
        self.ask(self.make(sandbox="on", model="ai-image-1-ultra-02-03-2026"))

        body = raw(self.submissions(vendor)[0])
        assert PICTURE in body
        for name, value in (("sandbox", "true"), ("model", "ai-image-1-ultra-02-03-2026"), ("filename", REFERENCE)):
            assert f'name="{name}"\r\n\r\n{value}'.encode() in body

    def test_a_sandboxs_answer_is_a_test_also_when_it_is_read_again_later(self, vendor: responses.RequestsMock) -> None:
        self.arrange(vendor, json=PARTIAL)
        found: Any = self.ask(self.make(sandbox="on"))

        for one in (found, self.make().parse(found.raw)):
            assert one.is_test
            assert "sandbox_result" in one.warnings

    # What comes back.

    @pytest.mark.parametrize(
        ("pixels", "verdict"),
        [
            (0, Verdict.LIKELY_HUMAN),
            (1, Verdict.UNCERTAIN),
            (1638, Verdict.UNCERTAIN),
            (1639, Verdict.PARTIAL_AI),
            (294_911, Verdict.PARTIAL_AI),
            (294_912, Verdict.LIKELY_AI),
            (327_680, Verdict.LIKELY_AI),
        ],
    )
    @pytest.mark.parametrize("says_so", [True, False])
    def test_the_share_of_flagged_pixels_gives_the_verdict_and_is_never_a_score(
        self, pixels: int, verdict: Verdict, says_so: bool
    ) -> None:
        body = flagged(pixels, isAiDetected=bool(pixels))
        found = self.make().parse(body if says_so else changed(body, ("isAiDetected",), None))

        assert (found.verdict, found.warnings) == (verdict, ())
        assert found.ai_pixel_share == pixels / (WIDTH * HEIGHT)
        assert (found.ai_score, found.ai_score_kind) == (None, "none")

    @pytest.mark.parametrize(
        "body",
        [
            flagged(0, isAiDetected=True),
            flagged(50_000, isAiDetected=False),
            flagged(50_000, told=0.9, isAiDetected=True),
            flagged(50_000, told=0.0, isAiDetected=True),
            flagged(327_680, told=0.98, isAiDetected=True),
        ],
    )
    def test_signals_that_contradict_each_other_leave_it_open(self, body: dict[str, Any]) -> None:
        found = self.make().parse(body)

        assert (found.verdict, found.warnings) == (Verdict.UNCERTAIN, ("signals_conflict",))

    def test_a_flag_that_is_none_is_for_a_person(self) -> None:
        with pytest.raises(SchemaMismatch, match="isAiDetected"):
            self.make().parse(flagged(0, isAiDetected="false"))

    def test_a_mask_of_many_runs_is_read_whole_and_a_longer_answer_than_is_read_is_not(self) -> None:
        starts = list(range(0, WIDTH * HEIGHT, 3))
        body = flagged(0, told=len(starts) / (WIDTH * HEIGHT), isAiDetected=True, note="x" * 2_000_000)
        found = self.result({**body, "result": {"starts": starts, "lengths": [1] * len(starts)}})
        assert (found.verdict, found.overlay.kind) == (Verdict.PARTIAL_AI, "rle_mask")
        assert len(json.dumps(found.raw["result"])) < 100

        self.vendor_of_this_test.replace("POST", self.submit_url, body=b" " * 16_000_001)
        with pytest.raises(OutboundBlocked, match="16000000"):
            self.ask(self.make())

    def test_an_answer_about_another_picture_is_for_a_person(self) -> None:
        with pytest.raises(SchemaMismatch, match="another picture") as caught:
            self.result(changed(PARTIAL, ("scannedDocument", "scanId"), "1f8fad5b-d9cb-469f-a165-70867728950e"))

        assert caught.value.raw is not None

    def test_what_is_kept_holds_no_runs(self) -> None:
        found = self.result(PARTIAL)

        assert found.raw["result"] == {"counted": {"runs": 130, "lengths": 130, "pixels": 19_000}}
        with pytest.raises(SchemaMismatch) as caught:
            self.make().read(answer_of(SAMPLES["success_malformed_mask.json"].body))
        assert caught.value.raw is not None
        assert caught.value.raw["result"] == {"counted": {"runs": 2, "lengths": 3, "pixels": 131}}

    # The mask.

    def test_the_mask_is_painted_and_becomes_our_own_overlay(self) -> None:
        overlay = self.result(PARTIAL).overlay

        assert (overlay.kind, overlay.width, overlay.height, overlay.url) == ("rle_mask", WIDTH, HEIGHT, "")
        made = sandbox.reencode_overlay(overlay.content, width=WIDTH, height=HEIGHT)
        alpha = Image.open(io.BytesIO(made.content)).getchannel("A")
        assert alpha.getbbox() == (40, 60, 560, 450)
        assert alpha.crop((40, 60, 240, 140)).getextrema() == (150, 150)
        assert alpha.crop((240, 60, 640, 400)).getextrema() == (0, 0)
        assert self.make().download_overlay(overlay) == overlay.content
        assert self.make().parse(PARTIAL).overlay is None

    @pytest.mark.parametrize(
        ("orientation", "size", "shape", "corner"),
        [
            (1, (640, 512), (640, 512), (0, 0)),
            (6, (640, 512), (640, 512), (511, 0)),
            (8, (640, 512), (640, 512), (0, 639)),
            (6, (640, 512), (512, 640), (0, 0)),
            (3, (640, 512), (640, 512), None),
            (6, (512, 512), (512, 512), None),
            (1, (640, 512), (512, 640), None),
            (1, (640, 512), (320, 256), None),
        ],
    )
    def test_a_mask_lies_as_its_picture_is_shown_or_is_not_shown(
        self, orientation: int, size: tuple[int, int], shape: tuple[int, int], corner: tuple[int, int] | None
    ) -> None:
        """`corner`: where the first pixel of the mask is seen in the upright picture; None: it cannot be told."""
        content = images.with_exif(images.photo_like(3, size=size), {0x0112: orientation})
        shown = size if orientation < 5 else size[::-1]
        share = 1 / (shape[0] * shape[1])
        body = {
            **PARTIAL,
            "result": {"starts": [0], "lengths": [1]},
            "summary": {"human": 1 - share, "ai": share},
            "imageInfo": {"shape": {"width": shape[0], "height": shape[1]}, "metadata": {}},
        }

        found = self.result(body, content=content, width=shown[0], height=shown[1])

        assert found.verdict is Verdict.UNCERTAIN
        if corner is None:
            assert (found.overlay, found.warnings) == (None, ("mask_shape_mismatch",))
            return
        assert found.warnings == ()
        assert (found.overlay.width, found.overlay.height) == shown
        x, y = corner
        alpha = Image.open(io.BytesIO(found.overlay.content)).getchannel("A")
        assert (alpha.size, alpha.getbbox()) == (shown, (x, y, x + 1, y + 1))

    # The credits.

    @pytest.mark.parametrize(
        ("body", "left"),
        [
            ({"Amount": 412}, 412.0),
            ({"Amount": 0}, 0.0),
            ({"Amount": "412"}, None),
            ({"Amount": True}, None),
            ({"Amount": -1}, None),
            ({"Amount": 10**400}, None),
            ({}, None),
        ],
    )
    def test_the_key_check_logs_in_and_tells_the_credits_where_it_can(
        self, vendor: responses.RequestsMock, body: dict[str, Any], left: float | None
    ) -> None:
        vendor.post(LOGIN_URL, json=LOGIN_OK)
        vendor.get(CREDITS_URL, json=body)

        found = self.make().check()

        assert (found.remaining, found.unit) == (left, "credits")
        assert "accepts the key" in str(found)

    def test_the_key_check_says_that_a_key_is_refused(self, vendor: responses.RequestsMock) -> None:
        vendor.post(LOGIN_URL, json={"message": "No."}, status=401)

        with pytest.raises(AuthFailed):
            self.make().check()


def answer_of(body: Any) -> Answer:
    """A 200 with this body."""
    return Answer(status=200, headers={}, content=json.dumps(body).encode())


class Loopback(BaseHTTPRequestHandler):
    """The vendor on loopback. It counts the logins, and takes its time over them."""

    logins = 0
    tokens: list[str] = []

    def do_POST(self) -> None:
        type(self).logins += 1
        self.rfile.read(int(self.headers["Content-Length"]))
        sleep(0.8)
        self.say({**LOGIN_OK, "access_token": f"token-{self.logins}"})

    def do_GET(self) -> None:
        self.tokens.append(self.headers["Authorization"])
        self.say({"Amount": 5})

    def say(self, body: dict[str, Any]) -> None:
        content = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""


CHECK = """
import sys, django
django.setup()
from detection.providers import providers
print("ready", flush=True)
sys.stdin.readline()
print(providers["copyleaks"].check())
"""


def test_two_processes_with_the_newsrooms_own_cache_log_in_once(tmp_path: Path) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Loopback)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    environment = {
        "PATH": os.environ["PATH"],
        "DJANGO_SETTINGS_MODULE": "newsroom.settings",
        "DJANGO_SECRET_KEY": "only-for-tests-and-for-nothing-else-0123456789abcdef",
        "NEWSROOM_VAR": str(tmp_path / "var"),
        "DETECTION_ALLOW_LOOPBACK": "on",
        "DETECTION_PROVIDERS": "copyleaks",
        "DETECTION_COPYLEAKS_BASE_URL": address,
        "DETECTION_COPYLEAKS_OPTIONS": f"login_url={address}",
        "DETECTION_COPYLEAKS_API_KEY": f"{EMAIL}:{KEY}",
    }
    root = Path(__file__).resolve().parents[3]
    asking = [
        subprocess.Popen(
            [sys.executable, "-c", CHECK],
            cwd=root,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    try:
        ready = [one.stdout.readline() for one in asking if one.stdout]
        for one in asking:
            if one.stdin:
                one.stdin.write("go\n")
                one.stdin.flush()
        said = [one.communicate(timeout=60)[0] for one in asking]
    finally:
        server.shutdown()
        server.server_close()
    assert ready == ["ready\n"] * 2
    assert said == ["Copyleaks accepts the key. 5 credits are left.\n"] * 2
    assert Loopback.logins == 1
    assert Loopback.tokens == ["Bearer token-1"] * 2
    kept = b"".join(path.read_bytes() for path in (tmp_path / "var" / "cache").iterdir())
    assert kept
    assert KEY.encode() not in kept
