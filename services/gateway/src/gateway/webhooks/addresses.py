"""Where the world reaches us, as the platforms are to know it."""

from urllib.parse import urlsplit

from runtime.settings import Misconfigured

URL_CHARACTERS_MAX = 2048
"""Longer ones are cut when they are read, and so differ from ours."""


def public_url(given: str | None, *, is_demo: bool) -> str:
    """PUBLIC_URL without a slash at its end.

    Args:
        given: the setting.
        is_demo: TURNOUT_TEST: the simulator on the same machine needs no TLS.

    Raises:
        Misconfigured: it is missing, or no platform would take it.
    """
    if not given:
        raise Misconfigured(
            "PUBLIC_URL is not set: it is where the world reaches the gateway, "
            "such as https://turnout.example.org"
        )
    parts = urlsplit(given)
    if parts.scheme != "https" and not (is_demo and parts.scheme == "http"):
        raise Misconfigured(
            "PUBLIC_URL must begin with https:// : both platforms refuse anything else"
        )
    if not parts.hostname or parts.query or parts.fragment or parts.username:
        raise Misconfigured(
            "PUBLIC_URL must be a host, and a path at most, such as https://turnout.example.org"
        )
    return given.rstrip("/")


def shown(url: str) -> str:
    """A URL that somebody set, without what may be secret in it: user, query, fragment."""
    parts = urlsplit(url)
    hidden = parts.query or parts.fragment or parts.username
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}" + (" (and a part not shown)" if hidden else "")
