// SPDX-License-Identifier: BSD-2-Clause
#include "ir/special/predicate.h"

#include <gtest/gtest.h>

namespace ipjit::ir {
namespace {

class PredicatesTest : public ::testing::Test {
 protected:
  PredId equal(uint32_t value, uint64_t imm) {
    return preds_.test({Rel::kEq, false, ValueId{value}, kNoValue, imm, 0, kNoSource});
  }
  Predicates preds_;
  const PredId a_ = equal(0, 1);
  const PredId b_ = equal(1, 2);
  const PredId c_ = equal(2, 3);
};

TEST_F(PredicatesTest, OneNodeForEachExpression) {
  EXPECT_EQ(equal(0, 1), a_);
  EXPECT_EQ(preds_.both(a_, b_), preds_.both(b_, a_));
  EXPECT_EQ(preds_.negation(preds_.negation(preds_.both(a_, b_))), preds_.both(a_, b_));
}

TEST_F(PredicatesTest, EndsMakeChoicesSmall) {
  EXPECT_EQ(preds_.choice(a_, b_, Predicates::kNever), preds_.both(a_, b_));
  EXPECT_EQ(preds_.choice(a_, Predicates::kAlways, b_), preds_.either(a_, b_));
  EXPECT_EQ(preds_.choice(a_, b_, b_), b_);
  EXPECT_EQ(preds_.choice(Predicates::kNever, a_, b_), b_);
}

TEST_F(PredicatesTest, WhatBothWaysAskIsAskedOnce) {
  const PredId made = preds_.choice(a_, c_, preds_.both(b_, c_));
  EXPECT_EQ(made, preds_.both(c_, preds_.either(a_, b_)));
}

TEST_F(PredicatesTest, AnEarlierTestOfTheSameValueIsImplied) {
  const PredId not_one = preds_.negation(a_);
  const PredId two = equal(0, 2);
  EXPECT_EQ(preds_.both(not_one, two), two);
  EXPECT_EQ(preds_.both(not_one, preds_.both(two, b_)), preds_.both(two, b_));
  EXPECT_NE(preds_.both(not_one, b_), b_);
  EXPECT_NE(preds_.both(not_one, preds_.either(two, b_)), preds_.either(two, b_));
}

}  // namespace
}  // namespace ipjit::ir
