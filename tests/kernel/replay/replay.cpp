// SPDX-License-Identifier: BSD-2-Clause
// Replays captures over a pair of interfaces and writes down what each of many filters took.
//
//   replay [--expressions FILE] [--forms plain,short,vlan,split,jumbo] [--each N] [--ready COMMAND]
//          [--done COMMAND] [--out FILE] SEND RECEIVE CAPTURE...
//
// Opens a packet socket for each expression and for each hand-written program (taps.h), runs
// --ready's COMMAND once all are there (to wait until they run our code, say), then sends every
// frame of every Ethernet capture in every form (sender.h) on interface SEND, whose peer is
// RECEIVE.  For each frame that somebody took, one line goes to FILE:
//
//   plain 17 out 3:1514 9:60     tap 3 took 1,514 bytes of it on its way out, tap 9 took 60
//
// --done's COMMAND runs while the sockets are still open.
//
// Two runs with the same arguments write the same file, unless a filter decided otherwise.
#include <pcap/pcap.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "tests/kernel/replay/sender.h"
#include "tests/kernel/replay/taps.h"

namespace {

using namespace ipjit::replay;

struct Options {
  std::string expressions, forms = "plain,short,vlan,split,jumbo", ready, done, out;
  size_t each = SIZE_MAX;
  std::vector<std::string> words;
};

Options parse(int argc, char** argv) {
  Options options;
  std::map<std::string, std::string*> texts = {{"--expressions", &options.expressions},
                                               {"--forms", &options.forms},
                                               {"--ready", &options.ready},
                                               {"--done", &options.done},
                                               {"--out", &options.out}};
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (const auto text = texts.find(word); text != texts.end() && i + 1 < argc) {
      *text->second = argv[++i];
    } else if (word == "--each" && i + 1 < argc) {
      options.each = std::strtoull(argv[++i], nullptr, 10);
    } else {
      options.words.push_back(word);
    }
  }
  if (options.words.size() < 3) {
    std::fputs("usage: replay [options] SEND RECEIVE CAPTURE...\n", stderr);
    std::exit(2);
  }
  return options;
}

bool run(const std::string& command) {
  if (command.empty() || std::system(command.c_str()) == 0) return true;
  std::fprintf(stderr, "replay: '%s' failed\n", command.c_str());
  return false;
}

/// The first frames of an Ethernet capture; of any other, none.
void read_frames(const std::string& path, size_t most, std::vector<Frame>& frames) {
  char why[PCAP_ERRBUF_SIZE];
  pcap_t* const capture = pcap_open_offline(path.c_str(), why);
  if (!capture) return;
  pcap_pkthdr* header;
  const u_char* data;
  for (size_t read = 0; read < most && pcap_datalink(capture) == DLT_EN10MB &&
                        pcap_next_ex(capture, &header, &data) == 1;
       ++read) {
    frames.emplace_back(data, data + header->caplen);
  }
  pcap_close(capture);
}

void write_line(FILE* out, std::string_view form, size_t number, const std::vector<Taken>& taken) {
  for (const bool outgoing : {true, false}) {
    bool begun = false;
    for (const Taken& one : taken) {
      if (one.outgoing != outgoing) continue;
      if (!begun) {
        std::fprintf(out, "%.*s %zu %s", static_cast<int>(form.size()), form.data(), number,
                     outgoing ? "out" : "in");
      }
      begun = true;
      std::fprintf(out, " %zu:%u", one.tap, one.bytes);
    }
    if (begun) std::fputc('\n', out);
  }
}

struct Count {
  size_t sent = 0, refused = 0, lost = 0, taken = 0;
};

Count replay(Sender& sender, Taps& taps, Form form, const std::vector<Frame>& frames, FILE* out) {
  Count count;
  std::vector<Taken> taken;
  for (size_t i = 0; i < frames.size(); ++i) {
    if (!sender.send(form, frames[i], i)) {
      ++count.refused;
      continue;
    }
    ++count.sent;
    if (!taps.take(taken)) {  // the stack throws some malformed frames away before the taps
      ++count.lost;
      std::fprintf(out, "%s %zu lost\n", std::string(name_of(form)).c_str(), i);
    }
    count.taken += taken.size();
    write_line(out, name_of(form), i, taken);
  }
  return count;
}

}  // namespace

int main(int argc, char** argv) {
  const Options options = parse(argc, argv);
  std::vector<Frame> frames;
  for (size_t i = 2; i < options.words.size(); ++i) {
    read_frames(options.words[i], options.each, frames);
  }
  std::vector<Program> programs = handwritten();
  if (!options.expressions.empty()) {
    for (Program& program : compiled(options.expressions, options.words[1])) {
      programs.push_back(std::move(program));
    }
  }
  Taps taps(programs);
  Sender sender(options.words[0]);
  if (!run(options.ready)) return 1;
  FILE* const out = options.out.empty() ? stdout : std::fopen(options.out.c_str(), "w");
  if (!out) die(options.out);
  size_t sent = 0, lost = 0;
  for (const Form form : kForms) {
    if (options.forms.find(name_of(form)) == std::string::npos) continue;
    const Count count = replay(sender, taps, form, frames, out);
    sent += count.sent;
    lost += count.lost;
    std::fprintf(stderr, "%s: %zu frames, %zu filters, %zu not sendable, %zu lost, %zu taken\n",
                 std::string(name_of(form)).c_str(), count.sent, taps.size(), count.refused,
                 count.lost, count.taken);
  }
  if (out != stdout) std::fclose(out);
  if (!run(options.done)) return 1;
  return lost * 100 > sent || !sent ? 1 : 0;
}
