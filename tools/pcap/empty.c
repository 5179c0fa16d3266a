/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The stand-in that the drop-in is linked against.
 *
 * The drop-in has libpcap's own soname, so it cannot ask the loader for libpcap by that name: it
 * would get itself.  This empty library's soname is the absolute path of the real libpcap; the
 * linker copies it into the drop-in's list of needed libraries, and the loader takes a name with a
 * slash as a file.  It is used while linking and never installed.
 */
typedef int ipjit_nothing_here;
