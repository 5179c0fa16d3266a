# SPDX-License-Identifier: BSD-2-Clause
# What the scripts share that boot a kernel which loads signed modules only.  Debian's own modules are
# signed with a key that is in the kernel; ours cannot be, here: keys are enrolled through EFI.

folder=/lib/modules/$(uname -r)/updates/dkms
file=$folder/ipjit.ko
signer=/usr/lib/linux-kbuild-6.1/scripts/sign-file

# installed MODULE: where DKMS would put it
installed() { mkdir -p $folder /var/lib && cp "$1" $file && depmod 2>/dev/null; }
# refused WHAT: `ipjit kernel load` says so in one line, and leaves no mark of an unclean boot
refused() {
  refused_text=$(ipjit kernel load 2>&1) && return 1
  echo "$refused_text"
  [ "$(echo "$refused_text" | wc -l)" -eq 1 ] && [ ! -d /sys/module/ipjit ] && [ ! -e /var/lib/ipjit/loaded ] &&
    echo "$refused_text" | grep -qF "loads only modules signed with a key that it knows, and $file is $1"
}
# signed_by_stranger: with a key of this boot; needs openssl and the headers' sign-file.  A short key: how long
# the search for a longer one takes in an emulated machine is a matter of luck, up to minutes.
signed_by_stranger() {
  printf '[req]\ndistinguished_name = dn\n[dn]\n' >/tmp/conf
  OPENSSL_CONF=/tmp/conf openssl req -new -x509 -nodes -days 1 -subj /CN=stranger -newkey rsa:1024 -keyout /tmp/key -outform DER -out /tmp/cert &&
    cp /ipjit/ipjit.ko /tmp/signed.ko && $signer sha256 /tmp/key /tmp/cert /tmp/signed.ko
}
doctor_says() { ipjit doctor | tee /run/doctor | grep -A 1 'module signing' | grep -F -- "$1" || { cat /run/doctor; false; }; }

# states WORDS: what doctor says of this boot, and of both kinds of module that it refuses
states() {
  check "an unsigned module is there" installed /ipjit/ipjit.ko
  check "doctor names the state" doctor_says "$1"
  check "and that it is not signed" doctor_says "this one is not signed"
  check "and what there is to do without EFI" doctor_says "off the kernel's command line"
  check "kernel load: one line" refused "not signed"
  refuse "nor does the kernel load it by hand" insmod $file
  if ! [ -x $signer ] || ! command -v openssl >/dev/null; then
    skip "a stranger's signature" "no openssl, or no $signer"
    return
  fi
  check "a module is signed with a key that the kernel does not know" signed_by_stranger
  check "it is there" installed /tmp/signed.ko
  check "doctor sees the signature" doctor_says "this one is signed"
  check "kernel load: one line" refused "signed with another"
  rm -rf $folder
}
