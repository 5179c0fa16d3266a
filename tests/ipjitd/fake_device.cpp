// SPDX-License-Identifier: BSD-2-Clause
#include "tests/ipjitd/fake_device.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "arch-detect/target.h"
#include "bpf-frontend/interpret.h"
#include "ir/interpreter.h"
#include "verifier/verifier.h"

namespace ipjit::kernel {

namespace {

constexpr size_t kPage = 4096;
constexpr size_t kRingBytes =
    kPage + (FakeDevice::kRecords * sizeof(ipjit_dev_sample) + kPage - 1) / kPage * kPage;
constexpr uint64_t kGuardWindow = 1024;

Error error(Code code, const std::string& why) { return {Stage::kKernel, code, 0, why}; }

size_t aligned(size_t bytes) { return (bytes + 63) & ~size_t{63}; }

}  // namespace

FakeDevice::FakeDevice()
    : event_fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      area_((kPage + kCpus * kRingBytes) / sizeof(uint64_t)) {
  const ipjit_dev_rings rings = {.cpus = kCpus,
                                 .records = kRecords,
                                 .record_bytes = sizeof(ipjit_dev_sample),
                                 .ring_bytes = kRingBytes};
  std::memcpy(area_.data(), &rings, sizeof rings);
}

FakeDevice::~FakeDevice() { close(event_fd_); }

uint64_t FakeDevice::attach(bpf::InsnList insns, uint32_t uid, uint32_t flags) {
  const uint64_t id = ++last_id_;
  Slot& slot = slots_[id];
  slot.insns = std::move(insns);
  slot.about.id = id;
  slot.about.uid = uid;
  slot.about.flags = flags;
  slot.about.insns = static_cast<uint32_t>(slot.insns.size());
  say(IPJIT_DEV_ATTACHED, id, 0);
  return id;
}

void FakeDevice::close_socket(uint64_t id) {
  slots_.erase(id);
  say(IPJIT_DEV_RELEASED, id, 0);
}

void FakeDevice::say(uint32_t type, uint64_t id, uint64_t version) {
  if (events_.size() >= kQueue) {
    ++lost_;
    return;
  }
  events_.push_back({.type = type, .lost = lost_, .id = id, .version = version});
  lost_ = 0;
  const uint64_t one = 1;
  if (write(event_fd_, &one, sizeof one) < 0) return;
}

Result<std::vector<ipjit_dev_event>> FakeDevice::events() {
  uint64_t count;
  if (read(event_fd_, &count, sizeof count) < 0) count = 0;
  std::vector<ipjit_dev_event> all(events_.begin(), events_.end());
  events_.clear();
  return all;
}

uint32_t FakeDevice::packet(uint64_t id, std::span<const uint8_t> data, const Fields& fields,
                            uint32_t cpu) {
  Slot& slot = slots_.at(id);
  ipjit_ctx ctx = {};
  for (size_t i = 0; i < fields.size(); ++i) ctx.*ir::kCtxFields[i] = fields[i];
  ctx.wire_len = std::max(ctx.wire_len, static_cast<uint32_t>(data.size()));
  Fields filled;
  for (size_t i = 0; i < fields.size(); ++i) filled[i] = ctx.*ir::kCtxFields[i];
  uint32_t verdict = bpf::interpret(slot.insns, bpf::Dialect::kLinux, data, ctx);
  ++slot.about.packets;
  if (const std::shared_ptr<Version> version = slot.current) {
    ctx.counters = version->counters.data();
    std::copy(version->pointers.begin(), version->pointers.end(), ctx.tables);
    const uint64_t result = version->code->entry()(data.data(), data.size(), &ctx);
    ++version->packets;
    if (ipjit_result_status(result) == IPJIT_DONE) {
      slot.about.differences += ipjit_result_value(result) != verdict;
      verdict = ipjit_result_value(result);
      ++slot.about.native;
    } else {
      ++slot.about.passed_on;
    }
  }
  if (++sampled_ % (uint64_t{1} << sample_shift) == 0) sample(slot, data, filled, verdict, cpu);
  guard(slot);
  return verdict;
}

/// counters[0] passed more than `guard` of 1,024 packets.
void FakeDevice::guard(Slot& slot) {
  const std::shared_ptr<Version> version = slot.current;
  if (!version || !version->guard || version->packets < version->window_packets + kGuardWindow)
    return;
  const uint64_t left = version->counters[0] - version->window_left;
  version->window_packets = version->packets;
  version->window_left = version->counters[0];
  if (left <= version->guard) return;
  slot.current = slot.general;
  ++slot.about.retreats;
  show(slot);
  say(IPJIT_DEV_RETREATED, slot.about.id, version->id);
}

void FakeDevice::sample(const Slot& slot, std::span<const uint8_t> data, const Fields& fields,
                        uint32_t verdict, uint32_t cpu) {
  uint8_t* const ring = reinterpret_cast<uint8_t*>(area_.data()) + kPage + cpu * kRingBytes;
  uint64_t* const begun = reinterpret_cast<uint64_t*>(ring);
  const uint64_t n = (*begun)++;
  auto* record = reinterpret_cast<ipjit_dev_sample*>(ring + kPage) + n % kRecords;
  record->filter = slot.about.id;
  record->version = slot.current ? slot.current->id : 0;
  record->time_ns = ++time_ns_;
  record->len = static_cast<uint32_t>(data.size());
  record->head_len = std::min<uint32_t>(record->len, IPJIT_DEV_HEAD);
  record->verdict = verdict;
  std::copy(fields.begin(), fields.end(), record->fields);
  std::memcpy(record->head, data.data(), record->head_len);
  record->sequence = 2 * n + 2;
}

void FakeDevice::take_code_away(uint64_t id) {
  Slot& slot = slots_.at(id);
  slot.current = slot.general = nullptr;
  show(slot);
  say(IPJIT_DEV_EVICTED_NOW, id, 0);
}

void FakeDevice::prove_wrong(uint64_t id) {
  Slot& slot = slots_.at(id);
  const uint64_t version = slot.about.version;
  slot.about.flags |= IPJIT_DEV_WRONG;
  slot.current = slot.general = nullptr;
  show(slot);
  say(IPJIT_DEV_WRONG_NOW, id, version);
}

void FakeDevice::show(Slot& slot) {
  slot.about.version = slot.current ? slot.current->id : 0;
  slot.about.general = slot.general ? slot.general->id : 0;
  slot.about.tier = slot.current ? slot.current->tier : 0;
}

Result<FakeDevice::Slot*> FakeDevice::slot(uint64_t id) {
  const auto found = slots_.find(id);
  if (found == slots_.end()) return error(Code::kGone, "no filter " + std::to_string(id));
  return &found->second;
}

Result<ipjit_dev_info> FakeDevice::info() {
  ipjit_dev_info info = {};
  info.version = IPJIT_DEV_VERSION;
  info.abi = IPJIT_ABI_VERSION;
  info.mode = mode;
  info.isa = arch::detect().isa;
  info.needs = IPJIT_DEV_RETURN_THUNK;
  info.sample_shift = sample_shift;
  info.filters = static_cast<uint32_t>(slots_.size());
  info.cpus = kCpus;
  info.sample_area = area_.size() * sizeof(uint64_t);
  for (ipjit_field field :
       {IPJIT_FIELD_wire_len, IPJIT_FIELD_net_off, IPJIT_FIELD_protocol, IPJIT_FIELD_pkttype,
        IPJIT_FIELD_ifindex, IPJIT_FIELD_hatype, IPJIT_FIELD_mark, IPJIT_FIELD_queue,
        IPJIT_FIELD_vlan_tci, IPJIT_FIELD_vlan_present, IPJIT_FIELD_vlan_proto})
    info.fields |= uint64_t{1} << field;
  info.installs = installs;
  info.refusals = refusals;
  return info;
}

Result<std::vector<ipjit_dev_filter>> FakeDevice::list() {
  std::vector<ipjit_dev_filter> all;
  for (const auto& [id, slot] : slots_) all.push_back(slot.about);
  return all;
}

Result<ipjit_dev_filter> FakeDevice::filter(uint64_t id) {
  Result<Slot*> found = slot(id);
  if (!found) return found.error();
  return (*found)->about;
}

Result<bpf::InsnList> FakeDevice::program(uint64_t id) {
  Result<Slot*> found = slot(id);
  if (!found) return found.error();
  return (*found)->insns;
}

Status FakeDevice::within_limits(const Offer& offer) const {
  const ipjit_contract& contract = offer.contract;
  if (offer.code.size() > IPJIT_DEV_MAX_CODE || offer.tables.size() > IPJIT_DEV_MAX_TABLES)
    return error(Code::kTooLong, "too much");
  size_t tables = 0;
  for (uint32_t i = 0; i < std::min<uint32_t>(contract.nr_tables, IPJIT_MAX_TABLES); ++i) {
    if (contract.table[i].place != IPJIT_TABLE_IN_CTX) return error(Code::kBadInput, "a table");
    tables = aligned(tables) + contract.table[i].size;
  }
  if (tables > offer.tables.size() || contract.exits || contract.resumes || contract.actions ||
      contract.bases != IPJIT_BASE_DATA || (contract.isa & ~arch::detect().isa) ||
      (offer.guard && contract.counters == 0))
    return error(Code::kBadInput, "a contract that the module does not keep");
  return ok();
}

Result<std::shared_ptr<FakeDevice::Version>> FakeDevice::seal(const Offer& offer) {
  auto version = std::make_shared<Version>();
  version->tier = offer.tier;
  version->guard = offer.guard;
  version->contract = offer.contract;
  Result<verifier::Proof> proof =
      verifier::verify(offer.code, static_cast<uint32_t>(offer.code.size()), offer.contract);
  if (!proof) return proof.error();
  Result<runtime::InstalledCode> code = runtime::CodeMemory::seal(offer.code, *proof);
  if (!code) return code.error();
  version->code = std::move(*code);
  version->tables.resize(offer.tables.size() / 8 + 16);
  auto* first =
      reinterpret_cast<uint8_t*>(aligned(reinterpret_cast<uintptr_t>(version->tables.data())));
  if (!offer.tables.empty()) std::memcpy(first, offer.tables.data(), offer.tables.size());
  size_t at = 0;
  for (uint32_t i = 0; i < offer.contract.nr_tables; ++i) {
    at = aligned(at);
    version->pointers.at(offer.contract.table[i].at) = first + at;
    at += offer.contract.table[i].size;
  }
  return version;
}

Result<uint64_t> FakeDevice::install(const Offer& offer) {
  if (before_install)
    if (std::optional<Error> wrong = before_install(offer)) return ++refusals, *wrong;
  Result<Slot*> found = slot(offer.filter);
  if (!found) return found.error();
  Slot& slot = **found;
  if (Status fits = within_limits(offer); !fits) return ++refusals, fits.error();
  Result<std::shared_ptr<Version>> version = seal(offer);
  if (!version) return ++refusals, version.error();
  if (slot.about.version != offer.expected)
    return error(Code::kStale, "version " + std::to_string(slot.about.version));
  if (slot.about.flags & (IPJIT_DEV_EVICTED | IPJIT_DEV_WRONG))
    return error(Code::kBusy, "it takes no code any more");
  (*version)->id = ++last_version_;
  slot.current = *version;
  if (offer.tier == 1) slot.general = *version;
  ++installs;
  show(slot);
  return last_version_;
}

Status FakeDevice::retreat(uint64_t id, uint64_t version) {
  Result<Slot*> found = slot(id);
  if (!found) return found.error();
  if ((*found)->about.version != version) return error(Code::kStale, "another version");
  if ((*found)->current == (*found)->general) (*found)->general = nullptr;
  (*found)->current = (*found)->general;
  ++(*found)->about.retreats;
  show(**found);
  say(IPJIT_DEV_RETREATED, id, version);
  return ok();
}

Result<ipjit_dev_counters> FakeDevice::counters(uint64_t id, uint64_t version) {
  Result<Slot*> found = slot(id);
  if (!found) return found.error();
  const std::shared_ptr<Version> current = (*found)->current;
  if (!current || current->id != version) return error(Code::kStale, "another version");
  ipjit_dev_counters counters = {};
  counters.id = id;
  counters.version = version;
  counters.packets = current->packets;
  std::copy(current->counters.begin(), current->counters.end(), counters.count);
  return counters;
}

Result<ipjit_dev_use> FakeDevice::use(Whose whose, uint64_t key) {
  ipjit_dev_use use = {};
  use.what = static_cast<uint32_t>(whose);
  use.key = key;
  use.filters = slots_.size();
  return use;
}

Result<std::span<const uint8_t>> FakeDevice::sample_area() {
  return std::span(reinterpret_cast<const uint8_t*>(area_.data()), area_.size() * sizeof(uint64_t));
}

Status FakeDevice::claim() {
  if (claimed) return error(Code::kBusy, "another ipjitd serves this machine");
  return ok();
}

Status FakeDevice::set_mode(ipjit_dev_mode to) {
  mode = to;
  say(IPJIT_DEV_POLICY, 0, 0);
  return ok();
}

Status FakeDevice::evict(uint64_t id) {
  Result<Slot*> found = slot(id);
  if (!found) return found.error();
  (*found)->about.flags |= IPJIT_DEV_EVICTED;
  take_code_away(id);
  return ok();
}

}  // namespace ipjit::kernel
