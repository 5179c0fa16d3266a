// SPDX-License-Identifier: BSD-2-Clause
// Classic programs that are no socket's filter: each kind is counted as left alone, with its reason
// and no other; what the kernel refused is not counted, nor is a seccomp filter.
//
//   elsewhere          in the virtual machine, module loaded
#include <linux/seccomp.h>
#include <net/if.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <cstdlib>
#include <functional>

#include "tests/kernel/door.h"

namespace ipjit::door {
namespace {

Tally tally;

constexpr ipjit_dev_left kKinds[] = {IPJIT_DEV_LEFT_reuseport, IPJIT_DEV_LEFT_fanout,
                                     IPJIT_DEV_LEFT_in_kernel};
constexpr const char* kNames[] = {"reuseport", "fanout", "in_kernel"};

/// A program that returns 0, or one that the kernel refuses: it has no return.
sock_fprog program(bool good = true) {
  static sock_filter returns[] = {{BPF_RET | BPF_K, 0, 0, 0}};
  static sock_filter endless[] = {{BPF_LD | BPF_IMM, 0, 0, 0}};
  return {.len = 1, .filter = good ? returns : endless};
}

/// `made` gives `wanted_error` and makes `more` of `kind`.
void counts(const Fd& device, const std::string& what, const std::function<int()>& made,
            int wanted_error, ipjit_dev_left kind, uint64_t more) {
  const ipjit_dev_info before = info(device);
  tally.gives(what, made(), {wanted_error});
  const ipjit_dev_info after = info(device);
  for (int i = 0; i < 3; ++i)
    tally.equal(what + ": more of " + kNames[i], after.left[kKinds[i]] - before.left[kKinds[i]],
                kKinds[i] == kind ? more : 0);
}

int reuseport(bool good) {
  const Fd fd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const int yes = 1;
  setsockopt(fd.get(), SOL_SOCKET, SO_REUSEPORT, &yes, sizeof yes);
  const sock_fprog chooses = program(good);
  return setsockopt(fd.get(), SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &chooses, sizeof chooses)
             ? errno
             : 0;
}

int fanout(bool good) {
  const Fd fd(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL)));
  const int group = 7 | PACKET_FANOUT_CBPF << 16;
  if (setsockopt(fd.get(), SOL_PACKET, PACKET_FANOUT, &group, sizeof group) != 0) return errno;
  const sock_fprog chooses = program(good);
  return setsockopt(fd.get(), SOL_PACKET, PACKET_FANOUT_DATA, &chooses, sizeof chooses) ? errno : 0;
}

/// In a child, which it would else stay with.
int seccomp() {
  const pid_t child = fork();
  if (child == 0) {
    sock_filter allow[] = {{BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW}};
    const sock_fprog allows = {.len = 1, .filter = allow};
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    _exit(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &allows) == 0 ? 0 : errno);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : ECHILD;
}

int tc() {
  return std::system("tc qdisc add dev lo clsact") != 0 ||
                 std::system("tc filter add dev lo ingress bpf bytecode '1,6 0 0 0'") != 0
             ? EINVAL
             : 0;
}

int all() {
  const Fd device = open_device();
  const auto nothing = IPJIT_DEV_LEFT_COUNT;
  counts(
      device, "a program of a SO_REUSEPORT group", [] { return reuseport(true); }, 0,
      IPJIT_DEV_LEFT_reuseport, 1);
  counts(
      device, "one that the kernel refuses", [] { return reuseport(false); }, EINVAL, nothing, 0);
  counts(
      device, "a program of a fanout group", [] { return fanout(true); }, 0, IPJIT_DEV_LEFT_fanout,
      1);
  counts(
      device, "one that the kernel refuses", [] { return fanout(false); }, EINVAL, nothing, 0);
  if (access("/sys/module/cls_bpf", F_OK) == 0 && std::system("command -v tc >/dev/null") == 0)
    counts(device, "a program of tc", tc, 0, IPJIT_DEV_LEFT_in_kernel, 1);
  else
    std::puts("skip a program of tc: no cls_bpf in this kernel, or no tc");
  if (prctl(PR_GET_SECCOMP) >= 0)
    counts(device, "a seccomp filter", seccomp, 0, nothing, 0);
  else
    std::puts("skip a seccomp filter: this kernel has none");
  tally.equal("filters taken over for it", info(device).filters, 0);
  return tally.status();
}

}  // namespace
}  // namespace ipjit::door

int main() { return ipjit::door::all(); }
