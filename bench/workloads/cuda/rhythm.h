// When a workload works: always, in the first `duty` of every period, or in spells and pauses of random (but fixed) lengths.
#pragma once
#include <cmath>
#include <cstdint>

class Rhythm {
 public:
  // `duty`: share of the time that works; `period`: seconds; `pauses`: mean seconds of a random pause, 0 for a regular duty.
  Rhythm(double duty, double period, double pauses) : duty_(duty), period_(period), pauses_(pauses) {}

  // `at`: seconds since the start, never going back.
  bool works(double at) {
    if (duty_ >= 1) return true;
    if (pauses_ <= 0) return at - period_ * std::floor(at / period_) < duty_ * period_;
    while (at >= until_) {
      on_ = !on_;
      const double mean = on_ ? pauses_ * duty_ / (1 - duty_) : pauses_;
      until_ += mean * drawn();
    }
    return on_;
  }

 private:
  // Exponential with mean 1, kept between 0.1 and 4 so that every spell shows and none fills a recording.
  double drawn() {
    state_ = state_ * 6364136223846793005ull + 1442695040888963407ull;
    const double x = -std::log(((double)(state_ >> 11) + 0.5) / 9007199254740992.0);
    return x < 0.1 ? 0.1 : x > 4 ? 4 : x;
  }

  double duty_, period_, pauses_;
  uint64_t state_ = 20260105;
  double until_ = 0;
  bool on_ = false;
};
