// SPDX-License-Identifier: BSD-2-Clause
#include "bench/filters.h"

#include "bench/traffic/traffic.h"
#include "ipjit/error.h"

namespace ipjit::bench {
namespace {

std::string dotted(uint32_t host) {
  return std::to_string(host >> 24) + "." + std::to_string(host >> 16 & 255) + "." +
         std::to_string(host >> 8 & 255) + "." + std::to_string(host & 255);
}

}  // namespace

std::string host_list(size_t count) {
  std::string expression;
  for (uint32_t host : listed_hosts(count))
    expression += (expression.empty() ? "host " : " or host ") + dotted(host);
  return expression;
}

std::vector<Filter> filters() {
  return {
      {'a', ""},
      {'b', "ip"},
      {'c', "tcp port 80"},
      {'d', "tcp[tcpflags] & (tcp-syn|tcp-fin) != 0 and not src and dst net 10.0.0.0/8"},
      {'e', "host 192.168.1.1 and (port 80 or port 443 or port 8080)"},
      {'f', "portrange 0-6000"},
      {'g', host_list(100)},
      {'h', host_list(1000)},
      {'i', "ip6 and tcp dst port 443"},
      {'j', "tcp port 80 and (((ip[2:2] - ((ip[0]&0xf)<<2)) - ((tcp[12]&0xf0)>>2)) != 0)"},
  };
}

Filter filter(char id) {
  for (const Filter& filter : filters())
    if (filter.id == id) return filter;
  IPJIT_CHECK(false && "filters are a to j");
  return {};
}

Filter one_of_many(size_t i) {
  const std::string port = std::to_string(80 + 7 * i);
  if (i % 3 == 0) return {'c', "tcp port " + port};
  if (i % 3 == 1) return {'f', "portrange " + port + "-6000"};
  return {'j',
          "tcp port " + port + " and (((ip[2:2] - ((ip[0]&0xf)<<2)) - ((tcp[12]&0xf0)>>2)) != 0)"};
}

}  // namespace ipjit::bench
