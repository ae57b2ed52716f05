"""Which addresses a webhook may have: nobody gets at our own network through us."""

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from urllib.parse import urlsplit

from contracts.access import WEBHOOK_URL_CHARACTERS_MAX

_TRANSLATED = (
    IPv6Network("64:ff9b::/96"),
    IPv6Network("64:ff9b:1::/48"),
    IPv6Network("2002::/16"),
    IPv6Network("2001::/32"),
)
"""IPv6 in front of an IPv4 address, which may be a private one: NAT64, 6to4, Teredo."""


def is_public(address: str) -> bool:
    """Whether an IP address lies in the open Internet."""
    try:
        ip = ip_address(address)
    except ValueError:
        return False
    if isinstance(ip, IPv6Address) and ip.ipv4_mapped is not None:
        ip = ip.ipv4_mapped
    if isinstance(ip, IPv6Address):
        if ip.scope_id is not None or ip.is_site_local:
            return False
        if any(ip in network for network in _TRANSLATED):
            return False
    return ip.is_global and not ip.is_multicast and not ip.is_reserved


def problem_with(url: str, *, is_test: bool) -> str | None:
    """Why this is no address for a webhook, in a sentence; None when it is one.

    What a name stands for is looked at when something is sent: it may change by then.
    """
    if len(url) > WEBHOOK_URL_CHARACTERS_MAX:
        return f"It has more than {WEBHOOK_URL_CHARACTERS_MAX} characters."
    if not url.isascii() or not url.isprintable() or " " in url:
        return "Write it in ASCII: the host in its xn-- form, everything else percent-encoded."
    try:
        parts = urlsplit(url)
        port, host = parts.port, parts.hostname
    except ValueError:
        return "This is no URL."
    if parts.scheme != "https" and not (is_test and parts.scheme == "http"):
        return "It must begin with https://."
    if not host or port == 0:
        return "It needs a host."
    if parts.username is not None or parts.password is not None:
        return "It must not hold a user or a password; the signature says who sends."
    if "#" in url:
        return "A fragment is never sent; remove the # and what follows."
    if not is_test and _is_ours(host):
        return "This host is not in the public Internet."
    return None


def _is_ours(host: str) -> bool:
    if host == "localhost" or host.endswith((".localhost", ".local", ".internal")):
        return True
    try:
        literal: IPv4Address | IPv6Address = ip_address(host)
    except ValueError:
        return False
    return not is_public(str(literal))
