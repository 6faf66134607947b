"""What every detector owes the house, once. An adapter's test class inherits it and gives `make` and a few bodies."""

from __future__ import annotations

import hashlib
import json
import traceback
from collections.abc import Iterator
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
    ProviderDown,
    ProviderError,
    ProviderMisconfigured,
    QuotaExceeded,
    RateLimited,
    RedirectReceived,
    SchemaMismatch,
)
from detection.providers.base import Provider
from detection.providers.http import HttpProvider
from detection.results import Accepted, ScanRequest, ScanResult
from detection.vocabulary import Basis, Verdict

KEY = "sk-live-0123456789abcdef"
REFERENCE = "0f8fad5b-d9cb-469f-a165-70867728950e"
CONTENT = b"\xff\xd8\xff\xe0 the bytes of a picture"


def a_request(**changes: Any) -> ScanRequest:
    """A picture for a detector; `changes` replace its fields."""
    given = {
        "reference": REFERENCE,
        "filename": f"{REFERENCE}.jpg",
        "media_type": "image/jpeg",
        "content": CONTENT,
        "width": 640,
        "height": 480,
        "idempotency_key": f"{REFERENCE}:0",
        **changes,
    }
    return ScanRequest(sha256=hashlib.sha256(given["content"]).hexdigest(), **given)


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

    def test_an_answer_is_a_value_with_its_basis_and_an_id(self) -> None:
        result = self.answer(self.make())

        assert isinstance(result, ScanResult)
        assert isinstance(result.verdict, Verdict)
        assert isinstance(result.basis, Basis)
        assert result.provider_reference


class HttpProviderContract(ProviderContract):
    """For a detector behind HTTP, with its network mocked. A subclass gives the class attributes below."""

    submit_url: ClassVar[str]
    good: ClassVar[dict[str, Any]]
    """A finished answer that the vendor documents."""
    unknown_label: ClassVar[dict[str, Any]]
    """The same with a verdict nobody has seen yet."""
    statuses: ClassVar[dict[int, type[ProviderError]]] = {}
    """Where this vendor's statuses mean something else."""
    sends_reference: ClassVar[bool] = True

    def make(self, **options: Any) -> HttpProvider:
        raise NotImplementedError

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
        self.vendor_of_this_test.post(self.submit_url, json=self.good)
        return super().answer(provider)

    def fails(self, vendor: responses.RequestsMock, **answer: Any) -> ProviderError:
        """The error that `submit` raises when the vendor answers so."""
        vendor.post(self.submit_url, **answer)
        with pytest.raises(ProviderError) as caught:
            self.make().submit(a_request())
        return caught.value

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
            (413, ImageRefused),
            (415, ImageRefused),
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
        vendor.post(self.submit_url, json=self.unknown_label)

        result = self.make().submit(a_request())

        assert isinstance(result, ScanResult)
        assert (result.verdict, result.warnings) == (Verdict.UNKNOWN, ("schema_drift",))
        assert result.raw_verdict

    @pytest.mark.parametrize("lost", [requests.ReadTimeout("slow"), requests.ConnectionError("reset")])
    def test_an_answer_lost_after_sending_is_ambiguous_and_sent_once(
        self, vendor: responses.RequestsMock, lost: Exception
    ) -> None:
        assert isinstance(self.fails(vendor, body=lost), AmbiguousTimeout)
        assert len(vendor.calls) == 1

    @pytest.mark.parametrize("failure", ["timeout", "refused"])
    def test_what_never_arrived_is_sent_a_second_time_and_no_more(
        self, vendor: responses.RequestsMock, failure: str
    ) -> None:
        refused = MaxRetryError(None, "/", NewConnectionError(None, "refused"))  # type: ignore[arg-type]
        raised = {"timeout": requests.ConnectTimeout("slow"), "refused": requests.ConnectionError(refused)}[failure]

        assert isinstance(self.fails(vendor, body=raised), ConnectFailed)
        assert len(vendor.calls) == 2

    def test_no_refusal_repeats_our_key_or_a_signed_link(self, vendor: responses.RequestsMock) -> None:
        message = f"bad key {KEY} for https://user:pw@files.example/a.jpg?signature=abc " + "x" * 500
        error = self.fails(
            vendor, status=400, json={"error": {"code": "c" + KEY, "message": message}, "message": message}
        )

        shown = "".join(traceback.format_exception(error)) + repr(vars(error))
        assert KEY not in shown
        assert "signature=abc" not in shown
        assert "user:pw" not in shown
        assert len(str(error)) < 300

    def test_what_is_kept_of_an_answer_holds_no_key(self, vendor: responses.RequestsMock) -> None:
        extra = {
            "note": f"asked with {KEY}",
            "access_token": "abc-secret",
            "link": "https://a.example/x?sig=abc-secret",
        }
        vendor.post(self.submit_url, json={**self.good, **extra})

        kept = json.dumps(dict(self.make().submit(a_request()).raw))

        assert KEY not in kept
        assert "abc-secret" not in kept

    def test_the_key_never_stands_in_an_address(self, vendor: responses.RequestsMock) -> None:
        vendor.post(self.submit_url, json=self.good)

        self.make().submit(a_request())

        assert KEY not in (vendor.calls[0].request.url or "")

    def test_our_reference_goes_along_and_the_pictures_own_name_does_not(self, vendor: responses.RequestsMock) -> None:
        vendor.post(self.submit_url, json=self.good)

        self.make().submit(a_request(filename="minister-at-home.jpg"))

        sent = bytes(vendor.calls[0].request.body or b"")
        assert (REFERENCE.encode() in sent) is self.sends_reference
        assert b"minister" not in sent

    def test_a_redirect_is_not_followed(self, vendor: responses.RequestsMock) -> None:
        vendor.get("https://elsewhere.example/", json=self.good)
        vendor.post("https://elsewhere.example/", json=self.good)

        error = self.fails(vendor, status=307, headers={"Location": "https://elsewhere.example/"})

        assert error.pauses
        assert "redirect received" in str(error)
        assert len(vendor.calls) == 1

    def test_a_missing_key_is_refused_with_the_settings_name(self) -> None:
        with pytest.raises(ProviderMisconfigured, match="api_key"):
            self.make(api_key=" ")

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
