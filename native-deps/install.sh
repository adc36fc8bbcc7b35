#!/bin/sh
# Installs this checkout as a service: program, user, directories, configuration and systemd unit. Run it again to
# upgrade; a configuration that is there is kept. Needs root.
#   native-deps/install.sh [--no-start]
# With DESTDIR=<folder> it only lays the files out below that folder: no users, no services, no root.
set -eu

cd "$(dirname "$0")/.."
destination=${DESTDIR:-}
start=yes
for argument in "$@"; do
  case $argument in
    --no-start) start= ;;
    *) echo "usage: native-deps/install.sh [--no-start]" >&2; exit 64 ;;
  esac
done

fail() { echo "$1" >&2; exit 1; }

[ -n "$destination" ] || [ "$(id -u)" = 0 ] || fail "Installing needs root. Run: sudo native-deps/install.sh"
node=$(command -v node) || fail "Node was not found. Install it for all users, for example from https://nodejs.org/en/download"
node=$(readlink -f "$node")
# The unit lets nothing outside /usr be executed, and hides the homes.
case $node in
  /usr/*) ;;
  *) fail "Node is in $node, where a service cannot use it. Install it for all users, below /usr." ;;
esac

"$node" native-deps/set-up.mjs

# Everything comes to stand beside the installed program first, so that the exchange is short.
library=$destination/usr/lib/vedette
rm -rf "$library.new"
mkdir -p "$library.new/dist"
cp package.json LICENSE "$library.new/"
cp -R dist/daemon dist/config "$library.new/dist/"
npm ls --omit=dev --all --parseable | sed -n "s#^$PWD/##p" |
  tar -c --exclude=obj.target --exclude='*.o' --exclude='*.map' -T - | tar -x -C "$library.new"
find "$library.new" -type d -exec chmod 755 {} +
find "$library.new" -type f -exec chmod go+r,go-w {} +
[ -n "$destination" ] || chown -R root:root "$library.new"
rm -rf "$library.old"
[ ! -e "$library" ] || mv "$library" "$library.old"
mv "$library.new" "$library"
rm -rf "$library.old"

mkdir -p "$destination/usr/bin"
cat >"$destination/usr/bin/vedette.new" <<WRAPPER
#!/bin/sh
# As root it acts as the service's user, so that the service can read what it writes; and it finds the service's state.
case \$(id -un) in
  root) exec setpriv --reuid=vedette --regid=vedette --init-groups env HOME=/var/lib/vedette "\$0" "\$@" ;;
  vedette) export STATE_DIRECTORY="\${STATE_DIRECTORY:-/var/lib/vedette}" ;;
esac
# As the first line of main.js has it.
export MALLOC_ARENA_MAX=1 MALLOC_MMAP_THRESHOLD_=66000 MALLOC_TRIM_THRESHOLD_=66000
exec $node --disable-proto=delete --max-old-space-size=192 --max-semi-space-size=1 /usr/lib/vedette/dist/daemon/main.js "\$@"
WRAPPER
chmod 755 "$destination/usr/bin/vedette.new"
mv "$destination/usr/bin/vedette.new" "$destination/usr/bin/vedette"

lay() { mkdir -p "$(dirname "$destination$2")" && cp "$1" "$destination$2" && chmod 644 "$destination$2"; }
lay systemd/vedette.service /usr/lib/systemd/system/vedette.service
lay systemd/sysusers.conf /usr/lib/sysusers.d/vedette.conf
lay systemd/tmpfiles.conf /usr/lib/tmpfiles.d/vedette.conf
lay systemd/udev.rules /usr/lib/udev/rules.d/70-vedette.rules
for document in README.md CHANGELOG.md LICENSE config/vedette.example.yaml systemd/mosquitto.conf.example systemd/mosquitto.acl.example docs/*.md; do
  lay "$document" "/usr/share/doc/vedette/$(basename "$document")"
done

if [ -z "$destination" ]; then
  if command -v systemd-sysusers >/dev/null; then
    systemd-sysusers vedette.conf
    systemd-tmpfiles --create vedette.conf
  else
    id vedette >/dev/null 2>&1 || useradd --system --home-dir /var/lib/vedette --shell /usr/sbin/nologin vedette
    for group in video audio render; do
      getent group "$group" >/dev/null || groupadd --system "$group"
      usermod -a -G "$group" vedette
    done
    install -d -m 750 -o root -g vedette /etc/vedette
    install -d -m 700 /etc/vedette/credentials
    install -d -m 700 -o vedette -g vedette /var/lib/vedette /var/cache/vedette
    chown -Rh vedette:vedette /var/lib/vedette
  fi
else
  mkdir -p "$destination/etc/vedette/credentials" "$destination/var/lib/vedette" "$destination/var/cache/vedette"
fi

config=$destination/etc/vedette/config.yaml
if [ ! -e "$config" ]; then
  cat >"$config" <<'CONFIG'
# The settings of this gateway: only what differs from the defaults. All settings, with what they mean:
# /usr/share/doc/vedette/vedette.example.yaml. To try a change: vedette --check-config
#
# streams:
#   front:
#     video: { width: 1920, height: 1080, frameRate: 25 }
CONFIG
  chmod 640 "$config"
  [ -n "$destination" ] || chown root:vedette "$config"
fi

if [ -n "$destination" ]; then
  echo "Vedette is laid out in $destination."
elif [ -d /run/systemd/system ]; then
  # Where udev does not run there is nobody to follow the rules.
  udevadm control --reload 2>/dev/null && udevadm trigger --subsystem-match=dma_heap || true
  systemctl daemon-reload
  systemctl enable vedette.service
  [ -z "$start" ] || systemctl restart vedette.service
  echo "Vedette is installed. Its configuration: /etc/vedette/config.yaml; its log: journalctl -u vedette"
else
  echo "Vedette is installed. systemd does not run here; start it with: vedette --config /etc/vedette/config.yaml"
fi
