#!/usr/bin/env bash
# The lab's disk image, in a minute or two; nothing when the one in the cache is of the same ingredients.
#
# The host's apt resolves and fetches, the host's dpkg-deb unpacks, and the few
# things that the packages' install scripts would have done are done by hand:
# letting them run takes five minutes, and half an hour where dpkg itself is
# emulated. The result boots a real systemd, and dpkg-query in it knows what is
# installed; installing more packages inside does not work.
#
#   [VMLAB_ARCH=arm64] build-image.sh        prints the image's folder
. "$(dirname "$0")/lib.sh"
[ "$(id -u)" = 0 ] || die "run as root"
A=$VMLAB_ARCH; case $A in arm64) M=aarch64 ;; amd64) M=x86_64 ;; *) die "arch $A?" ;; esac
G=$VMLAB_HERE/guest
list() { sed 's/#.*//' "$VMLAB_HERE/../../native-deps/apt-$1.txt"; }
# What the lab itself needs, and what the gateway's set-up asks for.
mapfile -t PKGS < <(echo "systemd systemd-sysv udev dbus kmod iproute2 iputils-ping procps curl busybox-static
  util-linux passwd qemu-guest-agent v4l-utils alsa-utils libatomic1 linux-image-$A
  $(list runtime) $(list build) ${VMLAB_EXTRA_PKGS-}" | tr -s ' \n' '\n' | sed '/^$/d' | sort -u)
MODULE_DROP=(drivers/gpu drivers/net/ethernet drivers/net/wireless drivers/infiniband drivers/scsi
  drivers/staging drivers/iio drivers/hwmon drivers/mtd drivers/media/dvb-frontends
  drivers/media/pci drivers/media/tuners sound/pci sound/soc net/bluetooth net/mac80211
  fs/ocfs2 fs/xfs fs/btrfs fs/ceph fs/nfs fs/nfsd fs/smb fs/gfs2 fs/f2fs)


# ---- cache: one image for each set of ingredients, one builder at a time ----
mkdir -p "$VMLAB_CACHE"; exec 9>"$VMLAB_CACHE/lock-$A"
flock -n 9 || { say "waiting for another build"; flock 9; }
KEY=$( { echo "$A $VMLAB_SUITE $VMLAB_DISK $(node --version)" "${PKGS[@]}"; cat "$VMLAB_HERE"/{build-image.sh,lib.sh,guest/*}; } |
  sha256sum | cut -c1-12)
OUT=$VMLAB_CACHE/image-$A-$KEY
ln -sfn "$(basename "$OUT")" "$VMLAB_CACHE/image-$A"
if [ -f "$OUT/facts" ]; then say "image $KEY is there"; echo "$OUT"; exit 0; fi

DEBS=$VMLAB_CACHE/debs-$A; mkdir -p "$DEBS/partial"
TMP=$(mktemp -d "$VMLAB_CACHE/build.XXXXXX"); trap 'rm -rf --one-file-system "$TMP"' EXIT
ROOT=$TMP/root; mkdir -p "$ROOT"
VMLAB_TIMES=$TMP/times; : >"$VMLAB_TIMES"

# ---- resolve and fetch with the host's apt, its state kept apart -----------
fetch() {
  local d=$VMLAB_CACHE/apt-$A; mkdir -p "$d/lists/partial" "$d/dpkg" "$d/none/partial"; : >"$d/dpkg/status"
  local by=signed-by=/usr/share/keyrings/debian-archive-keyring.gpg
  printf 'deb [arch=%s %s] %s %s main\n' "$A" "$by" "$VMLAB_MIRROR" "$VMLAB_SUITE" \
    "$A" "$by" "$VMLAB_SECURITY" "$VMLAB_SUITE-security" >"$d/sources.list"
  cat >"$d/apt.conf" <<EOF
APT::Architecture "$A"; APT::Architectures {"$A";}; APT::Install-Recommends "0"; APT::Sandbox::User "root";
Acquire::Languages "none"; Acquire::Retries "3";
Dir::State "$d"; Dir::State::lists "$d/lists"; Dir::State::status "$d/dpkg/status";
Dir::Cache "$d"; Dir::Cache::archives "$DEBS"; Dir::Etc::sourcelist "$d/sources.list";
Dir::Etc::sourceparts "/dev/null"; Dir::Etc::main "/dev/null"; Dir::Etc::parts "/dev/null";
EOF
  export APT_CONFIG=$d/apt.conf
  apt-get -qq update
  apt-get -qq -y --download-only install '?essential' "${PKGS[@]}"
  apt-get -qq -y --print-uris -o Dir::Cache::archives="$d/none" install '?essential' "${PKGS[@]}" |
    awk '{print $2}' >"$TMP/list"
  unset APT_CONFIG
}
unpack() {
  local l; for l in bin sbin lib lib64; do mkdir -p "$ROOT/usr/$l"; ln -s "usr/$l" "$ROOT/$l"; done
  local ex=(); for l in "${MODULE_DROP[@]}"; do ex+=("--exclude=./lib/modules/*/kernel/$l"); done
  export ROOT DEBS
  while read -r f; do
    dpkg-deb --fsys-tarfile "$DEBS/$f" | tar -x -C "$ROOT" --keep-directory-symlink \
      --exclude='./usr/share/man/*' --exclude='./usr/share/doc/*' --exclude='./usr/share/locale/*' "${ex[@]}" -f - \
      || die "unpack $f"
    # What dpkg would have written down.
    { dpkg-deb -f "$DEBS/$f" | sed '1a Status: install ok installed'; echo; } >>"$TMP/status"
  done <"$TMP/list"
}
get_node() {
  if [ "$A" = "$(dpkg --print-architecture)" ] && command -v node >/dev/null; then
    install -D -m755 "$(readlink -f "$(command -v node)")" "$ROOT/usr/bin/node"; npm_too; return
  fi
  local have=$VMLAB_CACHE/node-$A-$VMLAB_NODE_MAJOR
  if [ ! -x "$have" ]; then
    ( mkdir -p "$TMP/n"; cd "$TMP/n"; npm pack --silent "node-linux-$A@$VMLAB_NODE_MAJOR" >/dev/null
      tar xzf node-linux-*.tgz; install -m755 package/bin/node "$have" )
  fi
  install -D -m755 "$have" "$ROOT/usr/bin/node"; npm_too
}
# npm is JavaScript: the host's does for every architecture.
npm_too() {
  mkdir -p "$ROOT/usr/lib/node_modules"
  cp -R "$(npm root -g)/npm" "$ROOT/usr/lib/node_modules/"
  ln -sf ../lib/node_modules/npm/bin/npm-cli.js "$ROOT/usr/bin/npm"
}
# ---- what the install scripts would have done --------------------------------
settle() {
  cd "$ROOT"
  cp usr/share/base-passwd/passwd.master etc/passwd; cp usr/share/base-passwd/group.master etc/group
  sed -i 's/^root:\*:/root::/; s#^\(root:.*\):[^:]*$#\1:/bin/bash#' etc/passwd
  cp -n usr/share/base-files/nsswitch.conf etc/nsswitch.conf 2>/dev/null || cp usr/share/libc-bin/nsswitch.conf etc/nsswitch.conf
  cp -n usr/share/base-files/profile etc/profile || true
  cp -n usr/share/base-files/dot.bashrc root/.bashrc || true
  mkdir -p etc/pam.d run var/log tmp proc sys dev mnt/project mnt/out; chmod 1777 tmp
  ln -sfn /run var/run; ln -sfn /run/lock var/lock
  echo 'auth sufficient pam_permit.so'     >etc/pam.d/common-auth
  echo 'account required pam_permit.so'    >etc/pam.d/common-account
  echo 'password required pam_permit.so'   >etc/pam.d/common-password
  printf 'session required pam_permit.so\nsession optional pam_systemd.so\n' >etc/pam.d/common-session
  cp etc/pam.d/common-session etc/pam.d/common-session-noninteractive
  mkdir -p var/lib/dpkg/info; cp "$TMP/status" var/lib/dpkg/status
  printf 'u messagebus - "D-Bus" /nonexistent\nu mosquitto - "Mosquitto" /var/lib/mosquitto\n' >usr/lib/sysusers.d/vmlab.conf
  systemd-sysusers --root="$ROOT" 2>/dev/null
  ln -sf mawk usr/bin/awk
  : >etc/machine-id; echo vmlab >etc/hostname; echo '127.0.0.1 localhost vmlab' >etc/hosts
  rm -f etc/resolv.conf; echo 'nameserver 10.0.2.3' >etc/resolv.conf
  echo '/dev/vda / ext4 rw,noatime 0 1' >etc/fstab
  install -D -m644 "$G/modules-load.conf" etc/modules-load.d/vmlab.conf
  install -D -m644 "$G/modprobe.conf" etc/modprobe.d/vmlab.conf
  install -D -m644 "$G/network" etc/systemd/network/10-vmlab.network
  install -D -m644 "$G/autologin.conf" etc/systemd/system/serial-getty@.service.d/autologin.conf
  install -D -m755 "$G/vmlab-mounts" usr/local/sbin/vmlab-mounts
  install -D -m644 "$G/qga-restart.conf" etc/systemd/system/qemu-guest-agent.service.d/vmlab.conf
  echo 'd /var/lib/mosquitto 0755 mosquitto mosquitto
d /var/log/mosquitto 0755 mosquitto mosquitto' >usr/lib/tmpfiles.d/vmlab.conf
  local u
  for u in systemd-networkd.service systemd-networkd.socket mosquitto.service; do
    systemctl --quiet --root="$ROOT" enable "$u" 2>/dev/null || true
  done
  for u in apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer fstrim.timer \
      e2scrub_reap.service systemd-networkd-wait-online.service alsa-restore.service alsa-state.service \
      systemd-pstore.service systemd-hwdb-update.service ldconfig.service getty@tty1.service; do
    ln -sf /dev/null "etc/systemd/system/$u"
  done
  KVER=$(basename "$ROOT"/lib/modules/*); depmod -b "$ROOT" "$KVER"
  # two emulated programs: the library cache and the GStreamer plugin scan
  chroot "$ROOT" /sbin/ldconfig || say "ldconfig under qemu-user failed (harmless)"
  if [ -z "${VMLAB_NO_REGISTRY:-}" ]; then
    chroot "$ROOT" env HOME=/root timeout 300 gst-inspect-1.0 >/dev/null 2>&1 || say "plugin scan not done"
    mkdir -p var/cache/vmlab; cp root/.cache/gstreamer-1.0/registry.*.bin var/cache/vmlab/gst-registry.bin 2>/dev/null || true
  fi
  cd /
}
# ---- a hand-made initrd: static busybox, six modules, one script -------------
initrd() {
  local I=$TMP/initrd; mkdir -p "$I"/{bin,dev,proc,sys,root,m}
  cp "$ROOT/bin/busybox" "$I/bin/busybox"; ln -s busybox "$I/bin/sh"
  local m f; : >"$I/m/order"
  for m in virtio_pci virtio_blk crc32c_generic ext4; do
    modprobe -d "$ROOT" -S "$KVER" --show-depends "$m" 2>/dev/null | awk '$1=="insmod"{print $2}'
  done | awk '!s[$0]++' | while read -r f; do
    cp "$f" "$I/m/"; basename "$f" >>"$I/m/order"
  done
  cat >"$I/init" <<'EOF'
#!/bin/sh
B=/bin/busybox
$B mount -t devtmpfs dev /dev; $B mount -t proc proc /proc; $B mount -t sysfs sys /sys
while read -r m; do $B insmod /m/$m; done </m/order
i=0; while [ ! -b /dev/vda ] && [ $i -lt 300 ]; do $B usleep 50000; i=$((i+1)); done
$B mount -t ext4 -o rw,noatime /dev/vda /root || exec /bin/sh
$B mount -o move /dev /root/dev; $B umount /proc; $B umount /sys
exec $B switch_root /root /sbin/init
EOF
  chmod 755 "$I/init"
  ( cd "$I" && find . | cpio -o -H newc --quiet ) >"$TMP/initrd.img"
}
image() { mke2fs -q -t ext4 -L vmlab-root -m 0 -E lazy_itable_init=0,lazy_journal_init=0 -d "$ROOT" "$TMP/root.img" "$VMLAB_DISK"; }

step "resolve and fetch" fetch
step "unpack $(wc -l <"$TMP/list") packages" unpack
step "node" get_node
step "settle" settle
step "initrd" initrd
rm -rf "$OUT"; mkdir -p "$OUT"
cp "$ROOT"/boot/vmlinuz-* "$OUT/vmlinuz"; cp "$TMP/initrd.img" "$OUT/initrd.img"
step "mke2fs -d" image
mv "$TMP/root.img" "$OUT/root.img"
{ echo "arch=$A"; echo "kernel=$KVER"; echo "tree=$(du -sm "$ROOT" | cut -f1)M"
  echo "initrd=$(stat -c %s "$OUT/initrd.img")"; sed 's/^/time: /' "$VMLAB_TIMES"; } >"$OUT/facts"
# Images of other ingredients, with the machines that were saved on them, are of no use any more.
for old in "$VMLAB_CACHE/image-$A"-*; do [ "$old" = "$OUT" ] || rm -rf "$old"; done
say "done: $(tr '\n' ' ' <"$OUT/facts")"; echo "$OUT"
