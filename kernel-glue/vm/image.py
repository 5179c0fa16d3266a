# SPDX-License-Identifier: BSD-2-Clause
"""Makes the guest's file system: one archive that is kept, one for each run, a disk for LLVM.

The first holds what does not change: busybox, tools of this machine with their shared libraries, the
kernel's modules that filters, namespaces and tests can ask for.  Its name is a digest of what goes in,
so a new kernel, a new package or a change of this file makes another one.  The second holds the
project's build, the command and the caller's files.  LLVM and what it drags in are 180 MB; they come on
a disk that is read where it is touched, because unpacking them would cost every boot seconds.
"""
import hashlib
import lzma
import os
import pathlib
import re
import shutil
import stat
import subprocess
import tempfile

import cpio
from kernel import Missing

HERE = pathlib.Path(__file__).resolve().parent
PROJECT = "/ipjit"  # where the project's build lies in the guest
LIBRARIES = "/usr/lib/x86_64-linux-gnu"
SYSTEM_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"

# dash is the guest's sh: busybox's prefers its own `ip` and `ping` to the real ones.
NEEDED = ["busybox", "dash", "bash"]
# Whatever of these the machine has; a command that misses one says so in the guest by itself.
TOOLS = ["tcpdump", "ip", "tc", "ss", "bridge", "nft", "iptables", "ip6tables", "iptables-legacy", "kmod", "ethtool", "ping",
         "strace", "setpriv", "apparmor_parser", "conntrack"]
# Looked for at module load time, not linked; Debian's AppArmor profile of tcpdump and what it includes.
DATA = [f"{LIBRARIES}/xtables", "/etc/protocols", "/etc/services"] + [
    f"/etc/apparmor.d/{name}" for name in ("abi", "abstractions", "tunables", "usr.bin.tcpdump")]

MODULES = """
virtio_pci virtio_console virtio_blk virtio_net ext4 crc32c_generic crc32c-intel loop overlay
veth bridge dummy macvlan ipvlan 8021q ifb tun vxlan bonding af_packet_diag
nf_tables nf_conntrack nft_ct nft_limit nft_log nft_nat nft_chain_nat nft_compat nft_reject nft_reject_inet nft_masq
nft_redir nft_hash nft_fib nft_fib_inet nft_queue nft_quota nft_socket nft_objref nft_counter nf_log_syslog
nfnetlink_log nfnetlink_queue nf_conntrack_netlink
ip_tables iptable_filter iptable_raw iptable_nat iptable_mangle ip6_tables ip6table_filter x_tables xt_bpf xt_conntrack
xt_multiport xt_comment xt_limit xt_mark xt_tcpudp xt_addrtype xt_MASQUERADE xt_LOG xt_set ip_set ip_set_hash_ip ip_set_hash_net
sch_ingress sch_netem sch_fq_codel cls_bpf cls_matchall cls_u32 act_mirred act_bpf act_vlan act_gact pktgen
udp_diag tcp_diag inet_diag raw_diag fuse
""".split()

ACCOUNTS = {
    "etc/passwd": "root:x:0:0:root:/root:/bin/sh\ntcpdump:x:101:101::/nonexistent:/bin/false\n"
                  "user:x:1000:1000::/tmp:/bin/sh\nnobody:x:65534:65534::/nonexistent:/bin/false\n",
    "etc/group": "root:x:0:\ntcpdump:x:101:\nuser:x:1000:\nnogroup:x:65534:\n",
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\nprotocols: files\nservices: files\n",
    "etc/hosts": "127.0.0.1 localhost\n::1 localhost\n",
    "etc/hostname": "vm\n",
    "root/.profile": "PS1='vm:\\w# '\n",
}


def program(name):
    return shutil.which(name, path=SYSTEM_PATH)


def libraries(binary):
    """The shared libraries of a program, with the loader; nothing for a static one."""
    text = subprocess.run(["ldd", binary], capture_output=True, text=True, check=False).stdout
    if "not found" in text:
        raise Missing(f"{binary} wants a library that is not here: " + re.search(r".*not found", text)[0].strip())
    return set(re.findall(r"(/\S+) \(0x", text))


def guest_path(path):
    """/bin, /lib and so on are links into /usr in the guest, as on a merged system."""
    return re.sub(r"^/(bin|sbin|lib|lib64)/", r"/usr/\1/", str(path))


# ---- the archive that is kept


def module_files(kernel):
    """MODULES that this kernel has, and what they need, as paths below its directory."""
    def names(file):
        text = (kernel.modules / file).read_text(errors="replace") if (kernel.modules / file).exists() else ""
        return [line.split() for line in text.splitlines()]

    def plain(path):
        return re.sub(r"\.ko(\.\w+)?$", "", path.rsplit("/", 1)[-1]).replace("-", "_")

    needs = {words[0].rstrip(":"): words[1:] for words in names("modules.dep") if words}
    path_of = {plain(path): path for path in needs}
    for words in names("modules.softdep"):
        if len(words) > 2 and words[0] == "softdep" and words[1].replace("-", "_") in path_of:
            extra = (path_of.get(word.replace("-", "_")) for word in words[2:] if not word.endswith(":"))
            needs[path_of[words[1].replace("-", "_")]].extend(path for path in extra if path)
    chosen, waiting = set(), [path_of[m] for m in (name.replace("-", "_") for name in MODULES) if m in path_of]
    while waiting:
        path = waiting.pop()
        if path not in chosen:
            chosen.add(path)
            waiting.extend(needs[path])
    return sorted(chosen)


def add_modules(archive, kernel):
    """The chosen modules, uncompressed and with indexes of their own: the guest has no time for xz."""
    with tempfile.TemporaryDirectory() as scratch:
        tree = pathlib.Path(scratch) / "lib/modules" / kernel.release
        tree.mkdir(parents=True)
        for path in module_files(kernel):
            data = (kernel.modules / path).read_bytes()
            if path.endswith(".xz"):
                data, path = lzma.decompress(data), path.removesuffix(".xz")
            (tree / path).parent.mkdir(parents=True, exist_ok=True)
            (tree / path).write_bytes(data)
        for index in kernel.modules.glob("modules.builtin*"):
            shutil.copy(index, tree)
        subprocess.run([program("depmod") or "depmod", "-b", scratch, kernel.release], check=True,
                       stderr=subprocess.DEVNULL)
        archive.copy(tree, f"usr/lib/modules/{kernel.release}")


def base_files():
    """{path in the guest: file of this machine}"""
    files = {}
    for name in NEEDED + TOOLS:
        path = program(name)
        if not path and name in NEEDED:
            raise Missing(f"no {name}: apt-get install " + ("busybox-static" if name == "busybox" else name))
        if path:
            files[guest_path(path)] = path
            files.update((guest_path(library), library) for library in libraries(path))
    return files


def write_base(kernel, files, file):
    archive = cpio.Archive(file)
    for name in ("bin", "sbin", "lib", "lib64"):
        archive.symlink(name, f"usr/{name}")
    for name in ("proc", "sys", "dev", "run", "root", "var/lib", "var/run", "usr/lib64", "mnt", "opt", "etc"):
        archive.directory(name)
    archive.directory("tmp", 0o1777)
    archive.character_device("dev/console", 5, 1)
    for path, source in files.items():
        archive.copy(source, path)
    for path in DATA:
        if os.path.exists(path):
            archive.copy(path, guest_path(path))
    applets = subprocess.run(["busybox", "--list"], capture_output=True, text=True, check=True,
                             env={**os.environ, "PATH": SYSTEM_PATH}).stdout.split()
    archive.symlink("usr/bin/sh", "dash")
    real = {os.path.basename(path) for path in files}
    for name in applets:
        if name not in real and name != "sh":
            archive.symlink(f"usr/bin/{name}", guest_path(program("busybox")))
    if "kmod" in real:
        for name in ("modprobe", "insmod", "rmmod", "lsmod", "modinfo", "depmod"):
            archive.symlink(f"usr/sbin/{name}", guest_path(program("kmod")))
    for path, text in ACCOUNTS.items():
        archive.data(path, text.encode())
    add_modules(archive, kernel)
    archive.close()


def digest(*things):
    return hashlib.sha256(repr(things).encode()).hexdigest()[:16]


def stamp(path):
    status = os.stat(path)
    return str(path), status.st_size, status.st_mtime_ns


def kept(path, write):
    """A file made once; whoever makes it at the same time makes the same."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f"{path.name}.{os.getpid()}")
        try:
            with open(partial, "wb") as file:
                write(file)
            partial.rename(path)
        finally:
            partial.unlink(missing_ok=True)
    return path


def base(cache, kernel):
    files = base_files()
    name = digest(kernel.release, stamp(kernel.modules / "modules.dep"), stamp(HERE / "image.py"), stamp(HERE / "cpio.py"),
                  sorted(stamp(path) for path in [*files.values(), *filter(os.path.exists, DATA)]))
    return kept(cache / f"base-{kernel.release}-{name}.cpio", lambda file: write_base(kernel, files, file))


# ---- LLVM's disk


def llvm_disk(cache, paths):
    """Libraries that do not fit into memory at every boot, in a file system without a journal."""
    maker = program("mke2fs")
    if not maker:
        raise Missing("no mke2fs: apt-get install e2fsprogs")
    name = digest(stamp(HERE / "image.py"), sorted(stamp(path) for path in paths))
    disk = cache / f"llvm-{name}.ext2"
    if not disk.exists():
        with tempfile.TemporaryDirectory(dir=cache) as scratch:
            tree, image = pathlib.Path(scratch) / "tree", pathlib.Path(scratch) / "image"
            tree.mkdir()
            for path in paths:
                shutil.copy(path, tree)
            size = sum(os.stat(path).st_size for path in paths) * 21 // 20 + (4 << 20)
            subprocess.run([maker, "-q", "-t", "ext2", "-m", "0", "-E", "root_owner=0:0", "-d", tree, image,
                            f"{size // 1024}k"], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            image.rename(disk)
    return disk


# ---- the archive of one run


def programs(names):
    """{path in the guest: file} of those programs that this machine has."""
    return {guest_path(path): path for path in map(program, names) if path}


def project_files(build, module):
    """{path in the guest: file}: what of the project is built, programs in /ipjit/bin."""
    found = {}
    for path in sorted(build.glob("tools/*/ipjit*")) + sorted(build.glob("tools/*/*.so*")) + \
            sorted(build.glob("tests/kernel/*")) + sorted(build.glob("bench/kernel/*")):
        if path.is_file() and (path.suffix == ".so" or ".so." in path.name or
                               path.stat().st_mode & stat.S_IXUSR and path.read_bytes()[:4] == b"\x7fELF"):
            found[f"{PROJECT}/bin/{path.name}"] = path
    for path in build.glob("tools/pcap/dropin/libpcap.so.0.8"):  # not where a loader would find it
        found[f"{PROJECT}/dropin/{path.name}"] = path
    if module:
        found[f"{PROJECT}/ipjit.ko"] = module
    return found


def stripped(cache, source):
    """A program or module without its debug information: that is nine tenths of it, at every boot."""
    strip = program("strip")
    if not strip:
        return source

    def write(file):
        made = subprocess.run([strip, "--strip-debug", "-o", file.name, source], capture_output=True, check=False)
        if made.returncode:
            shutil.copyfile(source, file.name)

    kept_at = kept(cache / f"stripped/{digest(stamp(source))}-{os.path.basename(source)}", write)
    kept_at.chmod(0o755)
    return kept_at


def run_archive(file, cache, project, copies, scripts):
    """Writes the run's archive; gives the disks that the machine needs besides.

    Takes: project, {guest path: file}; copies, [(file or directory, guest path)]; scripts, {name:
    text} of what the guest's init runs.
    """
    archive = cpio.Archive(file)
    archive.data("init", (HERE / "init").read_bytes(), 0o755)
    for name, text in scripts.items():
        archive.data(name, text.encode(), 0o755)
    wanted, on_disk = {}, {}
    for path, source in project.items():
        archive.copy(stripped(cache, source), path)
        if os.path.basename(path).endswith(".ko"):
            continue
        of_this = libraries(source)
        large = any("libLLVM" in library for library in of_this)
        (on_disk if large else wanted).update((guest_path(library), library) for library in of_this)
    for source, path in copies:
        archive.copy(source, path)
    there = set(base_files())
    for path, source in wanted.items():
        if path not in there:
            archive.copy(source, path)
    disks = []
    elsewhere = {path: source for path, source in on_disk.items() if path not in there and path not in wanted}
    if elsewhere:
        disks.append(llvm_disk(cache, sorted(elsewhere.values())))
        for path in elsewhere:
            archive.symlink(path, f"/opt/llvm/{os.path.basename(elsewhere[path])}")
    archive.close()
    return disks
