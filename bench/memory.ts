/**
 * Memory of the gateway with one camera, one RTSP and one WebRTC viewer, and with a microphone besides: PSS of every
 * process.
 * `node dist/bench/memory.js [seconds to settle]`.
 */
import { constants, copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Daemon } from '../test/support/daemon.ts';
import { RtspViewer } from '../test/support/rtsp-viewer.ts';
import { releaseViewers, WebRtcViewer } from '../test/support/webrtc-viewer.ts';
import { processTreeMemory } from './support/process-memory.ts';
import { table } from './support/report.ts';
import { negotiate } from './support/whep.ts';

const GOAL_MB = 150;
const settle = Number(process.argv[2] ?? 30);
const megabytes = (kibibytes: number): string => ((kibibytes * 1024) / 1e6).toFixed(1);

const folder = mkdtempSync(join(tmpdir(), 'vedette-bench-'));
// A Node of its own for the gateway: pages that it shared with this process, and with any other Node here, would not
// count in full.
process.execPath = join(folder, 'node');
copyFileSync('/proc/self/exe', process.execPath, constants.COPYFILE_FICLONE);
try {
  const camera = await measure({ 'streams.camera.audio': 'false' });
  const both = await measure({ 'streams.camera.audio.device': 'test' });
  const names = [...new Set([...both.processes, ...camera.processes].map(({ command }) => command))];
  const of = ({ processes }: Measurement, name: string): string =>
    processes
      .filter(({ command }) => command === name)
      .map(({ pss }) => megabytes(pss))
      .join(' + ');
  const missed = camera.all > GOAL_MB;
  if (missed) process.exitCode = 1;
  process.stdout.write(
    `PSS in MB after ${settle} s with one RTSP and one WebRTC viewer, test picture with its clock\n\n${table(
      ['process', 'camera', 'goal', 'with microphone', ''],
      [
        ...names.map((name) => [name, of(camera, name), '', of(both, name), '']),
        ['all', camera.all.toFixed(1), `<=${GOAL_MB}`, both.all.toFixed(1), missed ? 'missed' : ''],
        ['before the first viewer', camera.idle.toFixed(1), '', both.idle.toFixed(1), ''],
      ],
    )}\n`,
  );
} finally {
  releaseViewers();
  rmSync(folder, { recursive: true });
}

interface Measurement {
  processes: ReturnType<typeof processTreeMemory>;
  /** Megabytes. */
  all: number;
  idle: number;
}

async function measure(settings: Record<string, string>): Promise<Measurement> {
  const daemon = new Daemon({ 'streams.camera.video.device': 'test', ...settings });
  try {
    await daemon.start();
    const idle = total(processTreeMemory(daemon.pid));
    const rtsp = await RtspViewer.play(daemon.rtsp);
    const browser = await WebRtcViewer.connect({ signal: (offer) => negotiate(daemon.page, offer) });
    const reports = setInterval(() => browser.send('video', receiverReport(browser)), 3000);
    try {
      await sleep(settle * 1000);
      const [received, arrived] = [browser.received, rtsp.arrivals.length];
      await sleep(1000);
      if (browser.received === received) throw new Error(`the WebRTC viewer gets nothing, it is ${browser.state}`);
      if (rtsp.arrivals.length === arrived) throw new Error('the RTSP viewer gets nothing');
      const processes = processTreeMemory(daemon.pid);
      return { processes, all: total(processes), idle };
    } finally {
      clearInterval(reports);
      browser.close();
      rtsp.close();
    }
  } finally {
    await daemon.stop();
  }
}

/** The sign of life that a browser gives by itself (RFC 3550, 6.4.2): nothing lost. */
function receiverReport({ rtp }: WebRtcViewer): Buffer {
  const report = Buffer.alloc(32);
  report.writeUInt32BE(0x81c90007, 0);
  rtp.video[0]?.copy(report, 8, 8, 12);
  return report;
}

function total(processes: Measurement['processes']): number {
  return (processes.reduce((sum, { pss }) => sum + pss, 0) * 1024) / 1e6;
}
