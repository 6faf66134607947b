"""The live run itself: against the sandbox detector over real HTTP, and against vendors that answer as none should."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import requests
import responses

from detection.providers import providers
from detection.providers.generic import GenericProvider
from detection.testing.detector import SandboxDetector
from tests.contracts import live
from tests.contracts.samples import KEY
from tests.detection.calling import generic

AFAR = "https://detector.example"
urlpatterns: list[Any] = []


@pytest.fixture
def detector() -> Iterator[SandboxDetector]:
    with SandboxDetector() as running:
        yield running


@pytest.fixture
def vendor() -> Iterator[responses.RequestsMock]:
    """A vendor elsewhere, whose network is replaced."""
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mocked:
        yield mocked


@pytest.fixture
def configured(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """The one alias `generic`, with these options; no CI, whatever runs this."""
    monkeypatch.delenv("CI", raising=False)

    def change(**options: Any) -> None:
        given = {"api_key": KEY, **options}
        backend = "detection.providers.generic.GenericProvider"
        settings.DETECTION_PROVIDERS = {"generic": {"BACKEND": backend, "OPTIONS": given}}

    return change


@pytest.fixture
def waited(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds that were to be let pass; each time a quarter of one does."""
    found: list[float] = []

    def wait(seconds: float) -> None:
        found.append(seconds)
        time.sleep(0.25)

    monkeypatch.setattr(live.Live.__init__, "__kwdefaults__", {"link": "", "wait": wait})
    return found


def rows(said: str) -> dict[str, str]:
    """The table: case → state and words."""
    cases = (
        *("small upload", "URL", "unsupported type", "malformed payload"),
        *("asynchronous completion", "bad callback signature"),
    )
    lines = said.splitlines()
    found = {
        case: " ".join(line.removeprefix(case).split()) for case in cases for line in lines if line.startswith(case)
    }
    assert list(found) == list(cases)
    return found


def test_a_detector_that_judges_at_once_passes(
    detector: SandboxDetector, configured: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    detector.will({"verdict": "likely_human", "confidence": 0.9, "model": "m-1"})
    configured(base_url=detector.url)
    assert live.main(["generic"]) == 0
    said = capsys.readouterr().out
    found = rows(said)
    assert found["small upload"] == "ok likely_human, score 0.10, model m-1, request an_000001."
    assert found["URL"] == "not applicable it is given files, not links (takes_url)."
    assert found["unsupported type"].startswith("ok refused (unsupported_type): ")
    assert found["malformed payload"].startswith("ok refused (bad_image): ")
    assert found["asynchronous completion"].startswith("not applicable nothing was accepted for later")
    assert found["bad callback signature"] == "not applicable it does not call back (calls_back)."
    assert "Calls sent: 3 of at most 10." in said
    assert (len(detector.calls), detector.billed) == (3, 1)
    assert KEY not in said
    assert (detector.calls[0].media_type, detector.calls[1].media_type) == ("image/jpeg", "text/plain")


def test_one_that_fetches_is_given_a_link_to_a_picture_here(
    detector: SandboxDetector, configured: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    configured(base_url=detector.url, mode="url")
    assert live.main(["generic"]) == 0
    found = rows(capsys.readouterr().out)
    assert found["small upload"] == "not applicable it is given links, not files (takes_upload)."
    assert found["URL"].startswith("ok uncertain, no score, ")
    assert found["unsupported type"].startswith("not applicable")
    assert found["malformed payload"].startswith("ok refused (bad_image)")
    assert detector.calls[0].fields["image_url"].startswith("http://127.0.0.1:")


def test_the_link_leads_to_the_picture() -> None:
    with live.served(b"bytes", "image/jpeg") as link, requests.Session() as session:
        session.trust_env = False
        answer = session.get(link, timeout=5)
    assert (answer.content, answer.headers["Content-Type"]) == (b"bytes", "image/jpeg")


def test_what_is_accepted_is_asked_for_until_it_is_judged(
    detector: SandboxDetector, configured: Callable[..., None], capsys: pytest.CaptureFixture[str], waited: list[float]
) -> None:
    detector.will({"accept": True, "after": 0.2, "then": {"verdict": "likely_ai", "confidence": 0.9}})
    configured(base_url=detector.url)
    assert live.main(["generic"]) == 0
    found = rows(capsys.readouterr().out)
    assert found["small upload"] == "ok taken as an_000001, to be judged later."
    assert found["asynchronous completion"].startswith("ok likely_ai, score 0.90, ")
    assert waited == [5.0]


def test_it_is_asked_within_a_minute_and_leaves_calls_for_the_other_cases(
    detector: SandboxDetector, configured: Callable[..., None], capsys: pytest.CaptureFixture[str], waited: list[float]
) -> None:
    detector.will({"accept": True, "after": 600})
    configured(base_url=detector.url)
    assert live.main(["generic"]) == 1
    said = capsys.readouterr().out
    assert rows(said)["asynchronous completion"] == "failed request an_000001 had no answer in time."
    assert rows(said)["malformed payload"].startswith("ok")
    assert waited == [5.0, 6.0, 15.0, 30.0]
    assert "Calls sent: 7 of" in said


def test_a_detector_that_judges_anything_fails(
    vendor: responses.RequestsMock, configured: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    answer = {"request_id": "a-1", "status": "complete", "verdict": "likely_human", "model": "m"}
    vendor.post(f"{AFAR}/v1/analyze-file", json=answer)
    configured(base_url=AFAR)
    assert live.main(["generic", "--yes"]) == 1
    found = rows(capsys.readouterr().out)
    assert found["small upload"].startswith("ok")
    assert found["unsupported type"] == "failed it said likely_human about a text, and should have refused it."
    assert found["malformed payload"] == "failed it said likely_human about an empty file, and should have refused it."


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (
            {"json": {"request_id": "a-1", "status": "complete", "verdict": "synthetic"}},
            "not understood (schema_drift)",
        ),
        ({"body": "<html>"}, "failed SchemaMismatch: "),
        ({"status": 503}, "failed ProviderDown: "),
        ({"status": 401, "json": {"error": {"message": f"bad {KEY}"}}}, "failed AuthFailed: "),
        ({"json": {"request_id": "a-1", "status": "complete", "verdict": None}}, "not understood (no_verdict)"),
    ],
)
def test_an_answer_that_is_not_the_documented_one_fails(
    vendor: responses.RequestsMock,
    configured: Callable[..., None],
    capsys: pytest.CaptureFixture[str],
    answer: dict[str, Any],
    said: str,
) -> None:
    vendor.post(f"{AFAR}/v1/analyze-file", **answer)
    configured(base_url=AFAR)
    assert live.main(["generic", "--yes"]) == 1
    told = capsys.readouterr().out
    found = rows(told)
    assert said in found["small upload"]
    assert found["unsupported type"].startswith("failed")
    assert KEY not in told


def test_no_more_than_ten_calls_leave(
    configured: Callable[..., None], detector: SandboxDetector, capsys: pytest.CaptureFixture[str]
) -> None:
    class Chatty(GenericProvider):
        """Asks four times for its account before each picture."""

        def submit(self, request: Any) -> Any:
            for _again in range(4):
                self.check()
            return super().submit(request)

    provider = Chatty("generic", {"base_url": detector.url, "api_key": KEY})
    with live.counted() as sent:
        found = {line.case: line for line in live.Live(provider, sent).run()}
        with pytest.raises(live.Spent):
            provider.check()
    provider.check()
    provider.close()
    assert found["unsupported type"].state == live.OK
    assert found["malformed payload"].state == live.LEFT_OUT
    assert found["malformed payload"].said == "the 10 calls of this run are used up."
    assert (len(sent), len(detector.calls)) == (10, 11)


def test_a_detector_of_many_calls_is_looked_at_less_often(detector: SandboxDetector) -> None:
    class Chatty(GenericProvider):
        """Asks five times for its account before each picture."""

        def submit(self, request: Any) -> Any:
            for _again in range(5):
                self.check()
            return super().submit(request)

    detector.will({"accept": True, "after": 600})
    provider, waited = Chatty("generic", {"base_url": detector.url, "api_key": KEY}), list[float]()
    with live.counted() as sent:
        live.Live(provider, sent, wait=waited.append).run()
    provider.close()
    assert waited == [5.0, 6.0]
    assert len(sent) == live.MOST_CALLS


def test_it_goes_no_faster_than_the_alias_may(
    detector: SandboxDetector, configured: Callable[..., None], waited: list[float]
) -> None:
    configured(base_url=detector.url, rate="30/m")
    assert live.main(["generic"]) == 0
    assert waited == [2.0, 2.0]


@pytest.mark.parametrize(
    ("options", "environment", "said"),
    [
        ([], {}, "They may be billed. Add --yes"),
        (["--yes"], {"CI": "true"}, "This is CI"),
    ],
)
def test_nothing_leaves_this_machine_unasked(
    vendor: responses.RequestsMock,
    configured: Callable[..., None],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    options: list[str],
    environment: dict[str, str],
    said: str,
) -> None:
    configured(base_url=AFAR)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert live.main(["generic", *options]) == 2
    assert said in capsys.readouterr().err
    assert not vendor.calls


def test_what_cannot_begin_says_why(
    configured: Callable[..., None], capsys: pytest.CaptureFixture[str], settings: Any
) -> None:
    configured(base_url="http://127.0.0.1:9", api_key="")
    assert live.main(["generic"]) == 2
    assert "'api_key'] is empty" in capsys.readouterr().err
    assert live.main(["other"]) == 2
    assert "No detector is called other. Configured: provenance, generic." in capsys.readouterr().err
    assert live.main(["provenance"]) == 2
    assert "calls nobody over HTTP" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("address", "here"),
    [
        ("http://127.0.0.1:9900", True),
        ("http://localhost:1", True),
        ("https://[::1]", True),
        ("https://10.0.0.1", False),
        ("https://localhost.example", False),
    ],
)
def test_only_loopback_is_this_machine(address: str, here: bool) -> None:
    assert live.is_here(address) is here


def test_the_callback_case_asks_our_own_door(settings: Any, configure: Callable[..., None], logged: Any) -> None:
    """A04 and A06, without a database."""
    settings.ROOT_URLCONF = "tests.otherhost.urls"
    settings.DETECTION_PROVIDERS = generic()
    case = live.Live(providers["vendor"], []).callback
    assert case() == (live.OK, "refused with 401.")
    settings.DETECTION_PROVIDERS = generic(webhook_secrets="")
    assert case() == (live.FAILED, "our door answered 503, and 401 was expected.")
    settings.ROOT_URLCONF = __name__
    assert case() == (live.NOT_APPLICABLE, "this installation has no callback door.")


def test_a_link_that_a_vendor_elsewhere_could_fetch_has_to_be_given(
    vendor: responses.RequestsMock, configured: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    vendor.post(f"{AFAR}/v1/analyze", status=422)
    configured(base_url=AFAR, mode="url")
    assert live.main(["generic", "--yes"]) == 0
    assert rows(capsys.readouterr().out)["URL"].startswith("left out no link was given")
    assert live.main(["generic", "--yes", "--url", "https://news.example/a.jpg"]) == 1
    assert b"https://news.example/a.jpg" in (vendor.calls[1].request.body or b"")


def test_the_picture_is_as_large_as_the_detector_wants() -> None:
    asked = SimpleNamespace(min_side=600)
    content = live.picture_for(asked, "image/webp")  # type: ignore[arg-type]
    assert live.images.decode(content).size == (800, 600)
