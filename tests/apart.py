# SPDX-License-Identifier: BSD-2-Clause
"""A /dev/shm of a test's own.

Every process with a filter leaves its statistics there, and clears away what dead ones have left: a
test that reads them sees what its neighbours filter, finds what an earlier process with the same
number has left, and may find its own gone.
"""
import ctypes

CLONE_NEWNS = 0x20000
MS_NOSUID, MS_NODEV, MS_REC, MS_PRIVATE = 2, 4, 0x4000, 0x40000


def own_shared_memory():
    """For this process and its children from here on.  False where that is not allowed: it takes root."""
    libc = ctypes.CDLL(None)

    def mount(what, where, kind, flags, options):
        return libc.mount(what, where, kind, ctypes.c_ulong(flags), options) == 0

    return (libc.unshare(CLONE_NEWNS) == 0
            and mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None)
            and mount(b"tmpfs", b"/dev/shm", b"tmpfs", MS_NOSUID | MS_NODEV, b"mode=1777"))
