// SPDX-License-Identifier: BSD-2-Clause
// Reads and writes captures through libpcap.
//
// A packet that libpcap hands out lives until the next one is read, so a batch copies it.  The copy
// is what makes honest timing possible: the clock runs over some hundred packets that are in cache,
// as they are in a program that has just received them, and never over the reading.
//
// Time stamps are kept in microseconds, as tcpdump -w does without --nano.
#include "tools/ipjit/capture.h"

#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "tools/ipjit/files.h"
#include "tools/ipjit/link_type.h"

namespace ipjit::cli {
namespace {

constexpr size_t kBatchPackets = 512;
constexpr size_t kBatchBytes = 256 * 1024;

Error io_error(std::string why) { return {Stage::kCapture, Code::kIo, 0, std::move(why)}; }

// libpcap's message may or may not begin with the path.
std::string with_path(const std::string& path, const std::string& message) {
  return message.find(path) == std::string::npos ? path + ": " + message : message;
}

}  // namespace

Result<Capture> Capture::open(const std::string& path) {
  char message[PCAP_ERRBUF_SIZE] = "";
  pcap_t* handle = pcap_open_offline(path.c_str(), message);
  if (!handle) return io_error(with_path(path, message));
  Capture capture(path, handle);
  struct stat about;
  std::FILE* file = pcap_file(handle);
  if (file && fstat(fileno(file), &about) == 0 && S_ISREG(about.st_mode))
    capture.size_ = static_cast<uint64_t>(about.st_size);
  return capture;
}

bpf::Link Capture::link() const {
  int snaplen = pcap_snapshot(handle_.get());
  // tcpdump -r has no network whose mask it would know, and says 0.
  bpf::Link link{.dlt = pcap_datalink(handle_.get()), .netmask = 0, .savefile = handle_.get()};
  if (snaplen > 0) link.snaplen = static_cast<uint32_t>(snaplen);
  return link;
}

Error Capture::damaged() const {
  return {
      Stage::kCapture, Code::kBadInput, 0,
      fmt::format("{}: {}, after {} packets", path_, pcap_geterr(handle_.get()), packets_read_)};
}

Status Capture::read(PacketBatch& batch) {
  batch.headers.clear();
  batch.packets.clear();
  batch.bytes.clear();
  if (at_damage_) return damaged();
  std::vector<size_t> starts;
  while (batch.headers.size() < kBatchPackets && batch.bytes.size() < kBatchBytes) {
    pcap_pkthdr* header;
    const u_char* data;
    int got = pcap_next_ex(handle_.get(), &header, &data);
    if (got == PCAP_ERROR_BREAK) break;
    if (got != 1) {
      at_damage_ = true;
      if (batch.headers.empty()) return damaged();
      break;
    }
    ++packets_read_;
    batch.headers.push_back(*header);
    starts.push_back(batch.bytes.size());
    batch.bytes.insert(batch.bytes.end(), data, data + header->caplen);
  }
  for (size_t i = 0; i < starts.size(); ++i)
    batch.packets.push_back({.data = batch.bytes.data() + starts[i],
                             .caplen = batch.headers[i].caplen,
                             .len = batch.headers[i].len});
  return ok();
}

double Capture::fraction() const {
  std::FILE* file = pcap_file(handle_.get());
  long at = file ? std::ftell(file) : -1;
  if (size_ == 0 || at < 0) return -1;
  return static_cast<double>(at) / static_cast<double>(size_);
}

Result<CaptureWriter> CaptureWriter::create(const std::string& path, const Capture& like) {
  pcap_dumper_t* dumper = pcap_dump_open(like.handle(), path.c_str());
  if (!dumper) return io_error(with_path(path, pcap_geterr(like.handle())));
  return CaptureWriter(path, dumper);
}

bool CaptureWriter::is_standard_output() const {
  return same_file(fileno(pcap_dump_file(dumper_.get())), STDOUT_FILENO);
}

void CaptureWriter::write(const pcap_pkthdr& header, const uint8_t* data) {
  pcap_dump(reinterpret_cast<u_char*>(dumper_.get()), &header, data);
}

Status CaptureWriter::finish() {
  // pcap_dump() reports nothing; a full disk shows at the flush or on the stream.
  if (pcap_dump_flush(dumper_.get()) != 0 || std::ferror(pcap_dump_file(dumper_.get())))
    return io_error(fmt::format("{} cannot be written: {}", path_, std::strerror(errno)));
  return ok();
}

}  // namespace ipjit::cli
