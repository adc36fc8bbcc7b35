// Privacy outlives a reboot. Run last but one: the viewers' machine is gone for a minute.
import { check, eventually, expect, guest, meanLuma, request, snapshot, untilState, Viewer } from './lab.mjs';

const DEBUG_RULE = '/etc/udev/rules.d/99-vmlab.rules';

/** How often a camera has begun to stream since the machine started, as its driver tells. */
const streamsBegun = async () => Number(await guest("dmesg | grep -c 'VIDIOC_STREAMON' || true"));

export async function reboot() {
  await check(
    'the machine is rebooted with privacy on: the stream shows that, its camera is never opened',
    async () => {
      const answer = await request('stream/privacy', { name: 'camera', privacy: true });
      expect(answer.status === 'ok', JSON.stringify(answer));
      // The V4L2 core tells of each ioctl.
      await guest(`cat >${DEBUG_RULE}; sync`, { input: 'SUBSYSTEM=="video4linux", ATTR{dev_debug}="0x1"\n' });
      const before = await guest('cat /proc/sys/kernel/random/boot_id');
      await guest('systemd-run --quiet --on-active=1 systemctl reboot');
      await eventually(async () => {
        expect((await guest('cat /proc/sys/kernel/random/boot_id', { timeout: 10 })) !== before, 'it is still up');
      }, 240_000);
      await guest('vmlab-mounts');
      await eventually(() => snapshot());
      // The broker has kept what was said before the reboot: this is the new gateway's.
      await untilState('privacy');
      const viewer = new Viewer();
      try {
        await viewer.sees(({ level }) => level < 40, 'dark picture');
        for (let i = 0; i < 10; i++) await viewer.sees(({ level }) => level < 40, 'more of it');
        const picture = meanLuma(await eventually(() => snapshot()));
        expect(picture < 40, `the snapshot's mean luma is ${picture}`);
        expect(
          viewer.pictures.every(({ level }) => level < 40),
          'a viewer saw the camera',
        );
        const begun = await streamsBegun();
        expect(begun === 0, `the camera began to stream ${begun} times`);
        const start = performance.now();
        await request('stream/privacy', { name: 'camera', privacy: false });
        const took = await viewer.sees(({ level }) => level > 45, 'picture of the camera', start);
        // That the count counts.
        expect((await streamsBegun()) > 0, 'the driver tells of no stream at all');
        return `snapshot's mean luma ${picture}; taken back, the picture comes after ${Math.round(took)} ms`;
      } finally {
        viewer.stop();
        await guest(`rm -f ${DEBUG_RULE}`);
      }
    },
  );
}
