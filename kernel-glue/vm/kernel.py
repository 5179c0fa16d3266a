# SPDX-License-Identifier: BSD-2-Clause
"""Finds a kernel to boot: its image and its modules.

An installed one is taken as it is.  Any other release comes from the package archive: downloaded and
unpacked below the cache directory, never installed, so that it needs no root and changes nothing.
"""
import dataclasses
import glob
import os
import pathlib
import re
import shutil
import subprocess


class Missing(Exception):
    """Something this machine does not have; the text says what to do."""


@dataclasses.dataclass(frozen=True)
class Kernel:
    release: str
    image: pathlib.Path
    modules: pathlib.Path  # the directory named after the release; holds modules.dep


def newest(releases):
    return max(releases, key=lambda r: [int(n) for n in re.findall(r"\d+", r)], default=None)


def default_release():
    """The release that modules can be built for; else that of an installed image; else the archive's."""
    headers = [path.rsplit("linux-headers-", 1)[1] for path in glob.glob("/usr/src/linux-headers-*-cloud-amd64")]
    images = [path.rsplit("vmlinuz-", 1)[1] for path in glob.glob("/boot/vmlinuz-*-cloud-amd64")]
    found = newest(headers) or newest(images)
    if found:
        return found
    text = subprocess.run(["apt-cache", "depends", "linux-image-cloud-amd64"], capture_output=True, text=True,
                          check=False).stdout
    match = re.search(r"Depends: linux-image-(\S+)", text)
    if not match:
        raise Missing("no cloud kernel is installed and apt knows none: apt-get install linux-headers-cloud-amd64")
    return match[1]


def apt(cache, *words, cwd=None):
    """apt-get with lists of our own, which need no root; they are fetched once."""
    state = cache / "apt"
    for name in ("lists/partial", "archives/partial"):
        (state / name).mkdir(parents=True, exist_ok=True)
    options = [f"-oDir::State::Lists={state}/lists", f"-oDir::Cache={state}", "-oAPT::Sandbox::User="]
    return subprocess.run(["apt-get", "-qq", *options, *words], cwd=cwd, capture_output=True, text=True, check=False)


def download(cache, package, into):
    """Unpacks a Debian package below `into`."""
    partial = into.with_name(into.name + f".{os.getpid()}")
    partial.mkdir(parents=True)
    try:
        # First with the machine's own lists: they are there wherever packages were installed lately.
        tried = subprocess.run(["apt-get", "-qq", "-oAPT::Sandbox::User=", "download", package], cwd=partial,
                               capture_output=True, text=True, check=False)
        if tried.returncode:
            if not any((cache / "apt/lists").glob("*Packages*")):
                apt(cache, "update")
            tried = apt(cache, "download", package, cwd=partial)
        archives = list(partial.glob("*.deb"))
        if tried.returncode or not archives:
            raise Missing(f"cannot download {package}: {tried.stderr.strip() or 'apt-get gave nothing'}")
        subprocess.run(["dpkg-deb", "-x", archives[0], partial], check=True)
        archives[0].unlink()
        try:
            partial.rename(into)
        except OSError:  # another run was quicker
            if not into.is_dir():
                raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def at(root, release):
    """The kernel below `root`, or None."""
    image = root / f"boot/vmlinuz-{release}"
    for modules in (root / f"lib/modules/{release}", root / f"usr/lib/modules/{release}"):
        if image.exists() and (modules / "kernel").exists():
            return Kernel(release, image, modules)
    return None


def find(cache, release=None):
    """Takes: a release; or a directory with `boot/` and `lib/modules/` as a build leaves it; or None."""
    if release and "/" in release:
        root = pathlib.Path(release).resolve()
        images = [image.name.removeprefix("vmlinuz-") for image in root.glob("boot/vmlinuz-*")]
        found = at(root, images[0]) if len(images) == 1 else None
        if not found:
            raise Missing(f"{root} does not hold one boot/vmlinuz-RELEASE and lib/modules/RELEASE")
    else:
        release = release or default_release()
        root = pathlib.Path("/")
        found = at(root, release)
        if not found:
            root = cache / f"linux-image-{release}"
            if not root.is_dir():
                download(cache, f"linux-image-{release}", root)
            found = at(root, release) or at(root, release.removesuffix("-unsigned"))
            if not found:
                raise Missing(f"{root} holds no kernel {release}")
    if not (found.modules / "modules.dep").exists():
        depmod = shutil.which("depmod", path="/usr/sbin:/sbin:" + os.environ.get("PATH", ""))
        if not depmod:
            raise Missing("no depmod: apt-get install kmod")
        base = found.modules.parent.parent.parent
        subprocess.run([depmod, "-b", base, found.release], check=True)
    return found
