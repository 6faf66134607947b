"""What every detector owes the house, once. An adapter's test class inherits it and gives `make` and a few bodies."""

from __future__ import annotations

import json
import traceback
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, ClassVar

import pytest
import requests
import responses
from urllib3.exceptions import MaxRetryError, NewConnectionError

from detection.errors import (
    AmbiguousTimeout,
    AuthFailed,
    ConnectFailed,
    ImageRefused,
    NotFound,
    ProviderDown,
    ProviderError,
    ProviderMisconfigured,
    QuotaExceeded,
    RateLimited,
    RedirectReceived,
    SchemaMismatch,
    TooLarge,
    UnsupportedType,
)
from detection.providers.base import Provider
from detection.providers.http import HttpProvider
from detection.providers.outbound import Answer
from detection.results import Accepted, Overlay, ScanResult
from detection.vocabulary import Basis, Verdict
from tests.contracts.samples import (
    KEY,
    REFERENCE,
    Sample,
    a_request,
    changed,
    damaged,
    described,
    fields_of,
    raw,
    samples_of,
)

__all__ = ["KEY", "REFERENCE", "HttpProviderContract", "ProviderContract", "a_request"]


class ProviderContract:
    """For any detector. `make` gives one that is configured and, asked once, answers with a finished result."""

    def make(self, **options: Any) -> Provider:
        raise NotImplementedError

    def answer(self, provider: Provider) -> ScanResult | Accepted:
        """The provider's usual answer about a picture; override where the vendor's side must be set up first."""
        return provider.submit(a_request())

    def test_it_says_what_it_is_and_what_it_takes(self) -> None:
        provider = self.make()

        assert provider.label
        assert provider.adapter_version
        assert provider.limits
        assert provider.media_types
        assert all(kind.startswith("image/") for kind in provider.media_types)
        assert provider.takes_upload or provider.takes_url

    def test_its_thresholds_are_in_order(self) -> None:
        cuts = self.make().thresholds

        assert 0 < cuts.some <= cuts.strong <= 1

    def test_an_unknown_option_is_refused_by_name(self) -> None:
        with pytest.raises(ProviderMisconfigured, match="colour"):
            self.make(colour="blue")

    def test_the_configured_label_is_the_title(self) -> None:
        assert self.make(label="Picture desk's detector").title == "Picture desk's detector"

    gives_id: ClassVar[bool] = True
    """Whether the vendor names its answer."""

    def test_an_answer_is_a_value_with_its_basis_and_an_id(self) -> None:
        result = self.answer(self.make())

        assert isinstance(result, ScanResult)
        assert isinstance(result.verdict, Verdict)
        assert isinstance(result.basis, Basis)
        assert bool(result.provider_reference) is self.gives_id


class HttpProviderContract(ProviderContract):
    """For a detector behind HTTP, with its network mocked. A subclass gives the class attributes below.

    A conversation of several calls overrides `arrange` (the vendor's side) and, where `submit` alone does not end it,
    `ask`. `submit_url` is always the call whose answers are varied.
    """

    submit_url: ClassVar[str]
    submit_method: ClassVar[str] = "POST"
    good: ClassVar[dict[str, Any]]
    """A finished answer that the vendor documents."""
    unknown_label: ClassVar[dict[str, Any] | None]
    """The same with a verdict nobody has seen yet; None where the vendor gives no words."""
    samples: ClassVar[str] = ""
    """The folder of its sample bodies under tests/fixtures/providers."""
    own_cases: ClassVar[Mapping[str, str]] = {}
    """Samples that need a conversation of their own: file → name of the test method that asserts on it."""
    auth: ClassVar[tuple[str, str] | None] = ("Authorization", f"Bearer {KEY}")
    """The header that carries the key, and its whole value; None where the key travels in the body."""
    fields: ClassVar[frozenset[str]] = frozenset()
    """The fields of the submission's body: a form's, or a JSON object's keys."""
    score_at: ClassVar[tuple[str | int, ...]] = ()
    """Where in `good` the score stands; () where it gives none."""
    bad_scores: ClassVar[tuple[Any, ...]] = (1.7, -0.2, "0.97", True, [0.9], {"value": 0.9})
    """What is no score; each is for a person, and none is clamped."""
    statuses: ClassVar[Mapping[int, type[ProviderError]]] = {}
    """Where this vendor's statuses mean something else."""
    hands_over: ClassVar[bool] = True
    """Whether the call at `submit_url` carries the picture, so that a refusal of it may be the picture's fault."""
    lost: ClassVar[type[ProviderError]] = AmbiguousTimeout
    """What an answer lost after sending is, for the call at `submit_url`."""
    sends_reference: ClassVar[bool] = True
    overlay_at: ClassVar[str] = ""
    """An address at which this vendor's overlays may lie; "" where it gives none by link."""
    picture: ClassVar[Mapping[str, Any]] = {}
    """What the request for this vendor needs besides the usual, e.g. a link."""

    def make(self, **options: Any) -> HttpProvider:
        raise NotImplementedError

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Each sample of this class is a case of its own."""
        if "sample" in metafunc.fixturenames:
            found = samples_of(self.samples)
            metafunc.parametrize("sample", found, ids=[one.file for one in found])

    def arrange(self, vendor: responses.RequestsMock, **answer: Any) -> None:
        """Let the vendor answer a submission so; `answer` as in `responses.add`."""
        vendor.add(self.submit_method, self.submit_url, **answer)

    def ask(self, provider: HttpProvider) -> ScanResult | Accepted:
        """The whole conversation about one picture."""
        return provider.submit(a_request(**self.picture))

    def submissions(self, vendor: responses.RequestsMock) -> list[requests.PreparedRequest]:
        """What was sent to `submit_url`, in order."""
        sent = [call.request for call in vendor.calls]
        return [one for one in sent if (one.url or "").partition("?")[0] == self.submit_url.partition("?")[0]]

    @pytest.fixture
    def vendor(self) -> Iterator[responses.RequestsMock]:
        """The vendor's network."""
        with responses.RequestsMock(assert_all_requests_are_fired=False) as mocked:
            yield mocked

    @pytest.fixture(autouse=True)
    def _outside_loopback(self, settings: Any, vendor: responses.RequestsMock) -> None:
        settings.DETECTION = {"ALLOW_LOOPBACK": False}
        self.vendor_of_this_test = vendor

    def answer(self, provider: Provider) -> ScanResult | Accepted:
        self.arrange(self.vendor_of_this_test, json=self.good)
        return self.ask(provider)  # type: ignore[arg-type]

    def fails(self, vendor: responses.RequestsMock, **answer: Any) -> ProviderError:
        """The error that a submission raises when the vendor answers so."""
        self.arrange(vendor, **answer)
        with pytest.raises(ProviderError) as caught:
            self.ask(self.make())
        return caught.value

    # What is sent.

    def test_the_request_has_the_documented_shape(self, vendor: responses.RequestsMock) -> None:
        self.arrange(vendor, json=self.good)
        self.ask(self.make())

        request = self.submissions(vendor)[0]
        assert request.method == self.submit_method
        assert self.fields <= fields_of(request)
        if self.auth is not None:
            assert request.headers[self.auth[0]] == self.auth[1]
        for secret in self.make().secrets:
            assert secret not in (request.url or "")

    # What comes back.

    def test_each_sample_is_read_as_its_index_says(
        self, sample: Sample, vendor: responses.RequestsMock, caplog: pytest.LogCaptureFixture
    ) -> None:
        if sample.file in self.own_cases:
            assert hasattr(self, self.own_cases[sample.file])
            return
        outcome = self.outcome_of(sample, vendor)

        assert described(outcome, sample.expect) == sample.expect
        shown = caplog.text + (json.dumps(dict(outcome.raw)) if not isinstance(outcome, ProviderError) else "")
        assert KEY not in shown

    def outcome_of(self, sample: Sample, vendor: responses.RequestsMock) -> ScanResult | Accepted | ProviderError:
        """What the adapter makes of one sample body."""
        provider = self.make(**sample.options)
        try:
            if sample.via == "parse":
                return provider.parse(sample.body)
            self.arrange(vendor, json=sample.body, status=sample.http_status, headers=sample.headers)
            return self.ask(provider)
        except ProviderError as error:
            return error

    @pytest.mark.parametrize("value", range(6))
    def test_a_number_out_of_range_is_never_clamped(self, vendor: responses.RequestsMock, value: int) -> None:
        if not self.score_at or value >= len(self.bad_scores):
            return
        self.arrange(vendor, json=changed(self.good, self.score_at, self.bad_scores[value]))

        with pytest.raises(SchemaMismatch):
            self.ask(self.make())

    def test_a_renamed_score_is_never_nothing_found(self, vendor: responses.RequestsMock) -> None:
        if not self.score_at:
            return
        found = self.outcome_of(Sample.made(changed(self.good, self.score_at, None, renamed=True)), vendor)

        assert isinstance(found, SchemaMismatch | ScanResult)
        if isinstance(found, ScanResult):
            assert found.verdict in (Verdict.UNKNOWN, Verdict.NOT_APPLICABLE)
        else:
            assert found.raw is not None

    def test_every_part_that_is_missing_is_for_a_person(self, vendor: responses.RequestsMock) -> None:
        """Each key of the answer taken away or made null in turn: nothing leaves but a result or a SchemaMismatch."""
        provider = self.make()
        for payload in damaged(self.good):
            try:
                provider.parse(payload)
            except ProviderError:
                continue
            except (KeyError, TypeError, ValueError, AttributeError, IndexError):
                # `read` makes these a SchemaMismatch; nothing else may come out of a parser.
                with pytest.raises(SchemaMismatch):
                    provider.read(Answer(status=200, headers={}, content=json.dumps(payload).encode()))

    def test_what_is_kept_can_be_read_again(self, vendor: responses.RequestsMock) -> None:
        self.arrange(vendor, json=self.good)
        found = self.ask(self.make())
        assert isinstance(found, ScanResult)

        again = self.make().parse(found.raw)

        assert isinstance(again, ScanResult)
        assert (again.verdict, again.ai_score, again.ai_pixel_share) == (
            found.verdict,
            found.ai_score,
            found.ai_pixel_share,
        )

    @pytest.mark.parametrize(
        ("status", "kind", "body"),
        [
            (200, "text/html", b"<html>"),
            (200, "image/svg+xml", b"<svg/>"),
            (200, "image/png", b""),
            (403, "application/xml", b"<Error>expired</Error>"),
            (404, "image/png", b"gone"),
            (410, "text/plain", b"gone"),
        ],
    )
    def test_an_overlay_that_has_run_out_is_given_up_without_pausing_anything(
        self, vendor: responses.RequestsMock, status: int, kind: str, body: bytes
    ) -> None:
        if not self.overlay_at:
            return
        vendor.get(self.overlay_at, status=status, content_type=kind, body=body)

        with pytest.raises(ProviderError) as caught:
            self.make().download_overlay(Overlay(url=self.overlay_at + "?X-Amz-Signature=abc"))

        assert not caught.value.retryable
        assert not caught.value.pauses
        assert "abc" not in str(caught.value)
        assert not {"authorization", "x-api-key", "apikey"} & {name.lower() for name in vendor.calls[0].request.headers}

    @pytest.mark.parametrize(
        ("status", "expected"),
        [
            (302, RedirectReceived),
            (400, ImageRefused),
            (401, AuthFailed),
            (402, QuotaExceeded),
            (403, AuthFailed),
            (404, ImageRefused),
            (408, ProviderDown),
            (413, TooLarge),
            (415, UnsupportedType),
            (418, ProviderError),
            (422, ImageRefused),
            (425, ProviderDown),
            (429, RateLimited),
            (500, ProviderDown),
            (503, ProviderDown),
        ],
    )
    @pytest.mark.parametrize("body", ["<html>gateway</html>", "{}", ""])
    def test_each_status_has_its_error(
        self, vendor: responses.RequestsMock, status: int, expected: type[ProviderError], body: str
    ) -> None:
        error = self.fails(vendor, status=status, body=body)

        if not self.hands_over and issubclass(expected, ImageRefused):
            # No picture was there to be refused: what was wrong is the call, or the id in it.
            expected = NotFound if status == 404 else ProviderError
        assert type(error) is self.statuses.get(status, expected)
        assert error.http_status == status

    @pytest.mark.parametrize(
        ("headers", "seconds"),
        [
            ({"Retry-After": "5"}, 5.0),
            ({"Retry-After": "0"}, 0.0),
            ({"Retry-After": "999999999"}, 21_600.0),
            ({"Retry-After": "-5"}, None),
            ({"Retry-After": "1.5"}, None),
            ({"Retry-After": ""}, None),
            ({"Retry-After": "soon"}, None),
            ({"Retry-After": "٥"}, None),
            ({}, None),
            ({"Retry-After": "Sun, 22 Nov 2026 10:01:30 GMT", "Date": "Sun, 22 Nov 2026 10:00:00 GMT"}, 90.0),
            ({"Retry-After": "Sun, 22 Nov 2026 09:59:00 GMT", "Date": "Sun, 22 Nov 2026 10:00:00 GMT"}, None),
            ({"Retry-After": "Fri, 22 Nov 2126 10:00:00 GMT", "Date": "Sun, 22 Nov 2026 10:00:00 GMT"}, 21_600.0),
            ({"Retry-After": "Sun, 99 Nov 2026 10:00:00 GMT"}, None),
        ],
    )
    @pytest.mark.parametrize("status", [429, 503])
    def test_retry_after_is_read_without_trust(
        self, vendor: responses.RequestsMock, status: int, headers: dict[str, str], seconds: float | None
    ) -> None:
        assert self.fails(vendor, status=status, headers=headers, body="{}").retry_after == seconds

    @pytest.mark.parametrize(
        "body",
        [
            "<!doctype html><h1>Welcome</h1>",
            "",
            "null",
            "[]",
            "{",
            '{"status": NaN}',
            '{"status": 1e999}',
            '{"status": "complete", "status": "failed"}',
            "[" * 100_000,
            '{"a":' * 40 + "1" + "}" * 40,
            b"\xff\xfe{}",
        ],
        ids=lambda body: str(body)[:20],
    )
    def test_a_200_that_is_not_the_documented_json_is_for_a_person(
        self, vendor: responses.RequestsMock, body: str | bytes
    ) -> None:
        assert isinstance(self.fails(vendor, status=200, body=body), SchemaMismatch)

    def test_an_unseen_label_is_unknown_and_says_so(self, vendor: responses.RequestsMock) -> None:
        if self.unknown_label is None:
            return
        self.arrange(vendor, json=self.unknown_label)

        result = self.ask(self.make())

        assert isinstance(result, ScanResult)
        assert result.verdict is Verdict.UNKNOWN
        assert "schema_drift" in result.warnings
        assert result.raw_verdict

    @pytest.mark.parametrize("lost", [requests.ReadTimeout("slow"), requests.ConnectionError("reset")])
    def test_an_answer_lost_after_sending_is_ambiguous_and_sent_once(
        self, vendor: responses.RequestsMock, lost: Exception
    ) -> None:
        assert type(self.fails(vendor, body=lost)) is self.lost
        assert len(self.submissions(vendor)) == 1

    @pytest.mark.parametrize("failure", ["timeout", "refused"])
    def test_what_never_arrived_is_sent_a_second_time_and_no_more(
        self, vendor: responses.RequestsMock, failure: str
    ) -> None:
        refused = MaxRetryError(None, "/", NewConnectionError(None, "refused"))  # type: ignore[arg-type]
        raised = {"timeout": requests.ConnectTimeout("slow"), "refused": requests.ConnectionError(refused)}[failure]

        assert isinstance(self.fails(vendor, body=raised), ConnectFailed)
        assert len(self.submissions(vendor)) == 2

    @pytest.mark.parametrize("before", [0, 30, 40, 180, 190])
    @pytest.mark.parametrize("is_flat", [True, False])
    def test_no_refusal_repeats_our_key_or_a_signed_link(
        self, vendor: responses.RequestsMock, before: int, is_flat: bool
    ) -> None:
        """Nor a part of the key, wherever it stands: what is cut is masked first."""
        code = "c" * before + KEY
        message = "m" * before + f" {KEY} for https://user:pw@files.example/a.jpg?signature=abc " + "x" * 500
        words = dict.fromkeys(("message", "Message", "description", "response"), message)
        codes = dict.fromkeys(("code", "type", "error_code", "request_id", "id"), code)
        error_field = code if is_flat else {**codes, **words}
        detail = message if is_flat else [{"type": code, "msg": message}]
        error = self.fails(
            vendor, status=400, json={**words, **codes, "error": error_field, "detail": detail, "return_code": code}
        )

        shown = "".join(traceback.format_exception(error)) + repr(vars(error))
        assert [KEY[at : at + 6] for at in range(len(KEY) - 5) if KEY[at : at + 6] in shown] == []
        assert "signature=abc" not in shown
        assert "user:pw" not in shown
        assert len(str(error)) < 300

    def test_what_is_kept_of_an_answer_holds_no_key(self, vendor: responses.RequestsMock) -> None:
        extra = {
            "note": f"asked with {KEY}",
            "access_token": "abc-secret",
            "link": "https://a.example/x?sig=abc-secret",
        }
        self.arrange(vendor, json={**self.good, **extra})

        kept = json.dumps(dict(self.ask(self.make()).raw))

        for secret in (KEY, "abc-secret", *self.make().secrets):
            assert secret not in kept

    def test_our_reference_goes_along_where_the_vendor_takes_one(self, vendor: responses.RequestsMock) -> None:
        self.arrange(vendor, json=self.good)

        self.ask(self.make())

        sent = b"".join((call.request.url or "").encode() + raw(call.request) for call in vendor.calls)
        assert (REFERENCE.encode() in sent) is self.sends_reference

    def test_a_redirect_is_not_followed(self, vendor: responses.RequestsMock) -> None:
        vendor.get("https://elsewhere.example/", json=self.good)
        vendor.post("https://elsewhere.example/", json=self.good)
        vendor.put("https://elsewhere.example/", json=self.good)

        error = self.fails(vendor, status=307, headers={"Location": "https://elsewhere.example/"})

        assert error.pauses
        assert "redirect received" in str(error)
        assert len(self.submissions(vendor)) == 1
        assert not [call for call in vendor.calls if "elsewhere.example" in (call.request.url or "")]

    def test_a_missing_key_is_refused_with_the_settings_name_before_anything_is_sent(
        self, vendor: responses.RequestsMock
    ) -> None:
        """The web process has no key: it makes the detector, reads what it is, and calls nobody."""
        if not self.make().needs_key:
            return
        provider = self.make(api_key=" ")
        assert provider.title
        assert provider.secrets == ()

        self.arrange(vendor, json=self.good)
        for call in (provider.check_configuration, partial(self.ask, provider)):
            with pytest.raises(ProviderMisconfigured, match="api_key"):
                call()
        assert not vendor.calls

    @pytest.mark.parametrize(
        "address",
        [
            "http://detector.example",
            "ftp://detector.example",
            "detector.example",
            "https://a:b@c.example",
            "https://[::1",
        ],
    )
    def test_an_address_that_may_not_be_is_refused_with_the_settings_name(self, address: str) -> None:
        with pytest.raises(ProviderMisconfigured, match="base_url"):
            self.make(base_url=address)
