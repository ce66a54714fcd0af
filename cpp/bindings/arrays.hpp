#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <span>
#include <stdexcept>
#include <string>
#include <vector>

namespace matganip::bindings {

namespace py = pybind11;

/// Checks that `array` is a C-contiguous array of T with `ndim` dimensions, and nothing is ever converted or
/// copied in silence: the message names the argument and what was given.
template <class T>
py::array_t<T> require_array(const py::array& array, const char* name, py::ssize_t ndim) {
    const auto fail = [&](const std::string& wanted) -> void {
        throw std::invalid_argument(std::string(name) + " must be " + wanted + ", got dtype " +
                                    std::string(py::str(array.dtype())) + " with " +
                                    std::to_string(array.ndim()) + " dimension(s)");
    };
    if (!py::isinstance<py::array_t<T>>(array)) fail("of dtype " + std::string(py::str(py::dtype::of<T>())));
    if (array.ndim() != ndim) fail("an array of " + std::to_string(ndim) + " dimension(s)");
    if ((array.flags() & py::array::c_style) == 0) fail("C-contiguous");
    return py::reinterpret_borrow<py::array_t<T>>(array);
}

template <class T>
std::span<const T> as_span(const py::array_t<T>& array) {
    return {array.data(), static_cast<std::size_t>(array.size())};
}

template <class T>
std::span<T> as_mutable_span(py::array_t<T>& array) {
    return {array.mutable_data(), static_cast<std::size_t>(array.size())};
}

/// A NumPy array of the given shape that owns the vector's memory: no copy.
template <class T>
py::array_t<T> move_to_array(std::vector<T>&& values, std::vector<py::ssize_t> shape) {
    auto* owned = new std::vector<T>(std::move(values));
    const py::capsule owner(owned, [](void* pointer) { delete static_cast<std::vector<T>*>(pointer); });
    return py::array_t<T>(std::move(shape), owned->data(), owner);
}

}  // namespace matganip::bindings
