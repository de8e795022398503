# vizsla_module(NAME SOURCES a.cc ... [PUBLIC lib ...] [PRIVATE lib ...] [TORCH])
#   One static library vizsla_NAME for one folder. TORCH units share one precompiled LibTorch header.
# vizsla_program(NAME SOURCES ... LINK ... [TORCH])     a program in bin/, installed
# vizsla_test(NAME SOURCES ... LINK ... [LABELS unit] [TIMEOUT seconds] [TORCH])     a GoogleTest program
include(GNUInstallDirs)

add_custom_target(programs)  # everything in bin/ that users run

# Builds the precompiled header once; every TORCH target reuses it (REUSE_FROM needs equal options).
function(vizsla_torch_target target)
  target_link_libraries(${target} PUBLIC vizsla_torch)
  if(NOT TARGET vizsla_torch_pch)
    file(WRITE "${CMAKE_BINARY_DIR}/torch_pch.cc" "// Exists to own the precompiled LibTorch header.\n")
    add_library(vizsla_torch_pch OBJECT "${CMAKE_BINARY_DIR}/torch_pch.cc")
    target_link_libraries(vizsla_torch_pch PUBLIC vizsla_options vizsla_torch)
    target_compile_options(vizsla_torch_pch PRIVATE -fpch-preprocess)
    target_precompile_headers(vizsla_torch_pch PRIVATE <torch/torch.h>)
  endif()
  # -fPIC for programs too: a header precompiled with it is ignored by units compiled with -fPIE.
  target_compile_options(${target} PRIVATE -fpch-preprocess -fPIC)
  target_precompile_headers(${target} REUSE_FROM vizsla_torch_pch)
endfunction()

function(vizsla_module name)
  cmake_parse_arguments(ARG "TORCH" "" "SOURCES;PUBLIC;PRIVATE" ${ARGN})
  add_library(vizsla_${name} STATIC ${ARG_SOURCES})
  target_link_libraries(vizsla_${name} PUBLIC vizsla_options ${ARG_PUBLIC} PRIVATE ${ARG_PRIVATE})
  if(ARG_TORCH)
    vizsla_torch_target(vizsla_${name})
  endif()
endfunction()

function(vizsla_program name)
  cmake_parse_arguments(ARG "TORCH" "" "SOURCES;LINK" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE vizsla_options ${ARG_LINK})
  if(ARG_TORCH)
    vizsla_torch_target(${name})
  endif()
  add_dependencies(programs ${name})
  install(TARGETS ${name} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endfunction()

function(vizsla_test name)
  cmake_parse_arguments(ARG "TORCH" "TIMEOUT" "SOURCES;LINK;LABELS" ${ARGN})
  if(NOT ARG_LABELS)
    set(ARG_LABELS unit)
  endif()
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE vizsla_options ${ARG_LINK} GTest::gtest GTest::gmock GTest::gtest_main)
  if(ARG_TORCH)
    vizsla_torch_target(${name})
  endif()
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES LABELS "${ARG_LABELS}" TIMEOUT ${ARG_TIMEOUT}
    ENVIRONMENT "OMP_NUM_THREADS=1;OPENBLAS_NUM_THREADS=1")
endfunction()
