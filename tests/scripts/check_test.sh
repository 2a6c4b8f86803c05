#!/bin/bash
# scripts/check must pass a tree that keeps the rules and fail each that breaks one.
set -euo pipefail
check=$(dirname "$0")/../../scripts/check
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT

begin() { # makes a tree that keeps the rules
  rm -rf "${directory:?}"/*
  mkdir -p "$directory"/{base,cache,ring,fs,daemon,tests,scripts}
  echo '#include <vector>' >"$directory/base/result.h"
  printf '#include <sqlite3.h>\n\n#include "base/result.h"\n' >"$directory/cache/sqlite_database.h"
  echo '#include "cache/sqlite_database.h"' >"$directory/cache/sqlite_database.cc"
  echo '#include "cache/sqlite_database.h"' >"$directory/fs/view.cc"
  printf '#!/bin/bash\necho one\n' >"$directory/scripts/tool"
}

expect() { # 0|1 what
  local status=0
  "$check" --root "$directory" >"$directory/.output" 2>&1 || status=$?
  if [ "$status" != "$1" ]; then
    echo "FAILED: $2: status $status, expected $1" >&2
    cat "$directory/.output" >&2
    exit 1
  fi
}

refuses() { # file line what
  begin
  echo "$2" >>"$directory/$1"
  expect 1 "$3"
}

begin
expect 0 "a tree that keeps the rules"
refuses base/result.h '#include "cache/sqlite_database.h"' "base includes cache"
refuses cache/sqlite_database.cc '#include "ring/ring.h"' "cache includes ring"
refuses cache/sqlite_database.cc '#include "fs/view.h"' "cache includes fs"
refuses ring/ring.cc '#include "cache/sqlite_database.h"' "ring includes cache"
refuses fs/view.cc '#include "daemon/main.h"' "fs includes daemon"
refuses fs/view.cc '#include "view.h"' "an include without its folder"
refuses fs/view.cc '#include <sqlite3.h>' "a C library in another layer"
refuses daemon/main.cc '#include <fuse3/fuse_lowlevel.h>' "FUSE in the daemon"
refuses base/result.h '#include <nlohmann/json.hpp>' "a library that base does not know"
begin
printf '\nstruct Same {\n  int x;\n};\n' | tee -a "$directory/cache/sqlite_database.h" >"$directory/daemon/status.h"
expect 1 "two types of one name"
if ! grep -q 'Same is defined by cache/sqlite_database.h daemon/status.h;' "$directory/.output"; then
  echo "FAILED: does not name the files" >&2
  exit 1
fi
refuses base/result.h 'int  x ;' "a file that is not formatted"
# shellcheck disable=SC2016  # The script that is checked expands nothing here.
refuses scripts/tool 'if [ $1 = x ]; then' "a script that bash can't read"
begin
for name in a b; do echo '#include <sqlite3.h>' >"$directory/cache/$name.cc"; done
expect 1 "a third wrapper of a library"
