/**
 * Memory of the gateway with one camera, one microphone, one RTSP and one WebRTC viewer: PSS of every process.
 * `node dist/bench/memory.js [seconds to settle]`.
 */
import { constants, copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Daemon } from '../test/support/daemon.ts';
import { releaseViewers, WebRtcViewer } from '../test/support/webrtc-viewer.ts';
import { processTreeMemory } from './support/process-memory.ts';
import { table } from './support/report.ts';
import { RtspViewer } from './support/rtsp-viewer.ts';

const GOAL_MB = 150;
const settle = Number(process.argv[2] ?? 20);
const megabytes = (kibibytes: number): string => ((kibibytes * 1024) / 1e6).toFixed(1);

const folder = mkdtempSync(join(tmpdir(), 'vedette-bench-'));
// A Node of its own for the gateway: pages that it shared with this process, and with any other Node here, would not
// count in full.
process.execPath = join(folder, 'node');
copyFileSync('/proc/self/exe', process.execPath, constants.COPYFILE_FICLONE);
const daemon = new Daemon({ 'streams.camera.video.device': 'test', 'streams.camera.audio.device': 'test' });
try {
  await daemon.start();
  const idle = processTreeMemory(daemon.pid);
  const rtsp = await RtspViewer.play(daemon.rtsp);
  const browser = await WebRtcViewer.connect({ signal: negotiate });
  await sleep(settle * 1000);
  if (rtsp.arrivals.length === 0 || browser.rtp.video.length === 0) throw new Error('a viewer got no picture');
  const processes = processTreeMemory(daemon.pid);
  const sum = (tree: typeof processes): number => tree.reduce((total, { pss }) => total + pss, 0);
  rtsp.close();
  browser.close();
  const all = (sum(processes) * 1024) / 1e6;
  if (all > GOAL_MB) process.exitCode = 1;
  process.stdout.write(
    `Memory after ${settle} s with one RTSP and one WebRTC viewer, PSS\n\n${table(
      ['process', 'MB', 'goal', ''],
      [
        ...processes.map(({ command, pss }) => [command, megabytes(pss), '', '']),
        ['all', megabytes(sum(processes)), `<=${GOAL_MB}`, all > GOAL_MB ? 'missed' : ''],
        ['before the first viewer', megabytes(sum(idle)), '', ''],
      ],
    )}\n`,
  );
} finally {
  await daemon.stop();
  releaseViewers();
  rmSync(folder, { recursive: true });
}

/** WHEP: the offer goes in, the answer comes back. */
async function negotiate(offer: string): Promise<string> {
  const response = await fetch(`${daemon.page}/streams/camera/whep`, {
    method: 'POST',
    headers: { 'content-type': 'application/sdp' },
    body: offer,
  });
  if (response.status !== 201) throw new Error(`WHEP: ${response.status} ${await response.text()}`);
  return response.text();
}
