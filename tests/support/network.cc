#include "tests/support/network.h"

#include <unistd.h>

#include <atomic>

namespace reposfs::testing {
namespace {

// Machine 0 is the switch.
constexpr int kSwitch = 0;

std::string PortOf(int machine) {
  return "port" + std::to_string(machine);
}

}  // namespace

std::string WhyNoNetwork() {
  if (geteuid() != 0) return "network namespaces need root";
  const std::string name = "reposfs-probe-" + std::to_string(getpid());
  const CommandResult added = Execute({"ip", "netns", "add", name});
  if (!added.ok()) return "no network namespaces here: " + added.err;
  (void)Execute({"ip", "netns", "del", name});
  return "";
}

Network::Network(int machine_count)
    : prefix_([] {
        static std::atomic<int> number{0};
        return "reposfs-" + std::to_string(getpid()) + "-" + std::to_string(number++) + "-";
      }()),
      machine_count_(machine_count) {
  for (int machine = kSwitch; machine <= machine_count_; ++machine) {
    Ip({"netns", "add", Name(machine)});
    Ip({"-n", Name(machine), "link", "set", "lo", "up"});
  }
  Ip({"-n", Name(kSwitch), "link", "add", "switch", "type", "bridge"});
  Ip({"-n", Name(kSwitch), "link", "set", "switch", "up"});
  for (int machine = 1; machine <= machine_count_; ++machine) {
    const std::string port = PortOf(machine);
    Ip({"-n", Name(kSwitch), "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns",
        Name(machine)});
    Ip({"-n", Name(kSwitch), "link", "set", port, "master", "switch", "up"});
    Ip({"-n", Name(machine), "address", "add", Address(machine) + "/24", "dev", "eth0"});
    Ip({"-n", Name(machine), "link", "set", "eth0", "up"});
  }
}

Network::~Network() {
  for (int machine = kSwitch; machine <= machine_count_; ++machine) {
    (void)Execute({"ip", "netns", "del", Name(machine)});
  }
}

std::string Network::Name(int machine) const {
  return prefix_ + std::to_string(machine);
}

Argv Network::Enter(int machine) const {
  return {"nsenter", "--net=/run/netns/" + Name(machine)};
}

void Network::Unplug(int machine) {
  Ip({"-n", Name(kSwitch), "link", "set", PortOf(machine), "down"});
}

void Network::Plug(int machine) {
  Ip({"-n", Name(kSwitch), "link", "set", PortOf(machine), "up"});
}

void Network::Lose(int from, int to) {
  Ip({"-n", Name(from), "route", "add", "blackhole", Address(to) + "/32"});
}

void Network::LoseNoMore(int from, int to) {
  Ip({"-n", Name(from), "route", "del", "blackhole", Address(to) + "/32"});
}

void Network::Ip(Argv arguments) const {
  arguments.insert(arguments.begin(), "ip");
  (void)Output(arguments);
}

}  // namespace reposfs::testing
