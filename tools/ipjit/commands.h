// SPDX-License-Identifier: BSD-2-Clause
// The subcommands; each is a file cmd_NAME.cpp.
#pragma once

#include <CLI/CLI.hpp>

namespace ipjit::cli {

// Each adds its subcommand to `app`; when the user calls it, the process's exit status lands in
// `status`, which must outlive the parse.  Main calls them in the order of `ipjit --help`.
void add_filter(CLI::App& app, int& status);
void add_exec(CLI::App& app, int& status);
void add_stats(CLI::App& app, int& status);
void add_top(CLI::App& app, int& status);
void add_switch(CLI::App& app, int& status);  // enable, disable, status
void add_kernel(CLI::App& app, int& status);
void add_budget(CLI::App& app, int& status);
void add_doctor(CLI::App& app, int& status);
void add_compile(CLI::App& app, int& status);
void add_profile(CLI::App& app, int& status);
void add_graph(CLI::App& app, int& status);
void add_verify(CLI::App& app, int& status);
void add_eval(CLI::App& app, int& status);

}  // namespace ipjit::cli
