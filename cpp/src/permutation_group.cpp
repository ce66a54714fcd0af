#include "matganip/permutation_group.hpp"

#include <algorithm>
#include <numeric>
#include <set>
#include <stdexcept>
#include <string>

namespace matganip {
namespace {

using Permutation = std::vector<std::uint16_t>;

/// first, then second: i -> second(first(i)).
Permutation compose(std::span<const std::uint16_t> first, std::span<const std::uint16_t> second) {
    Permutation product(first.size());
    for (std::size_t i = 0; i < first.size(); ++i) product[i] = second[first[i]];
    return product;
}

void require_permutation(std::span<const std::uint16_t> candidate, const char* name, std::size_t index) {
    std::vector<bool> seen(candidate.size(), false);
    for (const std::uint16_t image : candidate) {
        if (image >= candidate.size() || seen[image])
            throw std::invalid_argument(std::string(name) + ": row " + std::to_string(index) +
                                        " is not a permutation of 0.." +
                                        std::to_string(candidate.size() - 1));
        seen[image] = true;
    }
}

/// Grows a group by one generator after the other.
class Dimino {
  public:
    Dimino(std::size_t degree, std::size_t max_order) : max_order_(max_order) {
        Permutation identity(degree);
        std::iota(identity.begin(), identity.end(), std::uint16_t{0});
        add(std::move(identity));
    }

    void adjoin(const Permutation& generator) {
        if (known_.contains(generator)) return;
        generators_.push_back(generator);
        const std::size_t subgroup_order = elements_.size();
        add_coset(generator, subgroup_order);
        // A representative times a generator either lies in a known coset or opens a new one.
        for (std::size_t first = subgroup_order; first < elements_.size(); first += subgroup_order)
            for (const Permutation& s : generators_) {
                const Permutation candidate = compose(elements_[first], s);
                if (!known_.contains(candidate)) add_coset(candidate, subgroup_order);
            }
    }

    const std::set<Permutation>& elements() const { return known_; }

  private:
    void add_coset(const Permutation& representative, std::size_t subgroup_order) {
        for (std::size_t h = 0; h < subgroup_order; ++h) add(compose(elements_[h], representative));
    }

    void add(Permutation element) {
        if (elements_.size() == max_order_)
            throw std::length_error("the symmetry operations do not close into a group of at most " +
                                    std::to_string(max_order_) + " elements");
        known_.insert(element);
        elements_.push_back(std::move(element));
    }

    std::size_t max_order_;
    std::vector<Permutation> elements_;
    std::vector<Permutation> generators_;
    std::set<Permutation> known_;
};

}  // namespace

PermutationGroup group_of(std::span<const std::uint16_t> elements, std::size_t degree) {
    if (degree > 65535) throw std::invalid_argument("permutations: more than 65535 points");
    if (degree == 0 || elements.empty()) throw std::invalid_argument("permutations: has no element");
    if (elements.size() % degree != 0)
        throw std::invalid_argument("permutations: not a whole number of rows");
    for (std::size_t g = 0; g < elements.size() / degree; ++g)
        require_permutation(elements.subspan(g * degree, degree), "permutations", g);
    for (std::size_t i = 0; i < degree; ++i)
        if (elements[i] != i) throw std::invalid_argument("permutations: row 0 is not the identity");
    return {degree, {elements.begin(), elements.end()}};
}

PermutationGroup close_group(std::span<const std::uint16_t> generators, std::size_t degree,
                             std::size_t max_order) {
    if (degree > 65535) throw std::invalid_argument("more than 65535 points");
    if (degree == 0) return {};
    if (generators.size() % degree != 0)
        throw std::invalid_argument("generators: not a whole number of rows");
    if (max_order == 0) throw std::invalid_argument("max_order must be positive");

    Dimino group(degree, max_order);
    for (std::size_t g = 0; g < generators.size() / degree; ++g) {
        const auto generator = generators.subspan(g * degree, degree);
        require_permutation(generator, "generators", g);
        group.adjoin(Permutation(generator.begin(), generator.end()));
    }

    PermutationGroup closed{degree, {}};
    closed.images.reserve(group.elements().size() * degree);
    for (const Permutation& element : group.elements())
        closed.images.insert(closed.images.end(), element.begin(), element.end());
    return closed;
}

}  // namespace matganip
