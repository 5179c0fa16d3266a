// SPDX-License-Identifier: BSD-2-Clause
// What asmjit reports becomes a refusal.
#include "tier1-asmjit/asmjit_error.h"

#include <gtest/gtest.h>

namespace ipjit::tier1 {
namespace {

TEST(FirstError, NothingReportedIsSuccess) { EXPECT_TRUE(FirstError().status()); }

TEST(FirstError, TheFirstIsKept) {
  FirstError error;
  error.handleError(asmjit::kErrorInvalidDisplacement, "", nullptr);
  error.handleError(asmjit::kErrorOutOfMemory, "", nullptr);
  const Status status = error.status();
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().stage, Stage::kTier1);
  EXPECT_EQ(status.error().code, Code::kInternal);
  EXPECT_EQ(status.error().why, "asmjit says InvalidDisplacement");
  error.reset();
  EXPECT_TRUE(error.status());
}

TEST(FirstError, MemoryIsNotOurFault) {
  FirstError error;
  error.handleError(asmjit::kErrorOutOfMemory, "", nullptr);
  EXPECT_EQ(error.status().error().code, Code::kNoMemory);
}

}  // namespace
}  // namespace ipjit::tier1
