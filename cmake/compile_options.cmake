# One interface target carries every flag, so that the kernels, the binding and the tests agree.
# No -march=native: a wheel runs on any machine of its architecture. Where vector width matters a kernel is
# compiled once for each (see vector_targets.cmake).
add_library(matganip_options INTERFACE)
target_compile_options(matganip_options INTERFACE
  $<$<CXX_COMPILER_ID:GNU,Clang,AppleClang>:-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion>
)

find_package(Threads REQUIRED)
target_link_libraries(matganip_options INTERFACE Threads::Threads)
find_package(OpenMP COMPONENTS CXX)
if(OpenMP_CXX_FOUND)
  target_link_libraries(matganip_options INTERFACE OpenMP::OpenMP_CXX)
else()
  message(STATUS "OpenMP not found: the kernels run on one thread")
endif()

if(MATGANIP_SANITIZE)
  target_compile_options(matganip_options INTERFACE -fsanitize=${MATGANIP_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(matganip_options INTERFACE -fsanitize=${MATGANIP_SANITIZE})
endif()
