// SPDX-License-Identifier: BSD-2-Clause
// What is known of one filter's traffic, and what could be made of it: the part of tiering that is
// the same for a filter of this process and for one of the kernel.
//
//   Study study(&general, facts);
//   study.watch(head, follows);                                 // each sample
//   study.take_profile(policy.max_drift);                       // once a period
//   study.judge(situation, policy);
//   study.seek(situation, search);
//   ir::decide(situation, policy)
//   study.adopt(*study.candidate)                               // it runs
//
// Who runs packets, who publishes and how a retreat comes about is not its business.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "ir/compiler.h"
#include "ir/profile.h"
#include "ir/program.h"
#include "ir/replay.h"
#include "ir/special/decide.h"
#include "ir/special/specialise.h"
#include "runtime/tier/evidence.h"
#include "runtime/tier/race.h"
#include "runtime/tier/sample_ring.h"

namespace ipjit::runtime {

/// One that makes native code of specialised programs.
struct Backend {
  std::string name;
  ir::Compiler* compiler = nullptr;  ///< outlives whoever uses it
  double share = 1;                  ///< expected cost of its code, in that of the first backend's
  double compile_ns = 0;             ///< expected: fixed part
  double compile_ns_per_insn = 0;    ///< and for each instruction of the specialised program

  double price_ns(const ir::Program& program) const {
    return compile_ns + compile_ns_per_insn * static_cast<double>(program.insns.size());
  }
};

/// How candidates are made, and who compiles them.
struct Search {
  using Specialise = std::function<ir::Specialised(const ir::Program& general, const ir::Profile&,
                                                   const ir::Facts&, const ir::Choices&)>;

  const ir::Policy& policy;
  const ir::Choices& choices;
  const Specialise& specialise;
  const Backend* quickest = nullptr;  ///< compiler; null: there is none
};

struct Study {
  static constexpr size_t kRecent = 768;  ///< heads kept for the replay check
  static constexpr size_t kEvents = 4;
  static constexpr uint64_t kProfilePackets = 6'000;  ///< then what is old weighs half

  /// Takes: a program whose sites are numbered (ir::number_sources()), which outlives this; null:
  ///        nothing is watched.
  Study(const ir::Program* general, const ir::Facts& facts);

  /// Remembers what happened; the same twice in a row once.
  void note(std::string event);

  /// Replays a head into the profile.
  /// Gives: what the general program gives for it, as Replayer::packet(); nothing where it breaks a
  ///        fact, and then it is not kept.
  std::optional<uint64_t> watch(const Head& head, bool follows);

  /// The last seconds' profile.  Traffic that is quite another at once is not averaged with the
  /// old.
  void take_profile(double max_drift);

  /// How the specialised code did against the general code on the samples of late.
  void raced(const Race& result);

  /// A build was refused, or the code was given up.
  void failed(uint64_t now_ns);
  /// It was given up because the traffic has changed.
  void forget();

  /// Fills in what the code that runs is expected to cost, and what is known against it.
  /// Takes: `now` with now_ns and tier.
  void judge(ir::Situation& now);

  /// Makes a candidate where the traffic is not the last one's, and says what it would cost.
  void seek(ir::Situation& now, const Search& search);

  /// The program runs that was specialised for the profile of now.
  void adopt(ir::Specialised made);

  /// Whether a better compiler's code of what runs would save its price; if not, that is noted.
  bool pays(const Backend& better, const Backend& runs, double packets_per_second,
            const ir::Policy& policy);

  /// The candidate's log, events and the decision's reasons: for `--why`.
  std::vector<std::string> why(const ir::Decision& decision) const;

  const ir::Program* general;
  ir::Facts facts;
  std::optional<ir::Replayer> replayer;
  ir::Profile fresh;      ///< the last seconds'
  ir::Profile built_for;  ///< the profile when `special` was made
  std::vector<Head> recent;
  std::optional<ir::Specialised> special;    ///< what runs, or is kept
  std::optional<ir::Specialised> candidate;  ///< the last one
  ir::Profile tried_with;                    ///< that it was made for
  Race race;                                 ///< general and special, of late
  Standing standing;      ///< cost of `special` in that of the general code, of late
  uint32_t failures = 0;  ///< in a row
  uint64_t last_failure_ns = 0;
  uint64_t heads = 0, heads_short = 0;  ///< since somebody took them
  std::vector<std::string> events;      ///< the last ones, a sentence each
};

/// A copy with a source for each site that a profile knows.
ir::Program numbered(const ir::Program& program);

/// Parts in a million of the values seen that the profile forgot.
uint64_t imprecision_ppm(const ir::Profile& profile);

}  // namespace ipjit::runtime
