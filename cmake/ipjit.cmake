# SPDX-License-Identifier: BSD-2-Clause
# What every folder's CMakeLists.txt says in one line: ipjit_floor(), ipjit_test().

find_program(IPJIT_CCACHE ccache)
if(IPJIT_CCACHE AND NOT DEFINED CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_C_COMPILER_LAUNCHER ${IPJIT_CCACHE})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${IPJIT_CCACHE})
endif()

add_compile_options(-Wall -Wextra -Werror -Wswitch-enum)
# -Wswitch-enum: a switch over an op has no default, and fails to build where a new op must visit.
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # At -O3, g++ 12 takes "text" + std::to_string(n) for an overlapping copy (its bug 105651).
  add_compile_options($<$<COMPILE_LANGUAGE:CXX>:-Wno-restrict>)
elseif(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  # std::stable_sort of libstdc++ 12 uses what C++17 deprecates, and clang takes it for ours.
  add_compile_options($<$<COMPILE_LANGUAGE:CXX>:-Wno-deprecated-declarations>)
endif()

if(IPJIT_SANITIZE STREQUAL "address")
  add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=address,undefined)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # g++ loses track of what is initialised among the sanitizer's own code; plain builds still ask.
    add_compile_options($<$<COMPILE_LANGUAGE:CXX>:-Wno-maybe-uninitialized>)
  else()
    # function: asks for a type in the bytes before a function that is called by pointer; ours has none.
    add_compile_options(-fno-sanitize=function)
    add_compile_definitions(__SANITIZE_ADDRESS__=1)  # g++ defines it by itself
    # One runtime for the process, as g++ has it: a library of ours may come before any program.
    execute_process(COMMAND ${CMAKE_CXX_COMPILER} -print-file-name=libclang_rt.asan-${CMAKE_SYSTEM_PROCESSOR}.so
      OUTPUT_VARIABLE IPJIT_ASAN_RUNTIME OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
    get_filename_component(directory ${IPJIT_ASAN_RUNTIME} DIRECTORY)
    add_link_options(-shared-libsan -Wl,-rpath,${directory})
  endif()
elseif(IPJIT_SANITIZE STREQUAL "thread")
  add_compile_options(-fsanitize=thread)
  add_link_options(-fsanitize=thread)
elseif(IPJIT_SANITIZE)
  message(FATAL_ERROR "IPJIT_SANITIZE is '${IPJIT_SANITIZE}': say address or thread")
endif()
if(IPJIT_FUZZ AND NOT (CMAKE_CXX_COMPILER_ID STREQUAL "Clang" AND IPJIT_SANITIZE STREQUAL "address"))
  message(FATAL_ERROR "IPJIT_FUZZ needs clang and IPJIT_SANITIZE=address")
endif()

# Precompiled headers (IPJIT_PCH): a floor or a test parses no standard header and no GoogleTest.
# Only a build that nobody installs has them, because they hide a missing #include from it.
if(IPJIT_PCH)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")  # without times in it, ccache knows it again
    add_compile_options("SHELL:-Xclang -fno-pch-timestamp")
  endif()
  add_subdirectory(${PROJECT_SOURCE_DIR}/cmake/pch ${PROJECT_BINARY_DIR}/pch)
endif()

# With CMAKE_UNITY_BUILD, eight files of a target are compiled as one, which parses headers once.
# These are not: something of their own has a name that another file of the target has too.
function(ipjit_alone)
  set_source_files_properties(${ARGN} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
endfunction()

# A stage: every source in this folder (not below) makes the static library ipjit_NAME.
function(ipjit_floor name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK" ${ARGN})
  add_library(ipjit_${name} STATIC ${ARG_SOURCES})
  target_include_directories(ipjit_${name} PUBLIC ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/include)
  target_link_libraries(ipjit_${name} PUBLIC ${ARG_LINK})
  if(IPJIT_FUZZ)  # what a fuzzer sees of its input's way: ours, not the tests
    target_compile_options(ipjit_${name} PRIVATE -fsanitize=fuzzer-no-link)
  endif()
  if(IPJIT_PCH)
    target_precompile_headers(ipjit_${name} REUSE_FROM ipjit_pch_floor)
    set(c_sources ${ARG_SOURCES})
    list(FILTER c_sources INCLUDE REGEX "\\.c$")
    set_source_files_properties(${c_sources} PROPERTIES SKIP_PRECOMPILE_HEADERS ON)
  endif()
endfunction()

# tests/FOLDER/*_test.cpp make one GoogleTest program FOLDER_test, run as one ctest case.
function(ipjit_test name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK" ${ARGN})
  add_executable(${name}_test ${ARG_SOURCES})
  # A test's own code is run once: optimising it further costs a fifth to a third of its compile time.
  target_compile_options(${name}_test PRIVATE $<$<NOT:$<CONFIG:Debug>>:-O1>)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")  # which that makes unreliable; the floors still ask
    target_compile_options(${name}_test PRIVATE -Wno-maybe-uninitialized)
  endif()
  if(IPJIT_UNITY_TESTS)
    set_target_properties(${name}_test PROPERTIES UNITY_BUILD ON)
  endif()
  target_link_libraries(${name}_test PRIVATE ${ARG_LINK} GTest::gmock GTest::gtest_main)
  target_compile_definitions(${name}_test PRIVATE IPJIT_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  if(IPJIT_PCH)
    target_precompile_headers(${name}_test REUSE_FROM ipjit_pch_test)
  endif()
  add_test(NAME ${name} COMMAND ${name}_test)
  # Only what hangs is to meet it: on a slow machine, with AddressSanitizer and a neighbour, ten minutes of
  # work are no rarity; and one that hangs leaves the check time to end.
  set_tests_properties(${name} PROPERTIES TIMEOUT 1500)
endfunction()
