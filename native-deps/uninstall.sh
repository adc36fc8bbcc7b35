#!/bin/sh
# Takes back what install.sh did. Configuration, users and recordings stay, unless --purge is given. Needs root.
#   native-deps/uninstall.sh [--purge]
set -eu

destination=${DESTDIR:-}
purge=
for argument in "$@"; do
  case $argument in
    --purge) purge=yes ;;
    *) echo "usage: native-deps/uninstall.sh [--purge]" >&2; exit 64 ;;
  esac
done
if [ -z "$destination" ] && [ "$(id -u)" != 0 ]; then
  echo "Uninstalling needs root. Run: sudo native-deps/uninstall.sh" >&2
  exit 1
fi

if [ -z "$destination" ] && [ -d /run/systemd/system ]; then
  systemctl disable --now vedette.service 2>/dev/null || true
fi
rm -rf "$destination/usr/lib/vedette" "$destination/usr/share/doc/vedette" "$destination/var/cache/vedette"
rm -f "$destination/usr/bin/vedette" "$destination/usr/lib/systemd/system/vedette.service" \
  "$destination/usr/lib/sysusers.d/vedette.conf" "$destination/usr/lib/tmpfiles.d/vedette.conf" \
  "$destination/usr/lib/udev/rules.d/70-vedette.rules"
if [ -n "$purge" ]; then
  rm -rf "$destination/etc/vedette" "$destination/var/lib/vedette"
  if [ -z "$destination" ] && id vedette >/dev/null 2>&1; then userdel vedette; fi
fi
if [ -z "$destination" ] && [ -d /run/systemd/system ]; then systemctl daemon-reload; fi
[ -n "$purge" ] || echo "Kept: /etc/vedette and /var/lib/vedette. To remove them too: native-deps/uninstall.sh --purge"
