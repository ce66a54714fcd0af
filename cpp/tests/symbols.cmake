# cmake -DNM=nm -DTARGET=avx2 "-DOBJECTS=a.o;b.o" -P symbols.cmake
# Everything that the objects of a target offer to the linker stands in the target's own namespace (see
# cpp/vectors/vectors.hpp): of an inline function of two targets the linker would keep one, for all machines.
foreach(object IN LISTS OBJECTS)
  execute_process(COMMAND ${NM} -C --defined-only --extern-only ${object}
    OUTPUT_VARIABLE found COMMAND_ERROR_IS_FATAL ANY)
  string(REGEX MATCHALL "[^\n]+" lines "${found}")
  foreach(line IN LISTS lines)
    if(NOT line MATCHES " matganip::${TARGET}::")
      message(FATAL_ERROR "${object} defines ${line}")
    endif()
  endforeach()
endforeach()
