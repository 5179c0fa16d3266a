// SPDX-License-Identifier: BSD-2-Clause
// DPDK's headers, in one place: their inline locks are not what g++ likes to see in C++20.
#pragma once

#define ALLOW_EXPERIMENTAL_API  // rte_bpf_convert(), rte_acl_set_ctx_classify()'s wider forms
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wvolatile"
#pragma GCC diagnostic ignored "-Wunused-parameter"
#include <rte_acl.h>
#include <rte_bpf.h>
#include <rte_cycles.h>
#include <rte_dev.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_eth_ring.h>
#include <rte_ethdev.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <rte_malloc.h>
#include <rte_mbuf.h>
#include <rte_mbuf_pool_ops.h>
#include <rte_memory.h>
#include <rte_ring.h>
#include <rte_thash.h>
#include <rte_vect.h>
#include <rte_version.h>
#pragma GCC diagnostic pop
