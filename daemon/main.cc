#include <string>
#include <vector>

#include "daemon/command_line.h"

int main(int argc, char** argv) {
  const std::string program = argc > 0 ? argv[0] : "reposfs";
  return reposfs::RunCommandLine(program, {argv + (argc > 0 ? 1 : 0), argv + argc});
}
