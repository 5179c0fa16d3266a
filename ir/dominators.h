// SPDX-License-Identifier: BSD-2-Clause
// Which code is on every way to other code, found in one forward walk.
//
// A node is a segment: a block is cut behind each `need`, because what stands after it is not on
// the way to its else block.  Block order is topological, so all ways into a node are known before
// it is added, and its parent is the nearest common ancestor of where they come from.  Each node
// keeps one jump over a power-of-two-like number of ancestors (Myers, "An applicative random-access
// stack", 1983), so that a common ancestor costs O(log depth) and a `ret 0` with thousands of ways
// in does not make the walk quadratic.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace ipjit::ir {

class Dominators {
 public:
  static constexpr uint32_t kNone = 0xffffffff;

  void clear() { nodes_.clear(); }
  void reserve(size_t count) { nodes_.reserve(count); }
  uint32_t size() const { return static_cast<uint32_t>(nodes_.size()); }

  /// Adds a node below `parent`, or the root if there is no node yet.
  uint32_t add(uint32_t parent) {
    const uint32_t id = size();
    if (id == 0) {
      nodes_.push_back({0, 0, 0});
      return id;
    }
    const Node& p = nodes_[parent];
    const Node& j = nodes_[p.jump];
    const bool far = p.depth - j.depth == j.depth - nodes_[j.jump].depth;
    nodes_.push_back({parent, far ? j.jump : parent, p.depth + 1});
    return id;
  }

  uint32_t parent(uint32_t node) const { return nodes_[node].parent; }
  uint32_t depth(uint32_t node) const { return nodes_[node].depth; }

  /// The nearest node that is on every way to both; kNone is neutral.
  uint32_t common(uint32_t a, uint32_t b) const {
    if (a == kNone) return b;
    if (b == kNone) return a;
    if (nodes_[a].depth < nodes_[b].depth) std::swap(a, b);
    a = lift(a, nodes_[b].depth);
    while (a != b) {
      const bool far = nodes_[a].jump != nodes_[b].jump;
      a = far ? nodes_[a].jump : nodes_[a].parent;
      b = far ? nodes_[b].jump : nodes_[b].parent;
    }
    return a;
  }

  /// Whether `a` is on every way to `b`, or is `b`.
  bool dominates(uint32_t a, uint32_t b) const {
    return nodes_[a].depth <= nodes_[b].depth && lift(b, nodes_[a].depth) == a;
  }

 private:
  struct Node {
    uint32_t parent;
    uint32_t jump;
    uint32_t depth;
  };

  uint32_t lift(uint32_t node, uint32_t depth) const {
    while (nodes_[node].depth > depth) {
      const Node& n = nodes_[node];
      node = nodes_[n.jump].depth >= depth ? n.jump : n.parent;
    }
    return node;
  }

  std::vector<Node> nodes_;
};

}  // namespace ipjit::ir
