#include "src/catalog/network_graph.h"

#include <gmock/gmock.h>

namespace vizsla {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::string> Names(const NetworkGraph& graph) {
  std::vector<std::string> names;
  for (const GraphLayer& layer : graph.layers) names.push_back(layer.name);
  return names;
}

// input - stem -+- one ----------------------+
//               +- two_a - two_relu - two_b -+- joined - out
//               +- pool ---------------------+
//               +- unused
struct Branching {
  GraphBuilder builder;
  int one, two_b, pool;

  Branching() {
    const int stem = builder.Convolution(builder.Input(), "stem", "stem", {.out = 8, .stride = 2});
    one = builder.Convolution(stem, "one", "block.one", {.out = 4, .kernel = {1, 1}});
    int two = builder.Convolution(stem, "two_a", "block.two.0", {.out = 6, .kernel = {1, 3}});
    two = builder.Activate(two, "two_relu", Activation::kRelu);
    two_b = builder.Convolution(two, "two_b", "block.two.1", {.out = 6, .kernel = {3, 1}});
    pool = builder.AveragePool(stem, "pool", 3, 1, 1);
    builder.Convolution(stem, "unused", "unused", {.out = 1});
  }
  NetworkGraph Join(std::vector<int> branches) {
    const int joined = builder.Concatenate(std::move(branches), "joined");
    return builder.Finish(builder.Activate(joined, "out", Activation::kRelu));
  }
};

// By hand: the distances to the output are input 6, stem 5, two_a 4, two_relu 3, and 2 of each
// branch's last layer, which come in the order in which `joined` names them.
TEST(NetworkGraph, LayersAreInKerasOrder) {
  Branching forward;
  EXPECT_THAT(
      Names(forward.Join({forward.one, forward.two_b, forward.pool})),
      ElementsAre("input", "stem", "two_a", "two_relu", "one", "two_b", "pool", "joined", "out"));
  Branching backward;
  EXPECT_THAT(
      Names(backward.Join({backward.pool, backward.two_b, backward.one})),
      ElementsAre("input", "stem", "two_a", "two_relu", "pool", "two_b", "one", "joined", "out"));
}

// Among equals the walk from the output decides, not the order of adding: `late` is met on the way
// down from the first input of the sum, before `early`.
TEST(NetworkGraph, EqualsAreInTheOrderOfTheWalk) {
  GraphBuilder g;
  const int early = g.Convolution(g.Input(), "early", "early", {.out = 2});
  const int late = g.Convolution(g.Input(), "late", "late", {.out = 2});
  const int after_early = g.Activate(early, "after_early", Activation::kRelu);
  const int after_late = g.Activate(late, "after_late", Activation::kRelu);
  EXPECT_THAT(Names(g.Finish(g.Sum(after_late, after_early, "sum"))),
              ElementsAre("input", "late", "early", "after_late", "after_early", "sum"));
}

TEST(NetworkGraph, InputsFollowTheirLayers) {
  Branching b;
  const NetworkGraph graph = b.Join({b.one, b.two_b, b.pool});
  const GraphLayer& joined = graph.layers[7];
  EXPECT_THAT(joined.inputs, ElementsAre(4, 5, 6));  // of this order, not of adding
  for (size_t i = 0; i < graph.layers.size(); ++i) {
    for (const int input : graph.layers[i].inputs) EXPECT_LT(input, static_cast<int>(i));
  }
}

TEST(NetworkGraph, Channels) {
  Branching b;
  const NetworkGraph graph = b.Join({b.one, b.two_b, b.pool});
  EXPECT_EQ(graph.channels(), 4 + 6 + 8);
  EXPECT_EQ(graph.layers[0].channels, 3);
}

TEST(NetworkGraph, Extents) {
  GraphBuilder g;
  int x = g.Convolution(g.Input(), "valid", "a",
                        {.out = 4, .stride = 2, .padding = Extent{0, 0}});  // 11 -> 5
  x = g.Convolution(x, "wide", "b", {.out = 4, .kernel = {1, 7}});          // "same"
  x = g.Convolution(x, "tall", "c",
                    {.out = 4, .kernel = {3, 1}, .padding = Extent{0, 0}});  // 5 x 5 -> 3 x 5
  x = g.MaxPool(x, "pool", 3, 2, 1);                                         // -> 2 x 3
  x = g.Upsample(x, "up", 2);                                                // -> 4 x 6
  x = g.Activate(x, "relu", Activation::kRelu);
  const int global = g.GlobalAverage(x, "global");
  const NetworkGraph graph = g.Finish(g.Multiply(x, global, "gate"));
  EXPECT_THAT(graph.OutputExtents(11),
              ElementsAre(Extent{11, 11}, Extent{5, 5}, Extent{5, 5}, Extent{3, 5}, Extent{2, 3},
                          Extent{4, 6}, Extent{4, 6}, Extent{1, 1}, Extent{4, 6}));
  EXPECT_EQ(graph.OutputSide(11), 4);
  // 6 -> 2, and three rows of nothing fit into two.
  EXPECT_THAT(graph.OutputExtents(6), IsEmpty());
  EXPECT_EQ(graph.OutputSide(6), std::nullopt);
  EXPECT_NE(graph.OutputSide(7), std::nullopt);
}

TEST(NetworkGraph, FindsLayersByBothNames) {
  Branching b;
  const NetworkGraph graph = b.Join({b.one, b.two_b, b.pool});
  EXPECT_EQ(graph.FindLayer("two_b"), 5);
  EXPECT_EQ(graph.FindLayer("joined"), 7);
  EXPECT_EQ(graph.FindLayer("block.two.1"), 5);
  EXPECT_EQ(graph.FindLayer("block.two"), 2);  // the first below it
  EXPECT_EQ(graph.FindLayer("block"), 2);      // in order: two_a comes before one
  for (const char* unknown : {"", "bloc", "block.", "block.tw", "block.two.1.weight", "unused"}) {
    EXPECT_EQ(graph.FindLayer(unknown), std::nullopt) << unknown;
  }
}

TEST(NetworkGraph, ALayersNameWinsOverAModules) {
  GraphBuilder g;
  int x = g.Convolution(g.Input(), "first", "second", {.out = 4});
  x = g.Convolution(x, "second", "third", {.out = 4});
  EXPECT_EQ(g.Finish(x).FindLayer("second"), 2);
}

TEST(NetworkGraph, TensorsOfEveryKind) {
  GraphBuilder g;
  int x = g.Convolution(g.Input(), "conv", "a.0", {.out = 8, .kernel = {1, 3}, .bias = true});
  x = g.BatchNorm(x, "norm", "a.1");
  x = g.Activate(x, "relu", Activation::kSilu);
  x = g.Dropout(x, "drop", 0.5);
  x = g.Convolution(x, "depthwise", "b", {.out = 8, .groups = 8});
  const NetworkGraph graph = g.Finish(x);
  EXPECT_THAT(
      graph.Tensors(),
      ElementsAre(NamedShape{"a.0.weight", {8, 3, 1, 3}}, NamedShape{"a.0.bias", {8}},
                  NamedShape{"a.1.weight", {8}}, NamedShape{"a.1.bias", {8}},
                  NamedShape{"a.1.running_mean", {8}}, NamedShape{"a.1.running_var", {8}},
                  NamedShape{"a.1.num_batches_tracked", {}}, NamedShape{"b.weight", {8, 1, 3, 3}}));
  EXPECT_EQ(graph.TensorElements(), 72 + 8 + 4 * 8 + 72);
  EXPECT_EQ(graph.TensorElements(2), 4 * 8 + 72);
  EXPECT_EQ(graph.TensorElements(6), 0);
}

}  // namespace
}  // namespace vizsla
