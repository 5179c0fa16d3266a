# SPDX-License-Identifier: BSD-2-Clause
"""A /dev/shm of a test's own.

Every process with a filter leaves its statistics there, and clears away what dead ones have left: a
test that reads them sees what its neighbours filter, finds what an earlier process with the same
number has left, and may find its own gone.
"""
import ctypes
import os
import pathlib

CLONE_NEWNS, CLONE_NEWUSER = 0x20000, 0x10000000
MS_NOSUID, MS_NODEV, MS_REC, MS_PRIVATE = 2, 4, 0x4000, 0x40000


def own_shared_memory():
    """For this process and its children from here on.

    Who is not root does it in a user namespace, as himself.  False where the system allows that to nobody.
    """
    libc = ctypes.CDLL(None)

    def mount(what, where, kind, flags, options):
        return libc.mount(what, where, kind, ctypes.c_ulong(flags), options) == 0

    def unshare():
        if libc.unshare(CLONE_NEWNS) == 0:
            return True
        ids = {"uid": os.getuid(), "gid": os.getgid()}
        if libc.unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0:
            return False
        process = pathlib.Path("/proc/self")
        process.joinpath("setgroups").write_text("deny")
        for kind, number in ids.items():
            process.joinpath(f"{kind}_map").write_text(f"{number} {number} 1")
        return True

    return (unshare()
            and mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None)
            and mount(b"tmpfs", b"/dev/shm", b"tmpfs", MS_NOSUID | MS_NODEV, b"mode=1777"))
