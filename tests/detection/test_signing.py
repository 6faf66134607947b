"""A04, A05, A07, A18, A22 on the verifier itself: the published vector, an independent sender, hostile headers."""

from __future__ import annotations

import ast
import base64
import inspect
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook

from detection import signing
from detection.signing import BadSignature, Scheme, Signed

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
BODY = b'{"test": 2432232314}'
ID, MOMENT = "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330
VECTOR = {
    "webhook-id": ID,
    "webhook-timestamp": str(MOMENT),
    "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
}
"""The example that the specification publishes."""
GOOD = VECTOR["webhook-signature"]
PLAIN = "a-plain-secret-of-the-guide-0123456789"


def check(
    headers: dict[str, str], body: bytes = BODY, *, now: float = MOMENT, secrets: tuple[str, ...] = (SECRET,)
) -> Signed:
    keys = [signing.key_of(Scheme.STANDARD, secret) for secret in secrets]
    return signing.verify(Scheme.STANDARD, keys, headers, body, now=now)


def check_plain(headers: dict[str, str], body: bytes = BODY, *, now: float = MOMENT, secret: str = PLAIN) -> Signed:
    return signing.verify(Scheme.HMAC, [signing.key_of(Scheme.HMAC, secret)], headers, body, now=now)


def refused(headers: dict[str, str], body: bytes = BODY, **options: Any) -> bool:
    try:
        check(headers, body, **options)
    except BadSignature:
        return True
    return False


def test_the_published_vector_is_good() -> None:
    assert check(VECTOR) == Signed(ID, 0)


def test_the_prefix_of_another_sender_is_the_same_scheme() -> None:
    assert check({name.replace("webhook-", "svix-"): value for name, value in VECTOR.items()}) == Signed(ID, 0)


@pytest.mark.parametrize("body", [b"{}", b'{"a": "\xc3\xa4"}', b"x" * 5000])
def test_an_independent_sender_is_understood(body: bytes) -> None:
    signature = Webhook(SECRET).sign(ID, datetime.fromtimestamp(MOMENT, UTC), body.decode())
    assert check({**VECTOR, "webhook-signature": signature}, body) == Signed(ID, 0)


def test_an_independent_receiver_understands_the_sender_here() -> None:
    now = datetime.now(UTC).timestamp()
    headers = signing.sign(Scheme.STANDARD, signing.key_of(Scheme.STANDARD, SECRET), BODY, event_id="ev-1", now=now)
    assert Webhook(SECRET).verify(BODY, headers) == {"test": 2432232314}


def flips(data: bytes) -> list[bytes]:
    return [data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :] for at in range(len(data)) for bit in range(8)]


@pytest.mark.parametrize("name", VECTOR)
def test_one_flipped_bit_in_a_header_is_refused(name: str) -> None:
    """A04."""
    changed = [one.decode("latin-1") for one in flips(VECTOR[name].encode())]
    assert [one for one in changed if not refused({**VECTOR, name: one})] == []


def test_one_flipped_bit_in_the_body_is_refused() -> None:
    """A04."""
    assert [one for one in flips(BODY) if not refused(VECTOR, one)] == []


def test_another_spelling_of_the_same_base64_is_refused() -> None:
    """A04: the last two bits of the last letter stand for nothing, so four letters decode to the same bytes."""
    other = GOOD[:-2] + "F="
    assert base64.b64decode(other[3:]) == base64.b64decode(GOOD[3:])
    assert refused({**VECTOR, "webhook-signature": other})


BAD_LISTS = {
    "no comma": GOOD.replace(",", ""),
    "two commas": f"{GOOD},b",
    "v1,a,b": "v1,a,b",
    "bad padding": GOOD.rstrip("="),
    "not ascii": "v1,ä=",
    "5 000 tokens": " ".join([GOOD] * 5000),
    "six tokens": " ".join(["v1,x"] * 5 + [GOOD]),
    "empty": "",
    "blank": "   ",
    "two headers joined": f"{GOOD},{GOOD}",
    "another version": GOOD.replace("v1", "v2"),
    "a capital": GOOD.replace("v1", "V1"),
    "NUL": GOOD + "\0",
}


@pytest.mark.parametrize("listed", BAD_LISTS.values(), ids=BAD_LISTS)
def test_a_malformed_list_of_signatures_is_refused(listed: str) -> None:
    """A05."""
    assert refused({**VECTOR, "webhook-signature": listed})


@pytest.mark.parametrize("listed", [f"v1,AAAA {GOOD}", f"v1 {GOOD}", f"v1a,xyz  {GOOD}", f"ä,, {GOOD} v1,a,b"])
def test_a_good_signature_counts_wherever_it_stands(listed: str) -> None:
    """A05: bad first and good second, and a double space."""
    assert check({**VECTOR, "webhook-signature": listed}) == Signed(ID, 0)


@pytest.mark.parametrize("name", VECTOR)
def test_each_header_is_needed(name: str) -> None:
    assert refused({key: value for key, value in VECTOR.items() if key != name})
    assert refused({**VECTOR, name: ""})


@pytest.mark.parametrize("event_id", ["a.b", "a b", "ä", "x" * 257, "a\n", ""])
def test_an_id_of_another_shape_is_refused_even_if_it_was_signed(event_id: str) -> None:
    signature = Webhook(SECRET).sign(event_id, datetime.fromtimestamp(MOMENT, UTC), BODY.decode())
    assert refused({**VECTOR, "webhook-id": event_id, "webhook-signature": signature})


@pytest.mark.parametrize(("off", "is_good"), [(-301, False), (-299, True), (299, True), (301, False)])
def test_the_moment_may_be_five_minutes_off(off: int, is_good: bool) -> None:
    """A07."""
    assert refused(VECTOR, now=MOMENT - off) is not is_good


@pytest.mark.parametrize(
    "moment",
    [
        "nan",
        "1e9",
        " 1614265330",
        "1614265330 ",
        "1_614265330",
        "16142653300",
        "-161426533",
        "161426533",
        "1614265330.0",
        "١٦١٤٢٦٥٣٣٠",
        "0614265330",
    ],
)
def test_a_moment_of_another_shape_is_refused_even_if_it_was_signed(moment: str) -> None:
    """A07."""
    key = signing.key_of(Scheme.STANDARD, SECRET)
    signature = base64.b64encode(signing.hmac.digest(key, f"{ID}.{moment}.".encode() + BODY, "sha256")).decode()
    assert refused({**VECTOR, "webhook-timestamp": moment, "webhook-signature": f"v1,{signature}"})


def test_either_of_two_secrets_is_good_until_one_is_taken_away() -> None:
    """A18."""
    new = "whsec_" + base64.b64encode(b"n" * 32).decode()
    signed_new = signing.sign(Scheme.STANDARD, signing.key_of(Scheme.STANDARD, new), BODY, event_id=ID, now=MOMENT)
    both = {**VECTOR, "webhook-signature": f"{signed_new['webhook-signature']} {GOOD}"}
    assert [check(headers, secrets=(new, SECRET)).slot for headers in (signed_new, VECTOR, both)] == [0, 1, 0]
    assert refused(VECTOR, secrets=(new,))
    assert check(both, secrets=(new,)).slot == 0
    assert refused(VECTOR, secrets=())


def test_the_guides_scheme_signs_the_body_in_hex() -> None:
    key = signing.key_of(Scheme.HMAC, PLAIN)
    bare = signing.hmac.new(key, BODY, "sha256").hexdigest()
    for header in (bare, f"sha256={bare}"):
        assert check_plain({"x-signature": header}) == Signed("", 0)
    assert check_plain(signing.sign(Scheme.HMAC, key, BODY, event_id="", now=MOMENT)) == Signed("", 0)


def test_the_guides_scheme_refuses_whatever_is_off() -> None:
    """A04, A07."""
    key = signing.key_of(Scheme.HMAC, PLAIN)
    bare = {"x-signature": signing.hmac.new(key, BODY, "sha256").hexdigest()}
    dated = signing.sign(Scheme.HMAC, key, BODY, event_id="", now=MOMENT)
    flipped = [{"x-signature": one.decode("latin-1")} for one in flips(bare["x-signature"].encode())]
    wrong = [*flipped, {}, {"x-signature": ""}, {"x-signature": "é"}, {"x-signature": f"md5={bare['x-signature']}"}]
    wrong += [{"x-signature": dated["x-signature"]}, {**bare, "x-timestamp": str(MOMENT)}, {**dated, "x-timestamp": ""}]
    wrong += [{**dated, "x-timestamp": str(MOMENT + 1)}]
    for headers in wrong:
        with pytest.raises(BadSignature):
            check_plain(headers)
    for off in (-301, 301):
        with pytest.raises(BadSignature):
            check_plain(dated, now=MOMENT + off)
    with pytest.raises(BadSignature):
        check_plain(dated, BODY + b" ")


@pytest.mark.parametrize(
    "secret", ["", "whsec_", "whsec_!!!", "whsec_c2hvcnQ=", "not base64 at all, but long enough", "whsec_ä"]
)
def test_a_secret_that_signs_nothing_is_refused(secret: str) -> None:
    with pytest.raises(ValueError, match=r"is no Standard|is too short"):
        signing.key_of(Scheme.STANDARD, secret)


def test_an_unpadded_secret_is_the_same_secret() -> None:
    padded = "whsec_" + base64.b64encode(b"k" * 25).decode()
    assert signing.key_of(Scheme.STANDARD, padded.rstrip("=")) == signing.key_of(Scheme.STANDARD, padded) == b"k" * 25


_HEADERS = st.dictionaries(
    st.sampled_from([*VECTOR, "x-signature", "x-timestamp"]), st.text(max_size=80) | st.sampled_from([*VECTOR.values()])
)


@given(headers=_HEADERS, body=st.binary(max_size=50), scheme=st.sampled_from(list(Scheme)))
def test_no_headers_raise_anything_else(headers: dict[str, str], body: bytes, scheme: Scheme) -> None:
    """A05."""
    secret = SECRET if scheme is Scheme.STANDARD else PLAIN
    if headers == VECTOR and body == BODY:
        return
    with pytest.raises(BadSignature):
        signing.verify(scheme, [signing.key_of(scheme, secret)], headers, body, now=MOMENT)


def _compared(function: Callable[..., Any]) -> list[str]:
    return [
        ast.unparse(node) for node in ast.walk(ast.parse(inspect.getsource(function))) if isinstance(node, ast.Compare)
    ]


def test_signatures_are_compared_in_constant_time_alone() -> None:
    """A22, the check of the code: no operator compares what was signed, and no secret ends the search early."""
    assert _compared(signing._fits) == []
    assert "hmac.compare_digest(digest, one)" in inspect.getsource(signing._fits)
    assert [one for one in _compared(signing.verify) if "scheme" not in one] == []
    assert "break" not in inspect.getsource(signing)
