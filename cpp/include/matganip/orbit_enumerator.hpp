#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "matganip/coloring.hpp"
#include "matganip/exclusions.hpp"
#include "matganip/permutation_group.hpp"

namespace matganip {

/// Streams the orbits of a composition under a permutation group, each once, as its smallest row, in
/// ascending order.
///
/// Staged orderly generation. Within a stage, sites are chosen in ascending order and a partial choice is
/// kept only if no element of the group maps it to a smaller one: every prefix of a smallest choice is
/// smallest itself (R. C. Read, "Every one a winner", Ann. Discrete Math. 2, 107, 1978), so nothing is
/// generated twice and nothing is stored to compare with. The images of a choice are bit masks that grow by
/// one bit with each site. A finished stage leaves its stabilizer to the next one; once that is trivial,
/// every further choice is a new orbit and plain combinations remain.
///
/// The search tree is cut into tasks (prefixes) of bounded size, which threads run and whose rows are put
/// together in the order of the tasks: what comes out does not depend on the number of threads, and memory
/// does not grow with the number of orbits. Shards get whole subtrees, some thousand each, the next one
/// always going to the shard that has least.
class OrbitEnumerator {
  public:
    static constexpr std::uint64_t most_shards = 1'000'000;

    /// Only orbits that obey the exclusions, which must be invariant under the group. Throws
    /// std::invalid_argument where the composition does not fit the group, the shard is not in [0, n), there
    /// are more than `most_shards`, or an exclusion names what does not exist.
    OrbitEnumerator(PermutationGroup group, const Composition& composition, std::uint64_t shard = 0,
                    std::uint64_t n_shards = 1, std::span<const Exclusion> exclusions = {});
    ~OrbitEnumerator();

    std::size_t n_sites() const;

    /// Starts after `row`, a representative that this stream has given before; to be called before anything
    /// is taken.
    void resume_after(std::span<const std::uint8_t> row);

    /// Copies the orbits that are ready into the caller's arrays, as many as fit; returns their number.
    std::size_t take(std::span<std::uint8_t> rows, std::span<std::int64_t> multiplicities, int num_threads);

    /// Runs the next tasks on `num_threads` threads; false once nothing is left. A call takes a fraction of a
    /// second, so that its caller can answer an interrupt in between. What was ready must have been taken.
    bool advance(int num_threads);

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace matganip
