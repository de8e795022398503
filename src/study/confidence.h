// How far a mean over few runs may be trusted. Pure.
#pragma once

#include <optional>
#include <span>

namespace vizsla {

// The two-sided 95 % point of Student's t distribution with `degrees` >= 1 degrees of freedom: |t|
// exceeds it with probability 0.05. From the distribution's closed form for whole degrees
// (Abramowitz and Stegun 1964, 26.7.3 and 26.7.4), inverted to the last bits of a double.
double StudentT95(int degrees);

struct MeanInterval {
  double mean = 0;
  // mean - half_width to mean + half_width is the 95 % confidence interval of the expected value,
  // for independent, about normally distributed values: Student's t with n - 1 degrees of freedom
  // times the standard error. Nullopt for one value: it says nothing about its spread.
  std::optional<double> half_width;
};
// Over finite values, at least one.
MeanInterval MeanWithInterval(std::span<const double> values);

}  // namespace vizsla
