# What every target shares, and the three ways in which this project declares one.

find_package(Threads REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(Protobuf REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(YAMLCPP REQUIRED IMPORTED_TARGET yaml-cpp)
find_package(Boost 1.81 REQUIRED)
find_package(fmt REQUIRED)
find_library(LMDB_LIBRARY lmdb REQUIRED)
find_library(NATS_LIBRARY nats REQUIRED)

add_library(qleet_flags INTERFACE)
target_compile_options(qleet_flags INTERFACE -Wall -Wextra -Werror -Wno-missing-field-initializers)
# Holds the annotations of common/thread to what they say.
target_compile_options(qleet_flags INTERFACE $<$<AND:$<COMPILE_LANGUAGE:CXX>,$<CXX_COMPILER_ID:Clang>>:-Wthread-safety>)
target_include_directories(qleet_flags INTERFACE ${CMAKE_SOURCE_DIR})
target_compile_definitions(qleet_flags INTERFACE QLEET_VERSION="${PROJECT_VERSION}")
target_compile_options(qleet_flags INTERFACE -pthread)
target_link_libraries(qleet_flags INTERFACE Threads::Threads fmt::fmt)

set(QLEET_SANITIZE "" CACHE STRING "Sanitizers, e.g. address,undefined")
if(QLEET_SANITIZE)
  target_compile_options(qleet_flags INTERFACE -fsanitize=${QLEET_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(qleet_flags INTERFACE -fsanitize=${QLEET_SANITIZE})
  add_library(qleet_sanitizer_options OBJECT ${CMAKE_CURRENT_LIST_DIR}/sanitizer_options.c)
  target_link_libraries(qleet_flags INTERFACE $<TARGET_OBJECTS:qleet_sanitizer_options>)
endif()

# How many times longer than elsewhere things may take in this build: ctest's limits, and what tests wait for
# (tests/support/patience.h).
set(QLEET_PATIENCE 1)
if(QLEET_SANITIZE MATCHES "thread")
  set(QLEET_PATIENCE 8)
elseif(QLEET_SANITIZE)
  set(QLEET_PATIENCE 4)
endif()

add_link_options(-fuse-ld=lld-19 -Wl,--as-needed)
add_link_options($<$<CONFIG:Release>:-Wl,--gc-sections,--icf=safe>)

# One precompiled header for every C++ target: what nearly all of them parse. It halves the time of a cold build.
# Only headers that hardly ever change belong here: each change of one rebuilds everything.
option(QLEET_PCH "Use the precompiled header" ON)
if(QLEET_PCH)
  set(headers
    <algorithm> <chrono> <cstdint> <expected> <filesystem> <functional> <map> <memory> <mutex> <optional>
    <set> <span> <string> <string_view> <thread> <unordered_map> <utility> <variant> <vector>
    <fmt/format.h> <google/protobuf/message.h>)
  set(source ${CMAKE_BINARY_DIR}/pch/pch.cc)
  file(WRITE ${source} "")
  add_library(qleet_pch OBJECT ${source})
  target_link_libraries(qleet_pch PRIVATE qleet_flags protobuf::libprotobuf)
  target_precompile_headers(qleet_pch PRIVATE ${headers})
  # The header itself is not cached, for it holds absolute paths. ccache takes it for what its text hashes to
  # (CCACHE_PCH_EXTSUM), so that other clones find what was built with it.
  target_compile_options(qleet_pch PRIVATE "SHELL:-Xclang -fno-pch-timestamp")
  set_target_properties(qleet_pch PROPERTIES CXX_COMPILER_LAUNCHER "")
  list(TRANSFORM headers PREPEND "#include " OUTPUT_VARIABLE text)
  list(JOIN text "\n" text)
  file(WRITE ${CMAKE_BINARY_DIR}/pch/headers.cc "${text}\n")
  execute_process(COMMAND ${CMAKE_CXX_COMPILER} -std=c++23 -pthread -E -P ${CMAKE_BINARY_DIR}/pch/headers.cc
    OUTPUT_VARIABLE text COMMAND_ERROR_IS_FATAL ANY)
  string(SHA256 sum "${text}")
  file(WRITE ${CMAKE_BINARY_DIR}/CMakeFiles/qleet_pch.dir/cmake_pch.hxx.pch.sum "${sum}")
endif()

# Not by REUSE_FROM: it puts an absolute path on the command line that ccache does not rewrite.
function(qleet_use_pch target)
  if(QLEET_PCH)
    set(pch ${CMAKE_BINARY_DIR}/CMakeFiles/qleet_pch.dir/cmake_pch.hxx.pch)
    target_compile_options(${target} PRIVATE "SHELL:$<$<COMPILE_LANGUAGE:CXX>:-include-pch ${pch}>")
    get_target_property(sources ${target} SOURCES)
    set_property(SOURCE ${sources} APPEND PROPERTY OBJECT_DEPENDS ${pch})
  endif()
endfunction()

# qleet_library(NAME SOURCES ... DEPS ...): a static library named qleet_NAME.
function(qleet_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
  if(ARG_SOURCES)
    add_library(qleet_${name} STATIC ${ARG_SOURCES})
    target_link_libraries(qleet_${name} PUBLIC qleet_flags ${ARG_DEPS})
    qleet_use_pch(qleet_${name})
  else()
    add_library(qleet_${name} INTERFACE)
    target_link_libraries(qleet_${name} INTERFACE qleet_flags ${ARG_DEPS})
  endif()
endfunction()

# qleet_binary(NAME SOURCES ... DEPS ...)
function(qleet_binary name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE qleet_flags ${ARG_DEPS})
  qleet_use_pch(${name})
endfunction()

# What a test's ctest properties are: timeout in seconds, in a build that is not slower than others.
function(qleet_test_properties var timeout labels serial)
  if(NOT timeout)
    set(timeout 60)
  endif()
  math(EXPR timeout "${timeout} * ${QLEET_PATIENCE}")
  set(properties TIMEOUT ${timeout})
  if(labels)
    list(APPEND properties LABELS ${labels})
  endif()
  if(serial)
    list(APPEND properties RUN_SERIAL TRUE)
  endif()
  set(${var} ${properties} PARENT_SCOPE)
endfunction()

# qleet_test(NAME SOURCES ... DEPS ... [LABELS label] [TIMEOUT seconds] [SERIAL]): a GoogleTest executable whose cases
# ctest runs one by one. Tests that need real peers (podman, nats-server) carry the label "peers"; those that use what
# there is one of run serially.
function(qleet_test name)
  cmake_parse_arguments(ARG "SERIAL" "TIMEOUT;LABELS" "SOURCES;DEPS" ${ARGN})
  find_package(GTest REQUIRED)
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE qleet_flags ${ARG_DEPS} GTest::gtest GTest::gmock GTest::gtest_main)
  qleet_use_pch(${name})
  include(GoogleTest)
  qleet_test_properties(properties "${ARG_TIMEOUT}" "${ARG_LABELS}" ${ARG_SERIAL})
  gtest_discover_tests(${name} DISCOVERY_TIMEOUT 60 PROPERTIES ${properties})
endfunction()

# qleet_docker_test(NAME [TIMEOUT seconds]): the cases of a test of qleet_test once more, with Docker as their container
# engine (tests/support/engine_host.h). They skip themselves where Docker's daemon is not installed.
function(qleet_docker_test name)
  cmake_parse_arguments(ARG "" "TIMEOUT" "" ${ARGN})
  include(GoogleTest)
  qleet_test_properties(properties "${ARG_TIMEOUT}" "peers" TRUE)
  gtest_discover_tests(${name} TEST_PREFIX Docker. TEST_LIST ${name}_docker DISCOVERY_TIMEOUT 60
                       PROPERTIES ENVIRONMENT QLEET_TEST_ENGINE=docker ${properties})
endfunction()

# qleet_command_test(NAME COMMAND ... [LABELS label] [TIMEOUT seconds] [SERIAL]): one entry of ctest's, whatever command
# that is; it says by exit code 77 that it cannot be run here.
function(qleet_command_test name)
  cmake_parse_arguments(ARG "SERIAL" "TIMEOUT;LABELS" "COMMAND" ${ARGN})
  qleet_test_properties(properties "${ARG_TIMEOUT}" "${ARG_LABELS}" ${ARG_SERIAL})
  add_test(NAME ${name} COMMAND ${ARG_COMMAND})
  set_tests_properties(${name} PROPERTIES SKIP_RETURN_CODE 77 ${properties})
endfunction()
