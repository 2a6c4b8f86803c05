// A network of a test's own: machines with addresses of their own, as network namespaces.
//
// Every machine hangs on one switch by one cable; nothing leads anywhere else.  A program that is
// started behind enter() has the machine's network and shares all else with the test.
//
// Thread-safety: none.
#pragma once

#include <string>
#include <vector>

#include "tests/support/command.h"

namespace reposfs::testing {

// Why there can be no such network here; empty if there can.
std::string WhyNoNetwork();

class Network {
 public:
  // REQUIRES: WhyNoNetwork().empty()
  explicit Network(int machine_count);
  ~Network();  // Removes the namespaces.
  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;

  // `machine` counts from 1.
  static std::string Address(int machine) { return "10.77.0." + std::to_string(machine); }
  // What stands before a program's argv to start it there.
  Argv Enter(int machine) const;

  void Unplug(int machine);
  void Plug(int machine);
  // What `from` sends to `to` gets lost; what `to` sends arrives.
  void Lose(int from, int to);
  void LoseNoMore(int from, int to);

 private:
  std::string Name(int machine) const;
  void Ip(Argv arguments) const;

  const std::string prefix_;
  const int machine_count_;
};

}  // namespace reposfs::testing
