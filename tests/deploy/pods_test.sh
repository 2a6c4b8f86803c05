#!/bin/bash
# The mounts of the pods as the kubelet makes them, in mount namespaces: what a privileged pod mounts below
# a Bidirectional volume appears on the machine and in pods that have it HostToContainer, also after the
# daemon was killed; and the capabilities of components/unprivileged suffice, with a read-only root.
#
#   pods_test.sh REPOSFS
set -euo pipefail

if [ ! -e /dev/fuse ] || [ "$(id -u)" -ne 0 ]; then
  echo "SKIPPED: this needs root and /dev/fuse"
  exit 77
fi
# A machine of its own: whatever happens, no mount outlives the test.
if [ "${1:-}" != --inside ]; then
  exec unshare --mount --propagation private --kill-child --fork "$0" --inside "$(realpath "$1")"
fi

binary=$2
here=$(realpath "$(dirname "$0")")
component=$here/../../deploy/kubernetes/components/unprivileged/fuse-device.yaml
machine=$(mktemp -d)
daemon=
reader=

fail() {
  echo "FAILED: $*" >&2
  cat "$machine/log" >&2
  exit 1
}

end() { # pid signal
  if [ -z "$1" ]; then return 0; fi
  kill "-$2" "$1" 2>/dev/null || true
  wait "$1" 2>/dev/null || true
}

clean_up() {
  end "$reader" KILL
  end "$daemon" KILL
  umount -l "$machine"
  rmdir "$machine"
}
mount -t tmpfs -o mode=700 machine "$machine"
trap clean_up EXIT
mount --make-shared "$machine"
# For others than root too: the pods that read are theirs.
chmod 755 "$machine"

eventually() { # what; a command that says whether it is so
  local what=$1 deadline=$((SECONDS + 20))
  shift
  until "$@"; do
    if [ $SECONDS -ge $deadline ]; then fail "waited in vain until $what"; fi
    sleep 0.05
  done
}

mkdir -p "$machine"/{volume,cache,served/owner,pod}
git init -q --bare -b main "$machine/served/owner/name.git"
git -C "$machine/served/owner/name.git" fast-import --quiet <<'END'
commit refs/heads/main
committer Ada Example <ada@example.org> 1700000000 +0000
data 3
one
M 100644 inline README.md
data 6
hello

END
cat >"$machine/reposfs.yaml" <<END
cache: { directory: $machine/cache, quota: 70% }
hosts: { local: { url: "file://$machine/served/{owner}/{name}.git" } }
http: { listen: "127.0.0.1:0" }
mount: { allowOther: true }
END

# A container: the volume is shared with the machine, the rest of the root can't be written.
# $2... go between the shell and the program.
start_daemon() { # mountpoint word...
  local mountpoint=$1
  shift
  # shellcheck disable=SC2016  # The inner shell expands them.
  unshare --mount --propagation unchanged sh -ec '
    mount --make-private /
    mount -o remount,bind,ro /
    if touch "$0/root-is-writable" 2>/dev/null; then exit 1; fi
    exec "$@"' "$here" "$@" "$binary" mount --foreground --config "$machine/reposfs.yaml" \
    "$mountpoint" 2>>"$machine/log" &
  daemon=$!
}

# A pod of somebody else that was there before the mount: it writes down what it can read.
start_reader() {
  # shellcheck disable=SC2016
  unshare --mount --propagation slave sh -ec '
    mount --bind "$0/volume" "$0/pod"
    mount -o remount,bind,ro "$0/pod"
    if touch "$0/pod/file" 2>/dev/null; then exit 1; fi
    touch "$0/pod-started"
    exec setpriv --reuid 1000 --regid 1000 --clear-groups --no-new-privs sleep 600' "$machine" &
  reader=$!
}

# By its root in /proc: the reader's own mount namespace.
in_pod() { nsenter --target "$reader" --mount setpriv --reuid 1000 --clear-groups "$@"; }
pod_reads() { [ "$(in_pod cat "$machine/pod/repos/local/owner/name/README.md" 2>/dev/null)" = hello ]; }
machine_reads() { [ "$(cat "$machine/volume/repos/local/owner/name/README.md" 2>/dev/null)" = hello ]; }
pod_sees_no_mount() { ! in_pod test -e "$machine/pod/repos/local"; }

start_reader
eventually "the pod that reads has started" test -e "$machine/pod-started"
start_daemon "$machine/volume/repos"
eventually "the pod reads the repository" pod_reads
eventually "the machine reads the repository" machine_reads
if in_pod touch "$machine/pod/repos/local/owner/name/file" 2>/dev/null; then fail "the pod could write"; fi

# A pod that was killed leaves its mount on the machine; the next one clears it away.
end "$daemon" KILL
start_daemon "$machine/volume/repos"
eventually "the pod reads the repository of the next daemon" pod_reads

end "$daemon" TERM
eventually "the mount is gone from the pod" pod_sees_no_mount

# components/unprivileged: no_new_privs is allowPrivilegeEscalation: false.
added=$(sed -nE 's/^ *add: \[(.*)\]$/\L\1/p' "$component")
if [ -z "$added" ]; then fail "no capabilities in $component"; fi
bounding=-all
for capability in ${added//,/ }; do bounding+=,+$capability; done
mkdir "$machine/repos"
start_daemon "$machine/repos" setpriv --no-new-privs --bounding-set "$bounding" --inh-caps "$bounding"
own_reads() { [ "$(cat "$machine/repos/local/owner/name/README.md" 2>/dev/null)" = hello ]; }
eventually "a daemon without privileges serves" own_reads
end "$daemon" TERM
daemon=
