#include "vectors.hpp"

#define MATGANIP_NAME_OF(x) #x
#define MATGANIP_NAME(x) MATGANIP_NAME_OF(x)

namespace matganip::MATGANIP_TARGET {

extern const StructureFactorKernels structure_factor_kernels;
extern const SphereKernels sphere_kernels;
extern const ScatteringKernels scattering_kernels;
extern const LatticeKernels lattice_kernels;
extern const GraphKernels graph_kernels;
extern const NetworkKernels network_kernels;
extern const ReadoutKernels readout_kernels;
extern const OrbitKernels orbit_kernels;
extern const ConvexKernels convex_kernels;

extern const Kernels kernels;
const Kernels kernels{MATGANIP_NAME(MATGANIP_TARGET),
                      structure_factor_kernels,
                      sphere_kernels,
                      scattering_kernels,
                      lattice_kernels,
                      graph_kernels,
                      network_kernels,
                      readout_kernels,
                      orbit_kernels,
                      convex_kernels};

}  // namespace matganip::MATGANIP_TARGET
