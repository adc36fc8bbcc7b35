#!/usr/bin/env bash
# Boot one lab VM in the background and wait until it takes commands.
#
#   vm-up.sh NAME          then   vm-exec.mjs NAME -- 'command'   and   vm-down.sh NAME
#
# Environment (see also lib.sh):
#   VMLAB_ARCH=amd64|arm64   VMLAB_MEM=1536 (MiB)   VMLAB_SMP=2
#   VMLAB_PROJECT=DIR        shared read-only at /mnt/project
#   VMLAB_OUT=DIR            shared writable  at /mnt/out
#   VMLAB_FWD="tcp:18080:8080 udp:15004:5004"   host 127.0.0.1:18080 -> guest 8080 ...
#   VMLAB_NET=open|restrict  restrict: the guest reaches nothing, hostfwd still works.
#                            open: the host's loopback is 10.0.2.2 for the guest.
#   VMLAB_ACCEL=auto|kvm|tcg VMLAB_CPU=MODEL  VMLAB_APPEND="more kernel arguments"
#   VMLAB_KEEP=1             keep the disk overlay of a previous run (reboot/upgrade tests)
#   VMLAB_SNAPSHOT=1         boot once, save the running machine, and from then on
#                            resume it in seconds (same image, memory, CPUs). The
#                            clock is set after the resume. 0 = always a real boot.
#   VMLAB_WAIT=300           seconds to wait for the guest agent
. "$(dirname "$0")/lib.sh"

NAME=${1:-vm}
MEM=${VMLAB_MEM:-1536} SMP=${VMLAB_SMP:-2} WAIT=${VMLAB_WAIT:-300}
IMG=${VMLAB_IMAGE:-$VMLAB_CACHE/image-$VMLAB_ARCH}
[ -f "$IMG/facts" ] || die "no image at $IMG: run build-image.sh first"
RUN=${VMLAB_RUN:-${TMPDIR:-/tmp}/vmlab-run}/$NAME              # short path: unix sockets allow ~100 bytes
mkdir -p "$RUN"
if [ -f "$RUN/pid" ] && kill -0 "$(cat "$RUN/pid")" 2>/dev/null; then die "$NAME is already running"; fi
rm -f "$RUN"/*.sock "$RUN"/pid "$RUN"/console.log
T0=$(date +%s.%N); echo "$T0" >"$RUN/t0"

# ---- accelerator ----------------------------------------------------------
# /dev/kvm alone says nothing: a host kernel with kvm_pvm and without kvm_intel
# or kvm_amd offers it, yet an ordinary guest kernel never gets anywhere there.
kvm_usable() {
  [ "$VMLAB_ARCH" = "$(dpkg --print-architecture)" ] && [ -w /dev/kvm ] &&
    { [ -d /sys/module/kvm_intel ] || [ -d /sys/module/kvm_amd ] || [ "$(uname -m)" = aarch64 ]; }
}
ACCEL=${VMLAB_ACCEL:-auto}
if [ "$ACCEL" = auto ]; then if kvm_usable; then ACCEL=kvm; else ACCEL=tcg; fi; fi
accel=(-accel "$ACCEL"); [ "$ACCEL" = tcg ] && accel=(-accel tcg,thread=multi,tb-size=512)

# ---- machine ----------------------------------------------------------------
case $VMLAB_ARCH in
  amd64) QEMU=qemu-system-x86_64; CON=ttyS0
         CPU=${VMLAB_CPU:-$([ "$ACCEL" = kvm ] && echo host || echo max)}
         machine=(-machine "${VMLAB_MACHINE:-q35}" -cpu "$CPU") 
         append="console=$CON no_timer_check tsc=reliable" ;;
  arm64) QEMU=qemu-system-aarch64; CON=ttyAMA0
         CPU=${VMLAB_CPU:-$([ "$ACCEL" = kvm ] && echo host || echo cortex-a72)}
         machine=(-machine "${VMLAB_MACHINE:-virt}" -cpu "$CPU")
         append="console=$CON" ;;
  *) die "unknown VMLAB_ARCH $VMLAB_ARCH" ;;
esac
KERNEL=${VMLAB_KERNEL:-$IMG/vmlinuz}
append="$append root=/dev/vda rw rootwait quiet mitigations=off audit=0 systemd.show_status=false rd.systemd.show_status=false ${VMLAB_APPEND:-}"

# ---- network ----------------------------------------------------------------
net="user,id=n0,ipv6=off"
[ "${VMLAB_NET:-open}" = restrict ] && net+=",restrict=on"
for f in ${VMLAB_FWD:-}; do
  IFS=: read -r proto hport gport <<<"$f"
  net+=",hostfwd=$proto:127.0.0.1:$hport-:$gport"
done

# Both shares are always present (a saved machine needs the same devices), and
# mounted only after the agent answers: QEMU cannot save a machine with a
# mounted 9p share.
mkdir -p "$RUN/empty"
[ -z "${VMLAB_OUT:-}" ] || mkdir -p "$VMLAB_OUT"
share=(
  -virtfs "local,path=$(readlink -f "${VMLAB_PROJECT:-$RUN/empty}"),mount_tag=project,security_model=none,readonly=on,multidevs=remap"
  -virtfs "local,path=$(readlink -f "${VMLAB_OUT:-$RUN/empty}"),mount_tag=out,security_model=mapped-xattr,multidevs=remap"
)

# ---- disk: a throw-away overlay, the image itself is never written ---------
SNAP= MODE=boot
if [ "${VMLAB_SNAPSHOT:-1}" = 1 ] && [ -z "${VMLAB_KEEP:-}" ]; then
  key=$(echo "$VMLAB_ARCH $MEM $SMP $CPU ${machine[*]} $KERNEL $append $("$QEMU" --version | head -n1)" | sha256sum | cut -c1-10)
  SNAP=$(readlink -f "$IMG")/ready-$key.qcow2
  if [ -f "$SNAP" ]; then MODE=resume; else MODE=save; fi
fi
if [ "$MODE" = resume ]; then cp --sparse=always --reflink=auto "$SNAP" "$RUN/disk.qcow2"
elif [ -z "${VMLAB_KEEP:-}" ] || [ ! -f "$RUN/disk.qcow2" ]; then
  rm -f "$RUN/disk.qcow2"
  qemu-img create -q -f qcow2 -F raw -b "$(readlink -f "$IMG")/root.img" "$RUN/disk.qcow2"
fi
resume=(); [ "$MODE" = resume ] && resume=(-loadvm ready)

# ---- go ---------------------------------------------------------------------
# In a session of its own, with no descriptor of ours: who calls us may hold a lock by one until all have closed it.
apart() {
  local fd
  for fd in /proc/self/fd/*; do fd=${fd##*/}; [ "$fd" -le 2 ] || eval "exec $fd>&-"; done
  exec setsid "$@"
}
# Console: $RUN/console.log always; interactive with  socat -,raw,echo=0 UNIX:$RUN/con.sock
apart "$QEMU" -name "vmlab-$NAME" -nodefaults -no-user-config -display none "${machine[@]}" "${accel[@]}" \
  -smp "$SMP" -m "$MEM" -kernel "$KERNEL" -initrd "$IMG/initrd.img" -append "$append" \
  -drive "if=none,id=d0,file=$RUN/disk.qcow2,format=qcow2,cache=unsafe,discard=unmap" -device virtio-blk-pci,drive=d0 \
  -netdev "$net" -device virtio-net-pci,netdev=n0,romfile= \
  -device virtio-rng-pci \
  -chardev "socket,id=con,path=$RUN/con.sock,server=on,wait=off,logfile=$RUN/console.log" -serial chardev:con \
  -device virtio-serial-pci \
  -chardev "socket,id=qga,path=$RUN/qga.sock,server=on,wait=off" \
  -device virtserialport,chardev=qga,name=org.qemu.guest_agent.0 \
  -qmp "unix:$RUN/qmp.sock,server=on,wait=off" \
  "${share[@]}" "${resume[@]}" </dev/null >"$RUN/qemu.log" 2>&1 &
PID=$!
echo "$PID" >"$RUN/pid"
sleep 0.3
kill -0 "$PID" 2>/dev/null || { cat "$RUN/qemu.log" >&2; die "qemu did not start"; }

VMLAB_RUN=${VMLAB_RUN:-${TMPDIR:-/tmp}/vmlab-run} node "$VMLAB_HERE/vm-exec.mjs" --wait "$WAIT" "$NAME" ||
  { tail -n 20 "$RUN/console.log" >&2; die "$NAME did not come up in ${WAIT}s (console: $RUN/console.log)"; }
if [ "$MODE" = save ]; then
  # Let the boot settle, save, stop, and start again from what was saved.
  X() { VMLAB_RUN=${VMLAB_RUN:-${TMPDIR:-/tmp}/vmlab-run} node "$VMLAB_HERE/vm-exec.mjs" "$NAME" "$@"; }
  X --timeout 120 -- 'for i in $(seq 60); do s=$(systemctl is-system-running); [ "$s" = starting ] || [ "$s" = initializing ] || break; sleep 1; done; udevadm settle -t 30; systemd-analyze | head -n1; sync' >&2 || true
  VMLAB_RUN=${VMLAB_RUN:-${TMPDIR:-/tmp}/vmlab-run} node "$VMLAB_HERE/vm-exec.mjs" --monitor 'savevm ready' "$NAME"
  bash "$VMLAB_HERE/vm-stop-qemu.sh" "$PID" "vmlab-$NAME"
  mv "$RUN/disk.qcow2" "$SNAP.part" && mv "$SNAP.part" "$SNAP"
  rm -f "$RUN/pid"
  say "saved the booted machine: $(du -m "$SNAP" | cut -f1)M after $(awk -v a="$T0" -v b="$(date +%s.%N)" 'BEGIN{printf "%.1f", b-a}')s"
  exec bash "$0" "$NAME"
fi
# a resumed machine believes it is still the time of the save; qga sets it
[ "$MODE" = boot ] || VMLAB_RUN=${VMLAB_RUN:-${TMPDIR:-/tmp}/vmlab-run} node "$VMLAB_HERE/vm-exec.mjs" "$NAME" -- "date -s @$(date +%s.%N) >/dev/null"
VMLAB_RUN=${VMLAB_RUN:-${TMPDIR:-/tmp}/vmlab-run} node "$VMLAB_HERE/vm-exec.mjs" "$NAME" -- /usr/local/sbin/vmlab-mounts
# Processor seconds say more than wall-clock time on a machine that is shared.
CPUS=$(awk -v hz="$(getconf CLK_TCK)" '{printf "%.0f", ($14+$15)/hz}' "/proc/$PID/stat")
awk -v a="$T0" -v b="$(date +%s.%N)" -v n="$NAME" -v p="$PID" -v acc="$ACCEL" -v cpu="$CPU" -v cs="$CPUS" -v mode="$MODE" \
  'BEGIN{printf "[vmlab] %s up (%s): pid %s, %s/%s, ready after %.1fs wall, %s cpu-s\n", n, mode, p, acc, cpu, b-a, cs}' >&2
