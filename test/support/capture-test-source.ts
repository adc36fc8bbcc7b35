import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { Test } from 'tap';
import { CaptureSource, type CaptureSourceOptions } from '../../daemon/capture/capture-source.ts';
import { testDevice } from '../../daemon/capture/device.ts';
import type { EncodedTrack } from '../../daemon/capture/encoded-track.ts';
import { type EncoderChoice, type EncoderRanking, SOFTWARE_ENCODERS } from '../../daemon/capture/encoders.ts';
import { MediaClock } from '../../daemon/lib/clock.ts';
import { silentLog } from '../../daemon/lib/log.ts';
import type { EncodingParameters, TrackConfiguration } from '../../daemon/media/track-source.ts';
import { payloadOffset, sequenceDistance, sequenceNumber, timestampDistance } from '../../daemon/rtp/packet.ts';
import type { RtpFrame } from '../../daemon/rtp/rtp-frame.ts';

const run = promisify(execFile);

export const ENCODING: EncodingParameters = {
  maxBitrate: 500_000,
  maxFramerate: undefined,
  scaleResolutionDownBy: 1,
  keyFrameInterval: 10,
};

/** A choice of encoders that is made already: of each codec what software there is, in place of it what is given. */
export function encodersFrom(ranking: EncoderRanking = {}, more: Partial<EncoderChoice> = {}): EncoderChoice {
  return {
    aac: 'avenc_aac',
    choose: async (codec) => ranking[codec] ?? SOFTWARE_ENCODERS[codec] ?? [],
    problem: () => undefined,
    distrust: () => undefined,
    failed: () => undefined,
    ...more,
  };
}

/** A capture source over the test picture or tone, and a track of it small enough for a loaded machine. */
export function captureTest(
  kind: 'video' | 'audio',
  options: Partial<CaptureSourceOptions & TrackConfiguration> = {},
): { source: CaptureSource; track: EncodedTrack } {
  const { settings, encoding, contentHint, enabled, privacy, picture, gain, audioCodec, ...more } = options;
  const source = new CaptureSource({
    kind,
    device: testDevice(kind),
    encoders: encodersFrom(),
    clock: new MediaClock(),
    cname: 'test',
    log: silentLog,
    text: 'A & B <ü>',
    idleTimeout: 100,
    ...more,
  });
  const track = source.encode({
    settings: settings ?? (kind === 'video' ? { width: 320, height: 240, frameRate: 15 } : { channelCount: 2 }),
    encoding: encoding ?? ENCODING,
    contentHint: contentHint ?? '',
    enabled: enabled ?? true,
    privacy,
    picture,
    gain,
    audioCodec,
  });
  return { source, track };
}

export function collect(track: EncodedTrack): RtpFrame[] {
  const frames: RtpFrame[] = [];
  track.rtp.onFrame((frame) => frames.push(frame));
  return frames;
}

export const live = (source: CaptureSource): Promise<void> => source.live(AbortSignal.timeout(20_000));

export async function until(condition: () => boolean, milliseconds = 20_000): Promise<void> {
  const end = Date.now() + milliseconds;
  while (!condition()) {
    if (Date.now() > end) throw new Error(`not within ${milliseconds} ms: ${condition}`);
    await delay(10);
  }
}

/** Whether a process runs; one that is dead and not yet collected does not. */
export function alive(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) [ZX]/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

/** An H.264 byte stream (annex B) of the frames. */
export function byteStream(frames: readonly RtpFrame[]): Buffer {
  const start = Buffer.from([0, 0, 0, 1]);
  const parts: Buffer[] = [];
  for (const packet of frames.flatMap((frame) => frame.packets)) {
    const payload = packet.subarray(payloadOffset(packet));
    const type = (payload[0] as number) & 0x1f;
    if (type === 24)
      for (let at = 1; at + 2 < payload.length; at += 2 + payload.readUInt16BE(at))
        parts.push(start, payload.subarray(at + 2, at + 2 + payload.readUInt16BE(at)));
    else if (type === 28) {
      const header = payload[1] as number;
      if (header & 0x80) parts.push(start, Buffer.from([((payload[0] as number) & 0xe0) | (header & 0x1f)]));
      parts.push(payload.subarray(2));
    } else parts.push(start, payload);
  }
  return Buffer.concat(parts);
}

export interface Probe {
  frames: { pict_type: string; width: number; height: number; key_frame: number }[];
  complaints: string;
}

/** Decodes with ffmpeg's decoder; every frame it makes, and every word of complaint. */
export async function decode(folder: string, frames: readonly RtpFrame[]): Promise<Probe> {
  const file = join(folder, `${frames.length}.h264`);
  await writeFile(file, byteStream(frames));
  const { stdout, stderr } = await run(
    'ffprobe',
    [
      '-v',
      'warning',
      '-f',
      'h264',
      '-show_frames',
      '-show_entries',
      'frame=pict_type,width,height,key_frame',
      '-of',
      'json',
      file,
    ],
    { maxBuffer: 1 << 26 },
  );
  return { frames: (JSON.parse(stdout) as Probe).frames, complaints: stderr };
}

/** RTP time from each frame to the next. */
export const stepsOf = (frames: readonly RtpFrame[]): number[] =>
  frames.slice(1).map((frame, at) => timestampDistance(frame.timestamp, (frames[at] as RtpFrame).timestamp));

/** Sequence numbers without a hole, timestamps that only grow. */
export function checkContinuity(t: Test, frames: readonly RtpFrame[]): void {
  const packets = frames.flatMap((frame) => frame.packets);
  let holes = 0;
  for (let i = 1; i < packets.length; i++)
    if (sequenceDistance(sequenceNumber(packets[i] as Buffer), sequenceNumber(packets[i - 1] as Buffer)) !== 1)
      holes += 1;
  t.equal(holes, 0, 'no hole in the sequence numbers');
  t.equal(stepsOf(frames).filter((step) => step <= 0).length, 0, 'timestamps only grow');
}

/** A folder that is gone after the test. */
export async function temporaryFolder(t: Test): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'vedette-test-'));
  t.teardown(() => rm(folder, { recursive: true }));
  return folder;
}
