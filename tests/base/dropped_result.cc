// Compiled by a test that expects a complaint about each call in main().
#include "base/result.h"

reposfs::Result<int> Number();
reposfs::Status Deed();
reposfs::Error Failure();

// Line numbers matter below.

int main() {
  Number();
  Deed();
  Failure();
}
