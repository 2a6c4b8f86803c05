// main() of every suite on real parts: no setting of the machine or its user may change a result.

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>

#include <cstdlib>

int main(int argc, char** argv) {
  ::signal(SIGPIPE, SIG_IGN);
  ::umask(022);
  ::setenv("LC_ALL", "C", 1);
  ::setenv("TZ", "UTC", 1);
  ::setenv("GIT_CONFIG_NOSYSTEM", "1", 1);
  ::setenv("GIT_CONFIG_GLOBAL", "/dev/null", 1);
  ::setenv("GIT_TERMINAL_PROMPT", "0", 1);
  ::setenv("GIT_PAGER", "cat", 1);
  ::setenv("GIT_AUTHOR_NAME", "Ada Example", 1);
  ::setenv("GIT_AUTHOR_EMAIL", "ada@example.org", 1);
  ::setenv("GIT_COMMITTER_NAME", "Ada Example", 1);
  ::setenv("GIT_COMMITTER_EMAIL", "ada@example.org", 1);
  ::testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
