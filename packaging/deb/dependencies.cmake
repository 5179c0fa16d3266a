# SPDX-License-Identifier: BSD-2-Clause
# Tells dpkg-shlibdeps which package the drop-in's one unusual dependency comes from.
#
# The drop-in asks the loader for libpcap by its absolute path (tools/pcap/empty.c says why), and
# dpkg knows libraries by their sonames.  dpkg-shlibdeps reads this file where CPack runs it, and
# CPack deletes it with the directory before it packs.
file(WRITE "${CPACK_TEMPORARY_DIRECTORY}/debian/shlibs.local"
  "${CPACK_IPJIT_LIBPCAP_NAME} 0.8 libpcap0.8 (>= 1.10)\n")
