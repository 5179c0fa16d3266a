// SPDX-License-Identifier: BSD-2-Clause
// A refusal is a value: which stage refused, why, and where in the reader's own coordinates.
//
//   Result<ir::Program> program = bpf::translate(insns, dialect);
//   if (!program) return program.error();
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>
#include <variant>

namespace ipjit {

enum class Stage : uint8_t {
#define IPJIT_STAGE(name, text) name,
#define IPJIT_CODE(name)
#include "ipjit/errors.def"
#undef IPJIT_STAGE
#undef IPJIT_CODE
};

enum class Code : uint8_t {
#define IPJIT_STAGE(name, text)
#define IPJIT_CODE(name) name,
#include "ipjit/errors.def"
#undef IPJIT_STAGE
#undef IPJIT_CODE
};

/// The stage's word in messages and JSON: "frontend".
inline const char* name_of(Stage stage) {
  switch (stage) {
#define IPJIT_STAGE(name, text) \
  case Stage::name:             \
    return text;
#define IPJIT_CODE(name)
#include "ipjit/errors.def"
#undef IPJIT_STAGE
#undef IPJIT_CODE
  }
  return "?";
}

/// The code's word in messages and JSON: "kBadOpcode".
inline const char* name_of(Code code) {
  switch (code) {
#define IPJIT_STAGE(name, text)
#define IPJIT_CODE(name) \
  case Code::name:       \
    return #name;
#include "ipjit/errors.def"
#undef IPJIT_STAGE
#undef IPJIT_CODE
  }
  return "?";
}

struct Error {
  Stage stage = Stage::kRuntime;
  Code code = Code::kInternal;
  uint64_t at = 0;  ///< source index in a frontend, line in a parser, byte offset in the verifier
  std::string why;  ///< one lower-case sentence with the offending value

  bool operator==(const Error&) const = default;
};

/// "frontend: 3: kBadOpcode: opcode 0x00ff is unknown"
inline std::string to_string(const Error& error) {
  return std::string(name_of(error.stage)) + ": " + std::to_string(error.at) + ": " +
         name_of(error.code) + ": " + error.why;
}

/// A value or the reason why there is none.
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  explicit operator bool() const { return state_.index() == 0; }
  T& operator*() & { return *std::get_if<0>(&state_); }
  const T& operator*() const& { return *std::get_if<0>(&state_); }
  T&& operator*() && { return std::move(*std::get_if<0>(&state_)); }
  T* operator->() { return std::get_if<0>(&state_); }
  const T* operator->() const { return std::get_if<0>(&state_); }
  const Error& error() const { return *std::get_if<1>(&state_); }

 private:
  std::variant<T, Error> state_;
};

struct Nothing {
  bool operator==(const Nothing&) const = default;
};

/// Success, or the reason why not: `return ok();`.
using Status = Result<Nothing>;
inline Status ok() { return Nothing{}; }

}  // namespace ipjit

/// A broken promise of our own stops at once; always on while compiling, never in generated code.
#define IPJIT_CHECK(condition)                                                                   \
  ((condition) ? void()                                                                          \
               : (std::fprintf(stderr, "ipjit: %s:%d: broken promise: %s\n", __FILE__, __LINE__, \
                               #condition),                                                      \
                  std::abort()))
