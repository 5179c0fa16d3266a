// SPDX-License-Identifier: BSD-2-Clause
#include "bench/dpdk/rte_bpf_program.h"

#include <pcap/pcap.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "bench/dpdk/dpdk.h"

namespace ipjit::bench {
namespace {

// The conversion's registers: A is R0, X is R7, R8 is free between instructions.
constexpr uint8_t kX = EBPF_REG_7;
constexpr uint8_t kScratch = EBPF_REG_8;

bool fits_in_8_bits(int32_t k) { return k >= -128 && k < 128; }

bool is_indirect_load(const ebpf_insn& insn) {
  return BPF_CLASS(insn.code) == BPF_LD && BPF_MODE(insn.code) == BPF_IND;
}

bool is_small_jset(const ebpf_insn& insn) {
  return insn.code == (BPF_JMP | BPF_JSET | BPF_K) && fits_in_8_bits(insn.imm);
}

std::vector<ebpf_insn> repair(std::span<const ebpf_insn> insns) {
  std::vector<int> place(insns.size() + 1);  // of each old instruction in the new program
  for (size_t i = 0; i < insns.size(); ++i) place[i + 1] = place[i] + 1 + is_small_jset(insns[i]);
  std::vector<ebpf_insn> repaired;
  for (size_t i = 0; i < insns.size(); ++i) {
    ebpf_insn insn = insns[i];
    if (is_indirect_load(insn)) insn.src_reg = kX;
    const bool jumps = BPF_CLASS(insn.code) == BPF_JMP && insn.code != (BPF_JMP | EBPF_EXIT);
    if (jumps) {
      const size_t target = i + 1 + static_cast<size_t>(insn.off);
      insn.off = static_cast<int16_t>(place[target] - place[i + 1]);
    }
    if (is_small_jset(insn)) {
      repaired.push_back({BPF_ALU | EBPF_MOV | BPF_K, kScratch, 0, 0, insn.imm});
      insn.code = BPF_JMP | BPF_JSET | BPF_X;
      insn.src_reg = kScratch;
      insn.imm = 0;
    }
    repaired.push_back(insn);
  }
  return repaired;
}

Error refused(const char* call) {
  return Error{Stage::kRuntime, Code::kRefused, 0,
               std::string(call) + ": " + std::strerror(rte_errno)};
}

}  // namespace

RteBpf::RteBpf(rte_bpf* bpf) : bpf_(bpf) {
  rte_bpf_jit jit = {};
  if (rte_bpf_get_jit(bpf_, &jit) == 0) jit_ = jit.func;
}

RteBpf::~RteBpf() { rte_bpf_destroy(bpf_); }

Result<std::shared_ptr<RteBpf>> RteBpf::load(std::span<const bpf::Insn> insns, Variant variant) {
  std::vector<bpf_insn> words(insns.size());
  std::memcpy(words.data(), insns.data(), insns.size_bytes());
  const bpf_program program{static_cast<u_int>(words.size()), words.data()};
  rte_bpf_prm* parameters = rte_bpf_convert(&program);
  if (!parameters) return refused("rte_bpf_convert");
  std::vector<ebpf_insn> repaired;
  if (variant == Variant::kRepaired) {
    repaired = repair({parameters->ins, parameters->nb_ins});
    parameters->ins = repaired.data();
    parameters->nb_ins = static_cast<uint32_t>(repaired.size());
  }
  rte_bpf* const bpf = rte_bpf_load(parameters);
  rte_free(parameters);
  if (!bpf) return refused("rte_bpf_load");
  return std::make_shared<RteBpf>(bpf);
}

std::vector<std::string> rte_bpf_bugs(std::span<const bpf::Insn> insns, bool with_jit) {
  bool wrong_register = false, short_jset = false;
  for (const bpf::Insn& insn : insns) {
    wrong_register |=
        insn.code == (BPF_LD | BPF_B | BPF_IND) || insn.code == (BPF_LD | BPF_W | BPF_IND);
    short_jset |=
        insn.code == (BPF_JMP | BPF_JSET | BPF_K) && fits_in_8_bits(static_cast<int32_t>(insn.k));
  }
  std::vector<std::string> bugs;
  if (wrong_register)
    bugs.push_back("rte_bpf_convert takes A for X in [x + k] loads of bytes and words");
  if (short_jset && with_jit)
    bugs.push_back("the x86 JIT encodes jset with a small constant three bytes short");
  return bugs;
}

Status survives(const std::function<void()>& run) {
  const pid_t child = fork();
  if (child == 0) {
    run();
    _exit(0);
  }
  int status = 0;
  if (child < 0 || waitpid(child, &status, 0) != child || !WIFSIGNALED(status)) return ok();
  return Error{Stage::kRuntime, Code::kRefused, 0,
               "jset with a small constant is encoded wrongly: a trial run died of signal " +
                   std::to_string(WTERMSIG(status))};
}

}  // namespace ipjit::bench
