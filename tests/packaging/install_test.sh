#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# What is installed works from where it lies, and removing it leaves nothing.
#
#   tests/packaging/install_test.sh BUILD-DIRECTORY
#
# Installs below a directory of its own (DESTDIR), uninstalls, builds the .deb and looks inside.  As
# root it also installs and purges that .deb with dpkg in a root of its own, scripts and all but
# ldconfig's trigger.  Prints PASS or FAIL for each step, then "N passed, N failed".
set -uo pipefail
source_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
build=$(realpath "${1:?usage: install_test.sh BUILD-DIRECTORY}")
work=$(mktemp -d)
# The manifest of a real installation is not ours to overwrite.
cp "$build/install_manifest.txt" "$work/real_manifest" 2>/dev/null || true
restore() {
  rm -f "$build/install_manifest.txt"
  [[ ! -f $work/real_manifest ]] || cp "$work/real_manifest" "$build/install_manifest.txt"
  rm -rf "$work"
}
trap restore EXIT
passed=0 failed=0

check() { # check NAME COMMAND...
  local name=$1
  shift
  if "$@" >"$work/log" 2>&1; then
    echo "PASS $name"
    passed=$((passed + 1))
  else
    echo "FAIL $name"
    sed 's/^/    /' "$work/log" | tail -20
    failed=$((failed + 1))
  fi
}
tree() { (cd "$1" 2>/dev/null && find . -not -type d | sort); }

# ---- make install, make uninstall
root=$work/root
install_here() { DESTDIR=$root cmake --install "$build" && cp "$build/install_manifest.txt" "$work/manifest"; }
uninstall_here() { DESTDIR=$root "$source_dir/scripts/uninstall.sh" "$work/manifest"; }
holds() { # holds PATTERN...: each matches some installed file
  local pattern
  for pattern; do
    tree "$root" | grep -E "$pattern" >/dev/null || { echo "no file matches $pattern"; tree "$root"; return 1; }
  done
}
runs_from_there() { [[ $("$(find "$root" -path '*/bin/ipjit' | head -1)" --version) == *[0-9].[0-9]* ]]; }
only_empty_directories_of_others() {
  [[ -z $(tree "$root") ]] || { tree "$root"; return 1; }
  ! find "$root" -type d -name '*ipjit*' | grep .
}
compiles_against_it() {
  local pc
  pc=$(find "$root" -name ipjit.pc | head -1)
  cat >"$work/ten.c" <<'C'
#include <stdio.h>
#include <ipjit/ipjit.h>
int main(void) {
  static const unsigned char arp[60] = {[12] = 8, [13] = 6};
  ipjit_error err;
  ipjit_filter *f = ipjit_compile_expression("arp", NULL, &err);
  if (!f) { fprintf(stderr, "%s\n", err.text); return 1; }
  int wrong = ipjit_filter_run(f, arp, 60, 60) == 0 || ipjit_filter_run(f, arp, 12, 60) != 0;
  ipjit_filter_free(f);
  return wrong;
}
C
  # shellcheck disable=SC2046
  cc "$work/ten.c" -o "$work/ten" $(PKG_CONFIG_SYSROOT_DIR=$root PKG_CONFIG_PATH=${pc%/*} pkg-config --cflags --libs ipjit) &&
    LD_LIBRARY_PATH=$(dirname "$(find "$root" -name 'libipjit.so.0' | head -1)") "$work/ten"
}
check "install" install_here
check "installs command, library, header, pkg-config, CMake package, preload library, drop-in" \
  holds '/bin/ipjit$' '/libipjit\.so\.0' '/ipjit/ipjit\.h$' '/ipjit\.pc$' '/ipjitConfig\.cmake$' \
  '/libipjit-pcap\.so$' '/libpcap\.so\.0\.8$'
if grep -q '^IPJIT_HAVE_LLVM:INTERNAL=ON' "$build/CMakeCache.txt"; then
  serves_from_there() { [[ $("$(find "$root" -name ipjit-tier2 -type f -perm -100)" --version) == *LLVM* ]]; }
  check "installs the compile server and its manual" holds '/libexec/ipjit/ipjit-tier2$' '/man8/ipjit-tier2\.8'
  check "the installed compile server runs" serves_from_there
fi
check "installs the module's sources, the daemon's units and their manuals" \
  holds '/src/ipjit-[0-9.]*/dkms\.conf$' '/src/ipjit-[0-9.]*/kernel-glue/Kbuild$' \
  '/src/ipjit-[0-9.]*/verifier/core/.*\.c$' '/src/ipjit-[0-9.]*/include/ipjit/abi\.h$' \
  '/systemd/system/ipjitd\.service$' '/systemd/system/ipjit-kernel\.service$' \
  '/udev/rules\.d/60-ipjit\.rules$' '/sysusers\.d/ipjit\.conf$' '/man8/ipjit-kernel\.8' '/man8/ipjitd\.8'
only_sources_of_the_module() { ! tree "$root" | grep -E '/src/ipjit-[^/]*/(.*\.(py|o|ko|cpp)|kernel-glue/(vm|bench)(/.*)?)$'; }
check "the module's sources are sources of the module only" only_sources_of_the_module
if command -v systemd-analyze >/dev/null; then
  units_are_understood() {
    local unit bad=0
    for unit in ipjit-kernel ipjitd; do
      # What it would run is not where the unit says, in this root.
      sed "s,^Exec\([A-Z][a-z]*\)=[^ ]*,Exec\1=/bin/true," "$(find "$root" -name "$unit.service")" >"$work/$unit.service"
      [[ -z $(systemd-analyze verify --man=no "$work/$unit.service" 2>&1 | grep -F "$unit" | tee /dev/stderr) ]] || bad=1
    done
    return $bad
  }
  check "systemd understands the units" units_are_understood
fi
check "installs manual and completion" holds '/man1/ipjit' '/bash-completion/completions/ipjit$'
check "the installed command runs" runs_from_there
check "a program builds against the installed library and runs" compiles_against_it
check "uninstall" uninstall_here
check "uninstall leaves nothing" only_empty_directories_of_others
refuses_without_manifest() { ! "$source_dir/scripts/uninstall.sh" "$work/none" 2>/dev/null; }
check "uninstall without a manifest is refused" refuses_without_manifest

# ---- the Debian package
if command -v dpkg-shlibdeps >/dev/null; then
  pack() { (cd "$build" && cpack -G DEB -B "$work/deb"); }
  check "cpack makes a .deb" pack
  deb=$(find "$work/deb" -maxdepth 1 -name 'ipjit_*.deb')
  debs=("$deb")
  for one in ipjitd ipjit-dkms; do debs+=("$(find "$work/deb" -maxdepth 1 -name "${one}_*.deb")"); done
  of_daemon() { dpkg-deb -c "${debs[1]}" | grep -E '/sbin/ipjitd$' && dpkg-deb -c "${debs[1]}" | grep -E '/systemd/system/ipjitd\.service$' && dpkg-deb -f "${debs[1]}" Depends | grep -F 'ipjit (= '; }
  of_dkms() {
    [[ $(dpkg-deb -f "${debs[2]}" Architecture) == all ]] && dpkg-deb -f "${debs[2]}" Depends | grep -w dkms &&
      dpkg-deb -c "${debs[2]}" | grep -E ' \./usr/src/ipjit-[0-9.]*/dkms\.conf$' && ! dpkg-deb -c "${debs[2]}" | grep -E '/usr/(bin|lib|share)/'
  }
  check "the daemon has a package of its own" of_daemon
  check "the module's sources have a package for every machine" of_dkms
  lists() { dpkg-deb -c "$deb" | grep -E "$1" >/dev/null || { dpkg-deb -c "$deb"; return 1; }; }
  depends() { dpkg-deb -f "$deb" Depends | grep libpcap0.8; }
  no_build_paths() { ! dpkg-deb --fsys-tarfile "$deb" | tar -xO --wildcards '*.pc' '*.cmake' | grep -F "$build"; }
  check "the .deb holds the command" lists ' \./usr/bin/ipjit$'
  check "the .deb holds the drop-in away from the loader's path" lists '/ipjit/libpcap\.so\.0\.8$'
  check "the .deb depends on libpcap" depends
  check "the .deb names no build directory" no_build_paths
  without_llvm() { ! dpkg-deb -f "$deb" Depends | grep -i llvm; }
  check "the .deb needs no LLVM" without_llvm
  if grep -q '^IPJIT_HAVE_LLVM:INTERNAL=ON' "$build/CMakeCache.txt"; then
    server_deb=$(find "$work/deb" -maxdepth 1 -name 'ipjit-tier2_*.deb')
    debs+=("$server_deb")
    of_server() { dpkg-deb -c "$server_deb" | grep -E '/libexec/ipjit/ipjit-tier2$' && dpkg-deb -f "$server_deb" Depends | grep libllvm19; }
    recommends() { dpkg-deb -f "$deb" Recommends | grep -F ipjit-tier2 && ! lists '/ipjit-tier2$'; }
    check "the compile server has a package of its own, which needs LLVM" of_server
    check "ipjit recommends it" recommends
  fi
  if ((EUID == 0)); then
    # A root of its own: dpkg's database is there, and maintainer scripts see its prefix as /.
    droot=$work/droot
    mkdir -p "$droot/var/lib/dpkg/"{info,updates,triggers} "$droot/etc" "$droot/tmp"
    touch "$droot/var/lib/dpkg/status" "$droot/var/lib/dpkg/available"
    tree "$droot" >"$work/before"
    with_dpkg() { dpkg --root="$droot" --force-depends --force-script-chrootless --no-triggers --log=/dev/null "$@"; }
    check "dpkg installs it" with_dpkg -i "${debs[@]}"
    installed() { [[ -x $droot/usr/bin/ipjit ]]; }
    check "dpkg put the command there" installed
    names() { for one in "${debs[@]}"; do dpkg-deb -f "$one" Package; done; }
    # shellcheck disable=SC2046
    check "dpkg purges it" with_dpkg -P $(names)
    nothing_left() {
      tree "$droot" | grep -v '^\./var/lib/dpkg/' >"$work/after"
      ! grep . "$work/after" && ! find "$droot" -name '*ipjit*' | grep .
    }
    check "purge leaves nothing" nothing_left
  fi
else
  echo "no dpkg-shlibdeps (dpkg-dev): the .deb was not built"
fi
echo "$passed passed, $failed failed"
((failed == 0))
