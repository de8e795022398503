// Loss and accuracy of a trial over its epochs, drawn with characters for a terminal. Pure.
#pragma once

#include <span>
#include <string>

#include "src/study/trial.h"

namespace vizsla {

struct CurveOptions {
  int width = 80;       // columns that may be used; fewer than 30 count as 30
  int height = 10;      // lines of one plot, without its axis; at least 3
  bool unicode = true;  // braille dots, 2 x 4 a character; false: ASCII only
  bool color = false;   // without it train is dotted, so that the two still differ
};

// One plot for loss and one for accuracy, each with train and validation; a plot without any finite
// value is left out, and with none left a sentence says so. `best_epoch` (0: none) is marked on the
// axis. Values that span more than a factor of 30 are drawn on a logarithmic scale, which is said.
std::string RenderCurves(std::span<const EpochReport> epochs, int best_epoch,
                         const CurveOptions& options);

}  // namespace vizsla
