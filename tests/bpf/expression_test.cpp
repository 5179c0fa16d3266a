// SPDX-License-Identifier: BSD-2-Clause
#include "bpf-frontend/expression.h"

#include <gtest/gtest.h>
#include <pcap/pcap.h>

#include "bpf-frontend/text.h"

namespace ipjit::bpf {
namespace {

TEST(Expression, IsWhatLibpcapCompiles) {
  Result<InsnList> program = compile_expression("ip", Link{.snaplen = 96});
  ASSERT_TRUE(program) << to_string(program.error());
  EXPECT_EQ(print_ddd(*program), "4\n40 0 0 12\n21 0 1 2048\n6 0 0 96\n6 0 0 0\n");
  Result<InsnList> unoptimized = compile_expression("ip or ip", Link{.optimize = false});
  ASSERT_TRUE(unoptimized);
  EXPECT_GT(unoptimized->size(), 4u);
  Result<InsnList> raw = compile_expression("ip", Link{.dlt = DLT_RAW});
  ASSERT_TRUE(raw);
  EXPECT_NE(print_ddd(*raw), print_ddd(*program));
}

TEST(Expression, TheEmptyOneAcceptsAll) {
  Result<InsnList> program = compile_expression("", Link{});
  ASSERT_TRUE(program);
  EXPECT_EQ(print_ddd(*program), "1\n6 0 0 262144\n");
}

TEST(Expression, ErrorsAreLibpcaps) {
  Result<InsnList> program = compile_expression("tcp prot 80", Link{});
  ASSERT_FALSE(program);
  EXPECT_EQ(to_string(program.error()),
            "expression: 0: kSyntax: can't parse filter expression: syntax error");
  program = compile_expression("host 1.2.3.4", Link{.dlt = 9999});
  ASSERT_FALSE(program);
  EXPECT_EQ(program.error().code, Code::kBadOption) << program.error().why;
}

// DLT_NULL with the other byte order: AF_INET is swapped only where libpcap sees the file's header.
TEST(Expression, SavefilesAreCompiledForAsTheyAre) {
  char header[] = "\xa1\xb2\xc3\xd4\0\2\0\4\0\0\0\0\0\0\0\0\0\0\xff\xff\0\0\0";
  char why[PCAP_ERRBUF_SIZE];
  pcap* savefile = pcap_fopen_offline(fmemopen(header, sizeof header, "rb"), why);
  ASSERT_TRUE(savefile) << why;
  Result<InsnList> program = compile_expression("ip", Link{.snaplen = 96, .savefile = savefile});
  ASSERT_TRUE(program);
  EXPECT_EQ(print_ddd(*program), "4\n32 0 0 0\n21 0 1 2\n6 0 0 96\n6 0 0 0\n");
  EXPECT_FALSE(compile_expression("inbound", Link{.savefile = savefile}));
  pcap_close(savefile);
  EXPECT_EQ(print_ddd(*compile_expression("ip", Link{.dlt = DLT_NULL, .snaplen = 96})),
            "4\n32 0 0 0\n21 0 1 33554432\n6 0 0 96\n6 0 0 0\n");
}

int compiles = 0;

// A library that stands in for libpcap passes the functions behind its own.
TEST(Expression, CallsOnlyTheGivenLibpcap) {
  PcapApi api = PcapApi::linked();
  api.compile = [](pcap* handle, bpf_program* program, const char* text, int optimize,
                   unsigned mask) {
    ++compiles;
    return pcap_compile(handle, program, text, optimize, mask);
  };
  ASSERT_TRUE(compile_expression("ip", Link{}, api));
  EXPECT_EQ(compiles, 1);
  std::string list = "host 192.0.2.0";
  for (int i = 1; i < 20; ++i) list += " or host 192.0.2." + std::to_string(i);
  ASSERT_TRUE(compile_host_list(list, Link{}, api));
  EXPECT_EQ(compiles, 4);
}

}  // namespace
}  // namespace ipjit::bpf
