// SPDX-License-Identifier: BSD-2-Clause
// Decides who runs a filter.
//
//                          libpcap refuses it   → its error, the old filter stays
//   savefile               → ours, if it compiles
//   live, kernel took it   → the kernel
//   live, kernel refused   → ours, if it compiles and the socket is one that we can read
//
// Whether the kernel has it is asked of the kernel: libpcap detaches every filter when it falls
// back to interpreting, so a socket with no filter at all means "refused".
#include "tools/pcap/setfilter.h"

#include <sys/socket.h>

#include "tools/pcap/expressions.h"
#include "tools/pcap/handles.h"
#include "tools/pcap/interface.h"
#include "tools/pcap/notice.h"
#include "tools/pcap/real.h"

namespace ipjit::pcap {
namespace {

bool kernel_has_filter(int fd) {
  socklen_t instructions = 0;
  return getsockopt(fd, SOL_SOCKET, SO_GET_FILTER, nullptr, &instructions) == 0 && instructions > 0;
}

void accept_all(pcap_t* pcap) {
  bpf_insn all[] = {{BPF_RET | BPF_K, 0, 0, 0xffffffff}};
  bpf_program program{1, all};
  real().pcap_setfilter(pcap, &program);
}

Result<std::unique_ptr<Engine>> engine_for(Handle& handle, pcap_t* pcap,
                                           const bpf_program& program) {
  Engine::Promises promises = {.longest = static_cast<uint32_t>(real().pcap_snapshot(pcap))};
  if (handle.live) {
    const int fd = real().pcap_fileno(pcap), dlt = real().pcap_datalink(pcap);
    auto frames = FrameLayout::of_socket(fd, dlt, real().pcap_snapshot(pcap));
    if (!frames) return frames.error();
    handle.frames = *frames;
    // Frames are filtered as they are in the ring, before libpcap cuts them to the snap length.
    promises = {.longest = longest_frame(fd, dlt), .untagged = true};
  }
  std::span<const bpf_insn> insns(program.bf_insns, program.bf_len);
  return Engine::compile(insns, expression_of(program.bf_insns, program.bf_len), promises);
}

// `note` is for `ipjit stats`; empty: not worth a line.
void leave_to_libpcap(Handle& handle, const bpf_program& program, const std::string& note) {
  if (note.empty()) return set_engine(handle, nullptr);
  std::span<const bpf_insn> insns(program.bf_insns, program.bf_len);
  std::string name = expression_of(program.bf_insns, program.bf_len);
  set_engine(handle, Engine::bystander(insns, name, note));
}

}  // namespace

int set_filter(pcap_t* pcap, bpf_program* program) {
  int result = real().pcap_setfilter(pcap, program);
  if (result != 0 || standing_aside()) return result;
  Handle& handle = make_handle(pcap);
  // A single `ret` is the empty expression: nothing to gain.
  bool in_kernel = handle.live && kernel_has_filter(real().pcap_fileno(pcap));
  bool leave = program->bf_len < 2 || in_kernel;
  if (leave) {
    leave_to_libpcap(handle, *program, in_kernel ? "in kernel, not ours: load ipjit.ko" : "");
    return result;
  }
  auto engine = engine_for(handle, pcap, *program);
  if (!engine) {
    std::string why = to_string(engine.error());
    leave_to_libpcap(handle, *program, why + "; libpcap runs instead");
    say_refusal(why);
    return result;
  }
  set_engine(handle, std::move(*engine));
  accept_all(pcap);
  return result;
}

}  // namespace ipjit::pcap
