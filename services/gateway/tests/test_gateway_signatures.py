"""What proves a webhook, and what only looks like it."""

import hashlib
import hmac

from hypothesis import given
from hypothesis import strategies as st

from gateway.signatures import is_secret, is_signed

KEY = b"demo-whatsapp-secret"


def right(body: bytes, key: bytes = KEY) -> bytes:
    return b"sha256=" + hmac.new(key, body, hashlib.sha256).hexdigest().encode()


@given(st.binary(max_size=4096))
def test_a_body_is_proven_by_each_of_the_live_secrets(body: bytes) -> None:
    assert is_signed(body, right(body), [KEY])
    assert is_signed(body, right(body), [b"another-live-secret", KEY])
    assert not is_signed(body, right(body), [b"another-live-secret"])
    assert not is_signed(body, right(body), [])


def changed(original: bytes, data: st.DataObject) -> bytes:
    octets = bytearray(original)
    octets[data.draw(st.integers(0, len(original) - 1))] ^= data.draw(st.integers(1, 255))
    return bytes(octets)


@given(st.binary(min_size=1, max_size=512), st.data())
def test_one_changed_octet_of_body_or_signature_is_noticed(
    body: bytes, data: st.DataObject
) -> None:
    assert not is_signed(changed(body, data), right(body), [KEY])
    assert not is_signed(body, changed(right(body), data), [KEY])


@given(st.binary(max_size=200))
def test_any_octets_in_a_header_are_compared_and_never_raise(header: bytes) -> None:
    assert not is_signed(b"body", header, [KEY])
    assert is_secret(header, [KEY]) == (header == KEY)
