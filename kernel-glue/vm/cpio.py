# SPDX-License-Identifier: BSD-2-Clause
"""Writes cpio archives in the "newc" form, which the kernel unpacks as its first file system.

Written here and not by cpio(1), because an archive needs device files and files of root, and the one
who builds it need not be root.  Archives may stand one after the other: a later one adds to the
earlier, so what changes from run to run is a small archive behind a large one that is kept.
"""
import os
import stat


class Archive:
    def __init__(self, file):
        self.file, self.inode, self.known = file, 0, set()

    def entry(self, path, mode, data=b"", device=(0, 0)):
        """One entry as it stands; `path` has no leading slash."""
        self.inode += 1
        name = path.encode() + b"\0"
        fields = (self.inode, mode, 0, 0, 1, 0, len(data), 0, 0, *device, len(name), 0)
        header = b"070701" + b"".join(b"%08x" % field for field in fields)
        self.file.write(header + name + b"\0" * (-(len(header) + len(name)) % 4))
        self.file.write(data)
        self.file.write(b"\0" * (-len(data) % 4))

    def directory(self, path, mode=0o755):
        """A directory and those above it, each once."""
        path = path.strip("/")
        if not path or path in self.known:
            return
        self.directory(os.path.dirname(path))
        self.known.add(path)
        self.entry(path, stat.S_IFDIR | mode)

    def data(self, path, data, mode=0o644):
        path = path.strip("/")
        self.directory(os.path.dirname(path))
        self.entry(path, stat.S_IFREG | mode, data)

    def symlink(self, path, target):
        path = path.strip("/")
        self.directory(os.path.dirname(path))
        self.entry(path, stat.S_IFLNK | 0o777, target.encode())

    def character_device(self, path, major, minor):
        path = path.strip("/")
        self.directory(os.path.dirname(path))
        self.entry(path, stat.S_IFCHR | 0o600, device=(major, minor))

    def copy(self, source, path):
        """A file of this machine (links followed), or a directory with all that is in it."""
        if os.path.isdir(source):
            self.directory(path)
            for name in sorted(os.listdir(source)):
                self.copy(os.path.join(source, name), os.path.join(path, name))
            return
        with open(source, "rb") as file:
            self.data(path, file.read(), 0o755 if os.access(source, os.X_OK) else 0o644)

    def close(self):
        self.entry("TRAILER!!!", 0)
        # Archives that follow begin at a multiple of 4; 512 is what every reader takes.
        self.file.write(b"\0" * (-self.file.tell() % 512))
