# Everything comes from Debian 12's packages (deploy/install-deps.sh); LibTorch may come from elsewhere
# through CMAKE_PREFIX_PATH. Each foreign library is named once, here.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(absl REQUIRED)
find_package(spdlog REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(ZLIB REQUIRED)
find_package(Boost 1.74 REQUIRED)  # headers alone: Boost.Random
find_package(Eigen3 3.4 REQUIRED NO_MODULE)
pkg_check_modules(LIBZIP REQUIRED IMPORTED_TARGET libzip)
find_package(CLI11 REQUIRED)

# A LibTorch wheel on CMAKE_PREFIX_PATH brings headers of a Protobuf and a fmt of its own. Ours are those that gRPC
# and spdlog were built with, also in units that see LibTorch's folder first: they find them through links.
if(CMAKE_PREFIX_PATH)
  file(MAKE_DIRECTORY "${CMAKE_BINARY_DIR}/include")
  foreach(header google/protobuf/service.h fmt/format.h)
    string(MAKE_C_IDENTIFIER "VIZSLA_FOLDER_OF_${header}" folder)
    find_path(${folder} ${header} NO_CMAKE_PATH)
    string(REGEX REPLACE "/.*" "" library "${header}")
    if(${folder})
      file(CREATE_LINK "${${folder}}/${library}" "${CMAKE_BINARY_DIR}/include/${library}" SYMBOLIC)
    endif()
  endforeach()
  target_include_directories(vizsla_options SYSTEM INTERFACE "${CMAKE_BINARY_DIR}/include")
endif()

if(VIZSLA_WITH_SQLITE)
  find_package(SQLite3 3.37 REQUIRED)  # 3.37: STRICT tables
endif()
if(VIZSLA_WITH_GRPC)
  # The Protobuf that gRPC was built with, not a LibTorch wheel's old one.
  find_program(Protobuf_PROTOC_EXECUTABLE protoc NO_CMAKE_PATH REQUIRED)
  find_path(Protobuf_INCLUDE_DIR google/protobuf/service.h NO_CMAKE_PATH REQUIRED)
  find_package(Protobuf REQUIRED)
  pkg_check_modules(GRPCPP REQUIRED IMPORTED_TARGET grpc++)
  find_library(GRPCPP_REFLECTION_LIBRARY grpc++_reflection REQUIRED)
  find_program(GRPC_CPP_PLUGIN grpc_cpp_plugin REQUIRED)
  find_package(prometheus-cpp REQUIRED)  # the coordinator's metrics
  # The coordinator's allocator: a tenth less CPU time. Only the library is needed, no header; the package of
  # the link without a version brings in a profiler. Sanitizers bring their own.
  if(NOT VIZSLA_SANITIZE)
    find_library(TCMALLOC_LIBRARY NAMES tcmalloc_minimal libtcmalloc_minimal.so.4)
  endif()
endif()
if(VIZSLA_WITH_MPI)
  find_package(MPI REQUIRED COMPONENTS C)
endif()
if(VIZSLA_WITH_OPENCV)
  find_package(OpenCV REQUIRED COMPONENTS core imgproc imgcodecs)
  find_package(JPEG REQUIRED)
  add_library(vizsla_opencv INTERFACE)
  target_include_directories(vizsla_opencv SYSTEM INTERFACE ${OpenCV_INCLUDE_DIRS})
  target_link_libraries(vizsla_opencv INTERFACE opencv_core opencv_imgproc opencv_imgcodecs JPEG::JPEG)
endif()
if(VIZSLA_WITH_TORCH)
  # The wheel's configuration wants an architecture, and cannot ask a GPU that is not there.
  set(TORCH_CUDA_ARCH_LIST "9.0" CACHE STRING "CUDA architectures, for the LibTorch wheel's configuration")
  find_package(Torch REQUIRED)
  add_library(vizsla_torch INTERFACE)
  target_include_directories(vizsla_torch SYSTEM INTERFACE ${TORCH_INCLUDE_DIRS})
  # LibTorch 2.11's wheel exports std::filesystem symbols of another libstdc++; ours must come first.
  target_link_options(vizsla_torch INTERFACE "LINKER:--push-state,--no-as-needed,-lstdc++,--pop-state")
  target_link_libraries(vizsla_torch INTERFACE ${TORCH_LIBRARIES})
  target_compile_options(vizsla_torch INTERFACE -Wno-deprecated-declarations)
endif()
if(VIZSLA_WITH_CUDA)
  set(CMAKE_CUDA_RUNTIME_LIBRARY Shared)  # the one that LibTorch has
  enable_language(CUDA)
  find_package(CUDAToolkit REQUIRED)
  find_library(NCCL_LIBRARY nccl REQUIRED)
  find_path(NCCL_INCLUDE_DIR nccl.h REQUIRED)
endif()
