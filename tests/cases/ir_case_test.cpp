// SPDX-License-Identifier: BSD-2-Clause
// Every case in tests/cases/ir/ through every engine that runs IR: the interpreter, the interpreter
// on the optimised program, tier 1 on both for every target of this machine, verified first.
//
// Besides the packets of the case, every shorter one: there the engines need only agree.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <sstream>

#include "ir/optimize.h"
#include "ir/text.h"
#include "tests/cases/ir_case.h"
#include "tests/engines/tier2_compiler.h"
#include "tests/tier1/native.h"

namespace ipjit::cases {
namespace {

namespace fs = std::filesystem;
using tier1::GuardedBytes;
using tier1::Native;
using tier1::Outcome;

fs::path folder() { return fs::path(IPJIT_SOURCE_DIR) / "tests/cases/ir"; }

std::vector<std::string> case_names() {
  std::vector<std::string> names;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder()))
    if (entry.path().extension() == ".ir") names.push_back(entry.path().stem().string());
  std::sort(names.begin(), names.end());
  return names;
}

std::string read(const fs::path& path) {
  std::ostringstream out;
  out << std::ifstream(path).rdbuf();
  return out.str();
}

struct Engine {
  std::string name;
  std::function<Outcome(std::span<const uint8_t>, const ipjit_ctx&)> run;
};

/// All engines for one program; what they run is kept here.
class Engines {
 public:
  explicit Engines(const ir::Program& program) : plain_(program), optimised_(program) {
    ir::optimize(optimised_);
    add(plain_, "");
    add(optimised_, "optimised, ");
  }
  std::span<const Engine> all() const { return engines_; }

 private:
  void add(const ir::Program& program, const std::string& how) {
    engines_.push_back({how + "interp", [&program](auto data, const ipjit_ctx& ctx) {
                          return tier1::outcome_of_interpreter(program, data, ctx);
                        }});
    for (const arch::Target* target : tier1::runnable_targets()) {
      add(program, how + "tier1 ", *target, tier1::compiler_under_test());
      if (ir::Compiler* tier2 = engines::tier2_compiler())
        add(program, how + "tier2 ", *target, *tier2);
    }
  }

  void add(const ir::Program& program, const std::string& how, const arch::Target& target,
           ir::Compiler& compiler) {
    native_.push_back(std::make_unique<Native>(program, target, compiler));
    const Native* native = native_.back().get();
    if (!native->ok()) return;
    engines_.push_back(
        {how + std::string(target.name), [&program, native](auto data, const ipjit_ctx& ctx) {
           return tier1::outcome_of_native(*native, program, data, ctx);
         }});
  }

  ir::Program plain_, optimised_;
  std::vector<std::unique_ptr<Native>> native_;
  std::vector<Engine> engines_;
};

class IrCases : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    Result<IrCase> parsed = parse_ir_case(read(folder() / (GetParam() + ".ir")));
    ASSERT_TRUE(parsed) << to_string(parsed.error());
    case_ = std::move(*parsed);
  }

  std::span<const uint8_t> hold(const PacketCase& packet, size_t size, ipjit_ctx& ctx) {
    const std::span<const uint8_t> data = guarded_.hold(std::span(packet.data).first(size));
    const size_t th = std::min(packet.th_at, size);
    ctx = packet.ctx;
    ctx.th = data.data() + th;
    ctx.th_len = size - th;
    return data;
  }

  IrCase case_;
  GuardedBytes guarded_;
};

TEST_P(IrCases, EveryEngineGivesWhatTheCaseSays) {
  EXPECT_FALSE(case_.about.empty());
  EXPECT_FALSE(case_.packets.empty());
  const Engines engines(case_.program);
  for (const PacketCase& packet : case_.packets) {
    const Outcome expected{packet.result, packet.actions, packet.counters};
    ipjit_ctx ctx;
    const std::span<const uint8_t> data = hold(packet, packet.data.size(), ctx);
    for (const Engine& engine : engines.all())
      EXPECT_EQ(engine.run(data, ctx), expected) << engine.name << ", line " << packet.line << "\n"
                                                 << ir::print(case_.program);
  }
}

TEST_P(IrCases, EveryEngineAgreesOnEveryLength) {
  const Engines engines(case_.program);
  for (const PacketCase& packet : case_.packets) {
    for (size_t size = 0; size < packet.data.size(); ++size) {
      ipjit_ctx ctx;
      const std::span<const uint8_t> data = hold(packet, size, ctx);
      const Outcome expected = engines.all()[0].run(data, ctx);
      for (const Engine& engine : engines.all().subspan(1))
        ASSERT_EQ(engine.run(data, ctx), expected)
            << engine.name << ", line " << packet.line << ", " << size << " bytes\n"
            << ir::print(case_.program);
    }
  }
}

TEST_P(IrCases, EveryConstantEndIsReached) {
  // A case that leaves ends untried shows less than it seems to.
  std::vector<uint64_t> seen;
  for (const PacketCase& packet : case_.packets) seen.push_back(packet.result);
  for (const ir::Block& block : case_.program.blocks) {
    const ir::Term& term = block.term;
    if (term.a != ir::kNoValue) continue;
    uint64_t result = 0;
    if (term.kind == ir::TermKind::kRet || term.kind == ir::TermKind::kExit)
      result = ipjit_result(IPJIT_DONE, static_cast<uint32_t>(term.imm));
    else if (term.kind == ir::TermKind::kResume)
      result = ipjit_result(IPJIT_RESUME, static_cast<uint32_t>(term.imm));
    else if (term.kind == ir::TermKind::kPull)
      result = ipjit_result(IPJIT_NEED_BYTES, static_cast<uint32_t>(term.imm));
    else
      continue;
    EXPECT_NE(std::find(seen.begin(), seen.end(), result), seen.end())
        << "no packet ends in b" << &block - case_.program.blocks.data();
  }
}

INSTANTIATE_TEST_SUITE_P(Cases, IrCases, testing::ValuesIn(case_names()),
                         [](const auto& info) { return info.param; });

TEST(IrCaseFiles, AreManyEnough) { EXPECT_GE(case_names().size(), 12u); }

TEST(IrCaseFiles, SayWhatIsWrongWithThem) {
  const std::string program = "filter f\nb0: ret 1\n";
  for (const char* line :
       {"; packet 4 gives ret 1", "; packet 45 gives perhaps 1",
        "; packet 45 meta colour=3 gives ret 1", "; packet 45", "; packet 300.0.0.1 gives ret 1"}) {
    const Result<IrCase> parsed = parse_ir_case(program + line + "\n");
    ASSERT_FALSE(parsed) << line;
    EXPECT_EQ(parsed.error().code, Code::kSyntax);
    EXPECT_EQ(parsed.error().at, 3u);
  }
}

}  // namespace
}  // namespace ipjit::cases
