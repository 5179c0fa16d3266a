// SPDX-License-Identifier: BSD-2-Clause
// In which mode the module starts, and what is kept on disk for it.
#include "tools/ipjit/kernel/boot.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "runtime/kernel/device.h"

namespace ipjit::cli {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

/// A root of its own, with the kernel's files that matter.
class Root : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = fs::temp_directory_path() / "ipjit_boot.XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    places_.root = name;
    for (const char* folder : {"/etc", "/var/lib", "/proc/sys/kernel/random"})
      fs::create_directories(name + folder);
    boot("first", "");
  }
  void TearDown() override { fs::remove_all(places_.root); }

  void boot(const std::string& id, const std::string& command_line) {
    std::ofstream(places_.root + "/proc/sys/kernel/random/boot_id") << id << "\n";
    std::ofstream(places_.root + "/proc/cmdline") << command_line << "\n";
  }

  /// What loading does around modprobe.
  Start load() {
    Result<BootFacts> facts = read_boot_facts(places_);
    EXPECT_TRUE(facts) << facts.error().why;
    const Start start = decide_start(*facts);
    EXPECT_TRUE(note_start(places_, *facts, start));
    return start;
  }

  void say(const char* word) {
    ASSERT_TRUE(keep_setting(places_, "mode", word));
    ASSERT_TRUE(note_mode(places_, *kernel::mode_named(word)));
  }

  KernelPlaces places_;
};

TEST_F(Root, TheFirstStartObserves) {
  EXPECT_EQ(load().mode, IPJIT_DEV_OBSERVE);
  EXPECT_TRUE(fs::exists(places_.state() + "/loaded"));
}

TEST_F(Root, ACleanShutdownKeepsTheMode) {
  say("on");
  EXPECT_EQ(load().mode, IPJIT_DEV_ON);
  ASSERT_TRUE(note_end(places_));
  boot("second", "");
  EXPECT_EQ(load().mode, IPJIT_DEV_ON);
}

TEST_F(Root, AnUncleanBootStartsInOffUntilAModeIsSaid) {
  say("on");
  load();
  boot("second", "");  // nobody has unloaded
  Start start = load();
  EXPECT_EQ(start.mode, IPJIT_DEV_OFF);
  EXPECT_THAT(start.why, HasSubstr("stopped without a shutdown while ipjit was loaded (mode on)"));
  ASSERT_TRUE(note_end(places_));  // this time it is shut down
  boot("third", "");
  start = load();
  EXPECT_EQ(start.mode, IPJIT_DEV_OFF);
  EXPECT_THAT(start.why, HasSubstr("(mode on)"));
  say("on");
  ASSERT_TRUE(note_end(places_));
  boot("fourth", "");
  EXPECT_EQ(load().mode, IPJIT_DEV_ON);
}

TEST_F(Root, ACrashInOffBlamesNobody) {
  say("off");
  load();
  say("off");
  boot("second", "");
  const Start start = load();
  EXPECT_EQ(start.mode, IPJIT_DEV_OFF);
  EXPECT_FALSE(start.held);
}

TEST_F(Root, AModeSaidLaterIsTheOneThatIsBlamed) {
  say("off");
  load();
  say("on");
  boot("second", "");
  EXPECT_THAT(load().why, HasSubstr("(mode on)"));
}

TEST_F(Root, LoadingTwiceInOneBootIsNoUncleanBoot) {
  load();
  EXPECT_EQ(load().mode, IPJIT_DEV_OBSERVE);
}

TEST_F(Root, TheCommandLineDecidesForOneBoot) {
  say("on");
  load();
  boot("second", "quiet ipjit.enabled=0");  // the machine had crashed, and somebody is careful
  EXPECT_EQ(load().mode, IPJIT_DEV_OFF);
  boot("third", "");
  EXPECT_TRUE(load().held) << "the crash before is not forgotten";
  boot("fourth", "ipjit.mode=off ipjit.mode=on");
  EXPECT_EQ(load().mode, IPJIT_DEV_ON);
}

TEST_F(Root, ABrokenMarkerCountsAsAnUncleanBoot) {
  fs::create_directories(places_.state());
  std::ofstream(places_.state() + "/loaded") << "";
  EXPECT_TRUE(load().held);
  EXPECT_EQ(parse_marker("boot_id=x\nmode=observe\n"), (Marker{"x", IPJIT_DEV_OBSERVE}));
}

TEST_F(Root, SettingsThatAreNotUnderstoodStopTheLoad) {
  fs::create_directories(places_.root + "/etc/ipjit");
  std::ofstream(places_.settings()) << "mode = fast\n";
  Result<BootFacts> facts = read_boot_facts(places_);
  ASSERT_FALSE(facts);
  EXPECT_THAT(facts.error().why, HasSubstr("kernel.conf: mode 'fast' is not off, observe or on"));
  EXPECT_EQ(facts.error().at, 1u);
  EXPECT_FALSE(keep_setting(places_, "code-all", "1"));
}

TEST(KernelSettings, Parse) {
  Result<KernelSettings> settings =
      parse_settings("# a comment\n\nmode = on  # fast\ncode-all=1048576\n");
  ASSERT_TRUE(settings) << settings.error().why;
  EXPECT_EQ(settings->mode, IPJIT_DEV_ON);
  EXPECT_EQ(settings->budget.code_all, 1048576u);
  EXPECT_EQ(parse_settings("")->mode_or_first(), IPJIT_DEV_OBSERVE);
  for (const char* bad : {"mode", "mode = ", "speed = 9", "code-all = many", "code-all = -1",
                          "code-all = 99999999999999999999"})
    EXPECT_FALSE(parse_settings(bad)) << bad;
}

TEST(KernelSettings, ChangeKeepsTheRest) {
  EXPECT_EQ(with_setting("# mine\nmode = on # why\ncode-all = 5\n", "mode", "off"),
            "# mine\nmode = off\ncode-all = 5\n");
  EXPECT_EQ(with_setting("mode = on\n", "code-all", "7"), "mode = on\ncode-all = 7\n");
  EXPECT_EQ(with_setting("mode = on\nmode = off\n", "mode", "observe"), "mode = observe\n");
  EXPECT_THAT(with_setting("", "mode", "on"), testing::EndsWith("\nmode = on\n"));
}

}  // namespace
}  // namespace ipjit::cli
