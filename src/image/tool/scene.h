// Procedural photos: one textured, coloured shape in a cluttered, lit, noisy scene. Learnable by a
// small network, and not by any single cue: classes share colours, shapes and textures with others.
#pragma once

#include <opencv2/core/mat.hpp>
#include <string>

#include "src/base/random.h"

namespace vizsla {

// How many classes can be told apart: every combination of shape, texture and colour.
inline constexpr int kMaxSceneClasses = 8 * 4 * 6;

// "red_striped_star"; unique for each number in [0, kMaxSceneClasses).
std::string SceneClassName(int number);

// A photo of the class, RGB, a function of the stream alone. `width` and `height` in pixels, at
// least 8.
cv::Mat DrawScene(int class_number, int width, int height, RandomStream& stream);

}  // namespace vizsla
