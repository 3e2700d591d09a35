#!/bin/sh
# Install what the pages, reports and tests need from the system, where that is possible: fonts and
# pango for reports; for tests also Chromium, and the broker and database they start by themselves.
# With the argument "fonts" only what showing pages and writing reports needs.
set -u
want="fontconfig:fc-list fonts-noto-cjk: libpango-1.0-0: libpangoft2-1.0-0:"
[ "${1:-}" = fonts ] || want="$want chromium:chromium mosquitto: openssl:openssl postgresql: postgresql-postgis:"

missing=""
for entry in $want; do
  package=${entry%%:*}
  program=${entry#*:}
  case "$package" in
    fonts-noto-cjk)
      fc-list 2>/dev/null | grep -qi 'Noto Sans CJK' && continue ;;
    chromium)
      for each in chromium chromium-browser google-chrome google-chrome-stable; do
        command -v "$each" >/dev/null 2>&1 && continue 2
      done ;;
    mosquitto)
      PATH=$PATH:/usr/sbin command -v mosquitto >/dev/null 2>&1 && continue ;;
    postgresql)
      ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 && continue
      command -v initdb >/dev/null 2>&1 && continue ;;
    postgresql-postgis)
      ls /usr/share/postgresql/*/extension/postgis.control >/dev/null 2>&1 && continue ;;
    libpango*)
      ldconfig -p 2>/dev/null | grep -q "${package%-0}" && continue ;;
    *)
      command -v "$program" >/dev/null 2>&1 && continue ;;
  esac
  missing="$missing $package"
done
[ -z "$missing" ] && exit 0

if ! command -v apt-get >/dev/null 2>&1; then
  echo "Please install:$missing. Going on with what works."
  exit 0
fi
as_root=""
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null 2>&1; then
    echo "Please install as root:$missing. Going on with what works."
    exit 0
  fi
  as_root=sudo
fi
case "$missing" in
  *chromium*)
    # Ubuntu's package is a doorway to a snap, which does not run in many places
    if grep -qs '^ID=ubuntu' /etc/os-release; then
      echo "Chromium comes as a snap here; install Chrome or Chromium yourself for the browser tests."
      missing=$(echo "$missing" | sed 's/chromium//')
    fi ;;
esac
[ -z "$(echo "$missing" | tr -d ' ')" ] && exit 0
echo "Installing system packages through apt:$missing"
$as_root apt-get update -qq
# RUNLEVEL=1 keeps the broker and the database from being started as services of this machine
# shellcheck disable=SC2086
$as_root env RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing \
  >/dev/null || echo "Could not install:$missing. Going on with what works."
# charts remember which fonts there were
case "$missing" in
  *fonts*) rm -f "${MPLCONFIGDIR:-${XDG_CACHE_HOME:-$HOME/.cache}/matplotlib}"/fontlist-*.json ;;
esac
exit 0
