#include "src/search/power_transform.h"

#include <gtest/gtest.h>

namespace vizsla {
namespace {

// scipy.stats.yeojohnson 1.10
TEST(YeoJohnson, IsScipys) {
  struct Case {
    double y, power, moved;
  };
  constexpr Case kCases[] = {
      {1.5, 0.5, 1.162277660168379}, {-1.5, 0.5, -1.968564716806983}, {2, 0, 1.0986122886681096},
      {-2, 2, -1.0986122886681096},  {-0.7, 1.7, -0.575196414241806}, {3, 1, 3.0},
  };
  for (const Case& c : kCases) EXPECT_NEAR(YeoJohnson(c.y, c.power), c.moved, 1e-14) << c.y;
}

// The same grid searched with scipy.stats.yeojohnson_llf.
TEST(LikeliestPower, IsThatOfScipysLikelihood) {
  Eigen::VectorXd values(9);
  values << -1.1407036509440602, -0.8555277382080452, -0.7604691006293736, -0.4752931878933584,
      -0.285175912736015, 0, 0.38023455031468684, 0.8555277382080452, 2.2814073018881205;
  EXPECT_EQ(LikeliestPower(values), 0.5);
  EXPECT_EQ(LikeliestPower(-values), 1.9);
}

}  // namespace
}  // namespace vizsla
