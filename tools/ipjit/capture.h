// SPDX-License-Identifier: BSD-2-Clause
// Capture files, read in batches, so that a filter can be timed apart from the reading.
#pragma once

#include <pcap/pcap.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "bpf-frontend/expression.h"
#include "ipjit/error.h"
#include "ipjit/ipjit.h"

namespace ipjit::cli {

/// Packets that were read together; `packets[i]` points into memory of the batch.
struct PacketBatch {
  std::vector<pcap_pkthdr> headers;
  std::vector<ipjit_packet> packets;
  std::vector<uint8_t> bytes;
};

class Capture {
 public:
  /// Opens a pcap or pcapng file; "-" is standard input.
  /// Fails: Stage::kCapture, kIo, with libpcap's message.
  static Result<Capture> open(const std::string& path);

  /// For expressions as `tcpdump -r` compiles them.  Not to be used once this is gone.
  bpf::Link link() const;
  pcap_t* handle() const { return handle_.get(); }

  /// Fills the batch with the next packets, some hundreds of kilobytes at most; empty at the end.
  /// Fails: Stage::kCapture, kBadInput for a damaged file; the packets before the damage have been
  ///        given by then.
  Status read(PacketBatch& batch);

  /// How much of the file was read, 0 to 1; negative where its size is unknown.
  double fraction() const;

 private:
  struct Close {
    void operator()(pcap_t* handle) const { pcap_close(handle); }
  };
  Capture(std::string path, pcap_t* handle) : path_(std::move(path)), handle_(handle) {}
  Error damaged() const;

  std::string path_;
  std::unique_ptr<pcap_t, Close> handle_;
  uint64_t size_ = 0;
  uint64_t packets_read_ = 0;
  bool at_damage_ = false;
};

/// A pcap file being written.
class CaptureWriter {
 public:
  /// Takes: the capture whose link type and snapshot length the file gets; "-" is standard output.
  /// Fails: Stage::kCapture, kIo.
  static Result<CaptureWriter> create(const std::string& path, const Capture& like);

  /// Whether standard output is the same file, by whatever name.
  bool is_standard_output() const;

  void write(const pcap_pkthdr& header, const uint8_t* data);

  /// Fails: Stage::kCapture, kIo, where some byte did not reach the file.
  Status finish();

 private:
  struct Close {
    void operator()(pcap_dumper_t* dumper) const { pcap_dump_close(dumper); }
  };
  CaptureWriter(std::string path, pcap_dumper_t* dumper)
      : path_(std::move(path)), dumper_(dumper) {}

  std::string path_;
  std::unique_ptr<pcap_dumper_t, Close> dumper_;
};

}  // namespace ipjit::cli
