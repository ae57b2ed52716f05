"""How a child of root becomes nobody, for PostgreSQL, which refuses to run as root.

The usual ways make a user and open every folder above the data to everybody. Instead the child
keeps one capability, to pass through folders that only root may enter: nothing outside the
project is changed.
"""

import ctypes
import os
import pwd
import sys

_PR_SET_SECUREBITS = 28
_SECBIT_NO_SETUID_FIXUP = 4
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_RAISE = 2
_CAP_DAC_OVERRIDE = 1
_CAPABILITY_VERSION_3 = 0x20080522

_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Sets(ctypes.Structure):
    _fields_ = (
        ("effective", ctypes.c_uint32),
        ("permitted", ctypes.c_uint32),
        ("inheritable", ctypes.c_uint32),
    )


def become_nobody() -> None:
    """Change this process's user; called between fork and exec.

    Where the capability cannot be kept (a stripped container), file permissions decide.
    """
    user = pwd.getpwnam("nobody")
    if _libc is not None:
        # Else the change of user drops every capability, and access(2) ignores the kept one.
        _libc.prctl(_PR_SET_SECUREBITS, _SECBIT_NO_SETUID_FIXUP, 0, 0, 0)
    os.setgroups([])
    os.setgid(user.pw_gid)
    os.setuid(user.pw_uid)
    if _libc is not None:
        bit = 1 << _CAP_DAC_OVERRIDE
        # Version 3 has two halves of 32 bits; ours is in the first.
        sets = (_Sets * 2)(_Sets(bit, bit, bit), _Sets(0, 0, 0))
        _libc.capset(ctypes.byref(_Header(_CAPABILITY_VERSION_3, 0)), sets)
        _libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, _CAP_DAC_OVERRIDE, 0, 0)
