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
  endif()
elseif(IPJIT_SANITIZE STREQUAL "thread")
  add_compile_options(-fsanitize=thread)
  add_link_options(-fsanitize=thread)
elseif(IPJIT_SANITIZE)
  message(FATAL_ERROR "IPJIT_SANITIZE is '${IPJIT_SANITIZE}': say address or thread")
endif()
if(IPJIT_FUZZ)
  # function: asks for a type in the bytes before a function that is called by pointer; ours has none.
  add_compile_options(-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize=function
    -fno-sanitize-recover=all)
  add_link_options(-fsanitize=address,undefined)
endif()

# A stage: every source in this folder (not below) makes the static library ipjit_NAME.
function(ipjit_floor name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK" ${ARGN})
  add_library(ipjit_${name} STATIC ${ARG_SOURCES})
  target_include_directories(ipjit_${name} PUBLIC ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/include)
  target_link_libraries(ipjit_${name} PUBLIC ${ARG_LINK})
endfunction()

# tests/FOLDER/*_test.cpp make one GoogleTest program FOLDER_test, run as one ctest case.
function(ipjit_test name)
  cmake_parse_arguments(ARG "" "TIMEOUT" "SOURCES;LINK" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 600)
  endif()
  add_executable(${name}_test ${ARG_SOURCES})
  # A test's own code is run once: optimising it further costs a fifth to a third of its compile time.
  target_compile_options(${name}_test PRIVATE $<$<NOT:$<CONFIG:Debug>>:-O1>)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")  # which that makes unreliable; the floors still ask
    target_compile_options(${name}_test PRIVATE -Wno-maybe-uninitialized)
  endif()
  target_link_libraries(${name}_test PRIVATE ${ARG_LINK} GTest::gmock GTest::gtest_main)
  target_compile_definitions(${name}_test PRIVATE IPJIT_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  add_test(NAME ${name} COMMAND ${name}_test)
  set_tests_properties(${name} PROPERTIES TIMEOUT ${ARG_TIMEOUT})
endfunction()
