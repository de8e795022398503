// Successive halving, Hyperband and ASHA on cases computed by hand.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "src/pruning/bracket_schedule.h"
#include "src/pruning/pruner.h"
#include "tests/pruning/pruner_driver.h"

namespace vizsla {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr PruneDecision kContinue = PruneDecision::kContinue;
constexpr PruneDecision kPromote = PruneDecision::kPromote;
constexpr PruneDecision kPause = PruneDecision::kPause;
constexpr PruneDecision kPrune = PruneDecision::kPrune;

PrunerContext Minimize(int epochs) { return {Direction::kMinimize, epochs, 1}; }

// The trial gets to the epoch and does as told. It must be told to pause.
void ReportAndPause(PrunerDriver& driver, int64_t trial, int epoch, double value) {
  EXPECT_EQ(driver.Report(trial, epoch, value), kPause) << "trial " << trial;
  driver.Pause(trial);
}

// --- ASHA with promotion; eta 2, rungs at epochs 1, 2 and 4.

PrunerDriver Asha(int epochs = 8) {
  return PrunerDriver(AshaOptions{AshaOptions::Variant::kPromote, 1, 2}, Minimize(epochs));
}

TEST(Asha, PromotesTheTopOfARungAsItFills) {
  PrunerDriver driver = Asha();
  ReportAndPause(driver, 1, 1, 0.5);  // one of one: floor(1/2) = 0 places
  EXPECT_EQ(driver->NextToResume(), std::nullopt);
  EXPECT_EQ(driver.Report(2, 1, 0.4), kPromote);  // the best of two goes on at once
  driver.Promote(2);
  EXPECT_EQ(driver->Decide(2), kContinue);
  ReportAndPause(driver, 3, 1, 0.6);
  EXPECT_EQ(driver->NextToResume(), std::nullopt);  // one place of three, and it is taken
  ReportAndPause(driver, 4, 1, 0.7);
  EXPECT_EQ(driver->NextToResume(), 1);  // the second of four
  driver.Promote(1);
  EXPECT_EQ(driver->NextToResume(), std::nullopt);
}

TEST(Asha, ServesTheHighestRungFirst) {
  PrunerDriver driver = Asha();
  ReportAndPause(driver, 1, 1, 0.1);
  ReportAndPause(driver, 2, 1, 0.2);
  EXPECT_EQ(driver->NextToResume(), 1);
  driver.Promote(1);
  ReportAndPause(driver, 1, 2, 0.1);
  ReportAndPause(driver, 3, 1, 0.3);
  ReportAndPause(driver, 4, 1, 0.4);
  EXPECT_EQ(driver->NextToResume(), 2);
  driver.Promote(2);
  ReportAndPause(driver, 5, 1, 0.5);
  ReportAndPause(driver, 6, 1, 0.6);
  EXPECT_EQ(driver->NextToResume(), 3);  // rung 0: trial 3 of six
  ReportAndPause(driver, 2, 2, 0.2);
  EXPECT_EQ(driver->NextToResume(), 1);  // rung 1: trial 1 of two
  driver.Promote(1);
  EXPECT_EQ(driver->NextToResume(), 3);
}

TEST(Asha, AmongEqualsTheEarlierTrialWins) {
  PrunerDriver driver = Asha();
  ReportAndPause(driver, 2, 1, 0.5);
  ReportAndPause(driver, 3, 1, 0.5);
  EXPECT_EQ(driver->NextToResume(), 2);
  EXPECT_EQ(driver.Report(1, 1, 0.5), kPromote);
  EXPECT_EQ(driver->NextToResume(), std::nullopt);  // one place of three: trial 1's now
}

TEST(Asha, NothingIsPromotedOnAValueThatIsNotFinite) {
  PrunerDriver driver = Asha();
  for (int64_t trial = 1; const double value : {kNan, kInf, -kInf}) {
    EXPECT_EQ(driver.Report(trial, 1, value), kPrune);
    driver.Pause(trial++);  // whatever it was told
  }
  EXPECT_EQ(driver->NextToResume(), std::nullopt);
  EXPECT_EQ(driver.Report(4, 2, 9), kPrune);  // without a value at the rung
  driver.Pause(4);
  EXPECT_EQ(driver->NextToResume(), std::nullopt);
}

TEST(Asha, TrialsThatEndedOnTheWayAreMembers) {
  PrunerDriver driver = Asha();
  driver.Create(1);
  driver.Move(1, TrialState::kInfeasible);
  EXPECT_EQ(driver.Report(2, 1, 0.5), kPromote);  // the better of two
  driver.Promote(2);
  driver.SetPlanned(3, 1);
  EXPECT_EQ(driver.Report(3, 1, 0.1), kContinue);  // it has no more epochs
  driver.Move(3, TrialState::kCompleted);
  EXPECT_EQ(driver.Report(4, 1, 0.3), kPromote);  // 3 and 4 are the better half
  driver.Promote(4);
  // Rung 1: trial 4 stops early, at epoch 3 of rung 2, with a value that others must beat.
  EXPECT_EQ(driver.Report(4, 2, 0.3), kPause);
  driver.Promote(4);
  driver.Report(4, 3, 0.2);
  driver.Move(4, TrialState::kCompleted);
  driver.Report(2, 2, 0.25);
  driver.Promote(2);
  ReportAndPause(driver, 2, 4, 0.21);
  EXPECT_EQ(driver->NextToResume(), std::nullopt);
}

TEST(Asha, ATrialThatWasNotPausedIsToldAgain) {
  PrunerDriver driver = Asha();
  EXPECT_EQ(driver.Report(1, 1, 0.5), kPause);
  driver.Move(1, TrialState::kQueued);  // the worker died after saving a checkpoint
  EXPECT_EQ(driver->NextToResume(), std::nullopt);
  EXPECT_EQ(driver.Report(1, 2, 0.01, /*attempt=*/2), kPause);
  driver.Pause(1);
  EXPECT_EQ(driver.Report(2, 1, 0.4), kPromote);  // better than 0.5: the value at the rung counts
  driver.Promote(2);
  ReportAndPause(driver, 3, 1, 0.6);
  EXPECT_EQ(driver->NextToResume(), std::nullopt);
  ReportAndPause(driver, 4, 1, 0.7);
  EXPECT_EQ(driver->NextToResume(), 1);
  driver.Promote(1);
  EXPECT_EQ(driver->Decide(1), kPause);  // it stands at rung 1 already, the first there
}

TEST(Asha, APromotedTrialThatStartsOverIsNotPromotedAgain) {
  PrunerDriver driver = Asha();
  ReportAndPause(driver, 1, 1, 0.5);
  EXPECT_EQ(driver.Report(2, 1, 0.1), kPromote);
  driver.Promote(2);
  EXPECT_EQ(driver.Report(2, 1, 0.9, /*attempt=*/2), kContinue);
  EXPECT_EQ(driver->NextToResume(), 1);  // trial 2's value is replaced, its promotion is not
}

TEST(Asha, GoesOnAfterTheLastTrialUntilOneHasCompleted) {
  PrunerDriver driver = Asha();
  ReportAndPause(driver, 1, 1, 0.3);
  EXPECT_EQ(driver.Report(2, 1, 0.2), kPromote);
  driver.Promote(2);
  driver->ObserveLastTrial(3);
  driver.Create(3);
  ReportAndPause(driver, 2, 2, 0.2);
  EXPECT_EQ(driver->NextToResume(), std::nullopt);  // trial 3 may still change everything
  driver.Move(3, TrialState::kFailed);
  EXPECT_EQ(driver->NextToResume(), 2);  // the only one of its rung: nobody else will come
  driver.Promote(2);
  ReportAndPause(driver, 2, 4, 0.2);
  EXPECT_EQ(driver->NextToResume(), 2);
  driver.Promote(2);
  EXPECT_EQ(driver.Report(2, 8, 0.2), kContinue);
  driver.Move(2, TrialState::kCompleted);
  EXPECT_EQ(driver->NextToResume(), std::nullopt);
}

TEST(Asha, TheStudysLastActIsGivenToAnotherWhenTheFirstFails) {
  PrunerDriver driver = Asha();
  ReportAndPause(driver, 1, 1, 0.3);
  driver->ObserveLastTrial(2);
  driver.Create(2);
  EXPECT_EQ(driver.Report(2, 1, 0.2), kPromote);
  driver.Promote(2);
  driver.Move(2, TrialState::kDiverged);
  EXPECT_EQ(driver->NextToResume(), 1);
}

TEST(AshaStop, DecidesOnceAtEachRung) {
  PrunerDriver driver(AshaOptions{AshaOptions::Variant::kStop, 2, 3}, Minimize(9));
  EXPECT_EQ(driver.Report(1, 1, 9), kContinue);
  EXPECT_EQ(driver.Report(1, 2, 0.5), kPromote);  // the first is the best so far
  driver.Promote(1);
  EXPECT_EQ(driver.Report(2, 2, 0.6), kPrune);
  driver.Move(2, TrialState::kPruned);
  EXPECT_EQ(driver.Report(3, 2, 0.5), kPrune);  // equal, but later
  driver.Move(3, TrialState::kPruned);
  EXPECT_EQ(driver.Report(4, 2, 0.4), kPromote);
  driver.Promote(4);
  EXPECT_EQ(driver.Report(5, 2, kNan), kPrune);
  driver.Move(5, TrialState::kDiverged);
  EXPECT_EQ(driver.Report(6, 2, 0.45), kPromote);  // the second of six
  EXPECT_EQ(driver->NextToResume(), std::nullopt);
  EXPECT_THAT(driver->ToPrune(), IsEmpty());
}

// --- Synchronous successive halving; eta 3, rungs at epochs 1 and 3, nine trials a bracket.

PrunerDriver Halving() { return PrunerDriver(SuccessiveHalvingOptions{}, Minimize(9)); }

TEST(SuccessiveHalving, ARungIsDecidedWhenItsLastTrialHasPaused) {
  PrunerDriver driver = Halving();
  for (int64_t trial = 1; trial <= 8; ++trial) {
    ReportAndPause(driver, trial, 1, static_cast<double>(trial * 7 % 10));  // 7 4 1 8 5 2 9 6
  }
  EXPECT_EQ(driver.Report(9, 1, 3), kPause);
  EXPECT_EQ(driver->NextToResume(), std::nullopt);
  EXPECT_THAT(driver->ToPrune(), IsEmpty());
  driver.Pause(9);
  EXPECT_THAT(driver->ToPrune(), ElementsAre(1, 2, 4, 5, 7, 8));
  for (const int64_t best : {3, 6, 9}) {
    EXPECT_EQ(driver->NextToResume(), best);
    driver.Promote(best);
  }
  EXPECT_EQ(driver->NextToResume(), std::nullopt);
  EXPECT_EQ(driver.Report(3, 2, 0), kContinue);
  ReportAndPause(driver, 3, 3, 0.5);
  ReportAndPause(driver, 6, 3, 0.4);
  EXPECT_EQ(driver->NextToResume(), std::nullopt);
  ReportAndPause(driver, 9, 3, 0.6);
  EXPECT_EQ(driver->NextToResume(), 6);
  driver.Promote(6);
  EXPECT_EQ(driver->NextToResume(), std::nullopt);
  EXPECT_EQ(driver.Report(6, 9, 0.1), kContinue);
}

TEST(SuccessiveHalving, EndedTrialsHoldNoRungUpAndKeepTheirPlace) {
  PrunerDriver driver = Halving();
  for (int64_t trial = 1; trial <= 7; ++trial) {
    ReportAndPause(driver, trial, 1, static_cast<double>(trial));
  }
  driver.Create(8);
  driver.Move(8, TrialState::kFailed);
  driver.SetPlanned(9, 1);
  EXPECT_EQ(driver.Report(9, 1, 1.5), kContinue);
  EXPECT_EQ(driver->NextToResume(), std::nullopt);
  driver.Move(9, TrialState::kCompleted);  // the second of three places
  EXPECT_THAT(driver->ToPrune(), ElementsAre(3, 4, 5, 6, 7));
  EXPECT_EQ(driver->NextToResume(), 1);
  driver.Promote(1);
  EXPECT_EQ(driver->NextToResume(), 2);
  driver.Promote(2);
  driver.Move(2, TrialState::kDiverged);
  ReportAndPause(driver, 1, 3, 1);
  EXPECT_EQ(driver->NextToResume(), 1);
}

TEST(SuccessiveHalving, TheLastBracketIsDecidedWithTheTrialsThereAre) {
  PrunerDriver driver = Halving();
  for (int64_t trial = 10; trial <= 13; ++trial) {
    ReportAndPause(driver, trial, 1, static_cast<double>(-trial));
  }
  EXPECT_EQ(driver->NextToResume(), std::nullopt);
  driver->ObserveLastTrial(13);
  EXPECT_EQ(driver->NextToResume(), 13);  // max(1, floor(4/3)) places
  EXPECT_THAT(driver->ToPrune(), ElementsAre(10, 11, 12));
  driver.Promote(13);
  ReportAndPause(driver, 13, 3, -1);
  EXPECT_EQ(driver->NextToResume(), 13);
}

TEST(SuccessiveHalving, BracketsAreApartAndTheEarliestIsServedFirst) {
  PrunerDriver driver(SuccessiveHalvingOptions{.trials = 3}, {Direction::kMaximize, 3, 101});
  for (const int64_t trial : {104, 105, 106, 101, 102}) {
    ReportAndPause(driver, trial, 1, static_cast<double>(trial));
  }
  EXPECT_EQ(driver->NextToResume(), 106);
  ReportAndPause(driver, 103, 1, 1);
  EXPECT_EQ(driver->NextToResume(), 102);
  EXPECT_THAT(driver->ToPrune(), ElementsAre(101, 103, 104, 105));
  driver.Promote(102);
  EXPECT_EQ(driver->NextToResume(), 106);
}

TEST(SuccessiveHalving, NotFiniteIsPruned) {
  PrunerDriver driver(SuccessiveHalvingOptions{.trials = 2}, Minimize(3));
  EXPECT_EQ(driver.Report(1, 1, kNan), kPrune);
  driver.Pause(1);
  EXPECT_EQ(driver.Report(2, 1, -kInf), kPrune);
  driver.Pause(2);
  EXPECT_EQ(driver->NextToResume(), std::nullopt);
  EXPECT_THAT(driver->ToPrune(), ElementsAre(1, 2));
}

// --- Hyperband's brackets.

TEST(Hyperband, HasTheBracketsOfThePaper) {
  // Li et al. 2018, table 1: R = 81, eta = 3; n of its algorithm 1.
  EXPECT_THAT(HyperbandCycle({1, 3}, 81),
              ElementsAre(BracketShape{81, {1, 3, 9, 27}}, BracketShape{34, {3, 9, 27}},
                          BracketShape{15, {9, 27}}, BracketShape{8, {27}}, BracketShape{5, {}}));
  // The table in the documentation of mlr3hyperband: R = 8, eta = 2.
  EXPECT_THAT(HyperbandCycle({1, 2}, 8),
              ElementsAre(BracketShape{8, {1, 2, 4}}, BracketShape{6, {2, 4}}, BracketShape{4, {4}},
                          BracketShape{4, {}}));
  EXPECT_EQ(TrialsOfCycle(HyperbandCycle({1, 2}, 8)), 22);
  // No power of eta: s_max = floor(log3(100 / 4)) = 2.
  EXPECT_THAT(HyperbandCycle({4, 3}, 100),
              ElementsAre(BracketShape{9, {4, 12}}, BracketShape{5, {12}}, BracketShape{3, {}}));
}

TEST(Hyperband, TrialNumbersCycleThroughTheBrackets) {
  const BracketSchedule schedule(HyperbandCycle({1, 2}, 8), 5);
  const struct {
    int64_t number, index, first;
    size_t shape;
  } expected[] = {{5, 0, 5, 0},   {12, 0, 5, 0},  {13, 1, 13, 1}, {18, 1, 13, 1}, {19, 2, 19, 2},
                  {23, 3, 23, 3}, {26, 3, 23, 3}, {27, 4, 27, 0}, {35, 5, 35, 1}, {48, 7, 45, 3}};
  for (const auto& [number, index, first, shape] : expected) {
    const BracketSchedule::Bracket found = schedule.Find(number);
    EXPECT_EQ(found.index, index) << number;
    EXPECT_EQ(found.first_trial, first) << number;
    EXPECT_EQ(found.shape, shape) << number;
  }
}

TEST(Hyperband, EachBracketHasItsOwnRungs) {
  PrunerDriver driver(HyperbandOptions{1, 2}, Minimize(8));
  EXPECT_EQ(driver.Report(1, 1, 1), kPause);
  EXPECT_EQ(driver.Report(9, 1, 1), kContinue);
  EXPECT_EQ(driver.Report(9, 2, 1), kPause);
  EXPECT_EQ(driver.Report(15, 2, 1), kContinue);
  EXPECT_EQ(driver.Report(15, 4, 1), kPause);
  EXPECT_EQ(driver.Report(19, 7, 1), kContinue);
  EXPECT_EQ(driver.Report(23, 1, 1), kPause);  // the next cycle
}

}  // namespace
}  // namespace vizsla
