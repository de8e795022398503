# The compiler's settings, the same for every target.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/bin")
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM)
  # pch_defines and time_macros let ccache serve units that use the precompiled LibTorch header.
  # The base directory lets two checkouts share one cache.
  set(launcher ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
      CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1 ${CCACHE_PROGRAM})
  set(CMAKE_C_COMPILER_LAUNCHER ${launcher})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${launcher})
endif()

# Linked into every target of ours; foreign headers come in as SYSTEM and are not judged.
add_library(vizsla_options INTERFACE)
target_compile_options(vizsla_options INTERFACE -Wall -Wextra -Wno-unused-parameter)
if(VIZSLA_WERROR)
  target_compile_options(vizsla_options INTERFACE -Werror)
endif()
target_include_directories(vizsla_options INTERFACE "${CMAKE_SOURCE_DIR}")
target_compile_definitions(vizsla_options INTERFACE VIZSLA_VERSION="${PROJECT_VERSION}")
if(VIZSLA_SANITIZE)
  target_compile_options(vizsla_options INTERFACE -fsanitize=${VIZSLA_SANITIZE} -fno-omit-frame-pointer)
  target_link_options(vizsla_options INTERFACE -fsanitize=${VIZSLA_SANITIZE})
endif()
if(VIZSLA_COVERAGE)
  target_compile_options(vizsla_options INTERFACE --coverage)
  target_link_options(vizsla_options INTERFACE --coverage)
endif()
