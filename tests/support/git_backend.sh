#!/bin/sh
# A CGI program in front of `git http-backend` that remembers each request and can misbehave on demand.
#
# $REPOSFS_STATE/requests      one line per request, as it arrives: <kind> <repository> <client> <id>
# $REPOSFS_STATE/bodies/<id>   what was asked, for kind `pack`
# Each of these may stand in $REPOSFS_STATE (every repository) or in $REPOSFS_STATE/<repository>:
#   hold     requests whose text matches the regular expression in it wait until the file is gone
#   spare    but not those whose text matches this one
#   delay    seconds to wait before each answer
#   fail     an HTTP status and more header lines, sent instead of an answer
#   cut      the answer ends after so many bytes
#   old      the server has never heard of protocol version 2
state=$REPOSFS_STATE
repository=${PATH_INFO#/}
case $repository in
  */info/refs) kind=info repository=${repository%/info/refs} ;;
  */git-upload-pack) kind=pack repository=${repository%/git-upload-pack} ;;
  *) kind=other ;;
esac
id=$$-$REMOTE_PORT
echo "$kind $repository $REMOTE_ADDR $id" >>"$state/requests"

body=$state/bodies/$id
if [ "$kind" = pack ]; then
  case $HTTP_CONTENT_ENCODING in
    *gzip*) gzip -dc >"$body" ;;
    *) cat >"$body" ;;
  esac
  unset HTTP_CONTENT_ENCODING CONTENT_LENGTH
else
  echo "$kind" >"$body"
fi

is_held() { # place
  [ -f "$1/hold" ] && grep -aEq -f "$1/hold" "$body" &&
    ! { [ -f "$1/spare" ] && grep -aEq -f "$1/spare" "$body"; }
}

for place in "$state" "$state/$repository"; do
  while is_held "$place"; do sleep 0.02; done
  if [ -f "$place/delay" ]; then sleep "$(cat "$place/delay")"; fi
  if [ -f "$place/fail" ]; then
    printf 'Status: %s\r\n\r\n' "$(cat "$place/fail")"
    exit
  fi
done

export GIT_PROTOCOL="$HTTP_GIT_PROTOCOL"
for place in "$state" "$state/$repository"; do
  if [ -f "$place/old" ]; then unset GIT_PROTOCOL HTTP_GIT_PROTOCOL; fi
  if [ -f "$place/cut" ]; then
    git http-backend <"$body" | head -c "$(cat "$place/cut")"
    exit
  fi
done
exec git http-backend <"$body"
