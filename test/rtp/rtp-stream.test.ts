import { test } from 'tap';
import { MediaClock } from '../../daemon/lib/clock.ts';
import { H264, OPUS, PCMA, type RtpCodec } from '../../daemon/rtp/codec.ts';
import { marker, payloadType, sequenceNumber, ssrc, timestamp, timestampDistance } from '../../daemon/rtp/packet.ts';
import type { RtpFrame } from '../../daemon/rtp/rtp-frame.ts';
import { RtpStream, type RtpStreamOptions } from '../../daemon/rtp/rtp-stream.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { rtpPacket } from '../support/rtp-packets.ts';
import { SeededRandom } from '../support/seeded-random.ts';

const SPS = Buffer.from('6742c01e95a0280f64', 'hex');
const PPS = Buffer.from('68ce3c80', 'hex');
const IDR = Buffer.from('65111111', 'hex');
const SLICE = Buffer.from('41222222', 'hex');

interface Setup {
  clock: ManualClock;
  media: MediaClock;
  stream: RtpStream;
  frames: RtpFrame[];
  /** Key frames that the stream asked for. */
  requests: () => number;
}

function setup(codec: RtpCodec = H264, options: Partial<RtpStreamOptions> = {}): Setup {
  const clock = new ManualClock();
  clock.advance(5_000_000);
  const media = new MediaClock(clock);
  let requests = 0;
  const stream = new RtpStream({
    codec,
    clock: media,
    cname: 'test',
    requestKeyFrame: () => {
      requests += 1;
    },
    ...options,
  });
  const frames: RtpFrame[] = [];
  stream.onFrame((frame) => frames.push(frame));
  return { clock, media, stream, frames, requests: () => requests };
}

/** A life of a source: its own SSRC, sequence, timestamps and reading of the wall clock, as a capture worker has them. */
class Source {
  readonly #setup: Setup;
  readonly #codec: RtpCodec;
  readonly #start: number;
  /** What it takes for wall time at its start. */
  readonly wallStart: number;
  sequence: number;
  readonly timestamp: number;
  readonly stamped: boolean;

  constructor(
    { setup, wallOffset = 0, stamped = true }: { setup: Setup; wallOffset?: number; stamped?: boolean },
    random = new SeededRandom(1),
  ) {
    this.#setup = setup;
    this.#codec = setup.stream.codec;
    this.#start = setup.clock.now();
    this.wallStart = setup.clock.wall() + wallOffset;
    this.sequence = random.integer(0, 0xffff);
    this.timestamp = random.integer(0, 0xffffffff);
    this.stamped = stamped;
    setup.stream.sourceChanged();
  }

  packet(payload: Buffer, last: boolean, latency = 0): Buffer {
    const elapsed = this.#setup.clock.now() - latency - this.#start;
    return rtpPacket({
      payload,
      marker: last,
      sequence: this.sequence++,
      timestamp: this.timestamp + Math.round((elapsed * this.#codec.clockRate) / 1000),
      ssrc: 99,
      payloadType: 33,
      ...(this.stamped ? { wall: this.wallStart + elapsed } : {}),
    });
  }

  /** One access unit (or audio frame) captured `latency` ms ago. */
  frame(payloads: Buffer[], latency = 0): void {
    for (const [i, payload] of payloads.entries())
      this.#setup.stream.push(this.packet(payload, i === payloads.length - 1, latency));
  }

  key(latency = 0): void {
    this.frame([SPS, PPS, IDR, IDR], latency);
  }

  delta(latency = 0): void {
    this.frame([SLICE, SLICE], latency);
  }
}

const packetsOf = (frames: readonly RtpFrame[]): Buffer[] => frames.flatMap((frame) => [...frame.packets]);
const elapsedTicks = (a: RtpFrame, b: RtpFrame): number => timestampDistance(b.timestamp, a.timestamp);

test('what goes out: one SSRC, our payload type, no extension, payload untouched', async (t) => {
  const s = setup();
  new Source({ setup: s }).key(40);
  t.equal(s.frames.length, 1);
  const [frame] = s.frames as [RtpFrame];
  t.ok(frame.keyFrame);
  t.equal(frame.captureTime.toFixed(2), (s.clock.now() - 40).toFixed(2));
  t.same(
    frame.packets.map((packet) => packet.subarray(12)),
    [SPS, PPS, IDR, IDR],
  );
  for (const packet of frame.packets) {
    t.equal(packet[0], 0x80, 'version 2, no extension, no CSRC');
    t.equal(payloadType(packet), 96);
    t.equal(ssrc(packet), s.stream.ssrc);
  }
  t.same(frame.packets.map(marker), [false, false, false, true]);
  t.same(s.stream.stats, { frames: 1, keyFrames: 1, packets: 4, octets: 21, dropped: 0, sources: 1 });
  t.equal(s.stream.lastCaptureTime, frame.captureTime);
});

test('padding stays what it was', async (t) => {
  const s = setup(OPUS);
  const source = rtpPacket({ payload: Buffer.from('abcd'), padding: 4, wall: s.clock.wall() });
  s.stream.sourceChanged();
  s.stream.push(source);
  const [packet] = packetsOf(s.frames) as [Buffer];
  t.equal(packet[0], 0xa0);
  t.same(packet.subarray(12), source.subarray(28));
});

test('sequence and timestamps go on over the lives of a source', async (t) => {
  for (const codec of [H264, OPUS]) {
    const s = setup(codec);
    for (const [life, pause] of [30, 400, 5000, 1, 60_000, 25_000_000].entries()) {
      const source = new Source({ setup: s }, new SeededRandom(life));
      s.clock.advance(pause);
      for (let i = 0; i < 3; i++) {
        source.key(20);
        s.clock.advance(33);
        source.delta(20);
        s.clock.advance(33);
      }
    }
    const packets = packetsOf(s.frames);
    t.ok(
      packets.every(
        (packet, i) => i === 0 || sequenceNumber(packet) === ((sequenceNumber(packets[i - 1] as Buffer) + 1) & 0xffff),
      ),
      `${codec.kind}: sequence goes up by one`,
    );
    for (const [i, frame] of s.frames.entries()) {
      const previous = s.frames[i - 1];
      if (previous === undefined) continue;
      const expected = ((frame.captureTime - previous.captureTime) * codec.clockRate) / 1000;
      // Distances of more than 2^31 ticks (6.6 h of 90 kHz) are compared modulo 2^32.
      const off = timestampDistance(frame.timestamp, (previous.timestamp + Math.round(expected)) >>> 0);
      if (Math.abs(off) > 2) t.fail(`${codec.kind} frame ${i}: ${off} ticks off the time that went by`);
    }
    t.equal(s.stream.stats.sources, 6);
    t.equal(new Set(packets.map(ssrc)).size, 1, `${codec.kind}: one SSRC`);
    t.equal(s.requests(), 0, 'nobody had to ask for a key frame');
  }
});

test('sequence and timestamps wrap around', async (t) => {
  const s = setup(OPUS);
  const source = new Source({ setup: s });
  // 2^16 packets cross the 16-bit seam; 44 hours of 40 minutes each cross that of 32 bits at 48 kHz (24.8 h).
  for (let i = 0; i < 66_000; i++) {
    source.frame([SLICE]);
    s.clock.advance(i % 1000 === 0 ? 2_400_000 : 20);
  }
  const packets = packetsOf(s.frames);
  t.equal(packets.length, 66_000);
  let sequenceSeams = 0;
  let timestampSeams = 0;
  for (let i = 1; i < packets.length; i++) {
    const [a, b] = [packets[i - 1] as Buffer, packets[i] as Buffer];
    if (((sequenceNumber(a) + 1) & 0xffff) !== sequenceNumber(b)) t.fail(`sequence at ${i}`);
    if (timestampDistance(timestamp(b), timestamp(a)) <= 0) t.fail(`timestamp at ${i}`);
    if (sequenceNumber(b) < sequenceNumber(a)) sequenceSeams += 1;
    if (timestamp(b) < timestamp(a)) timestampSeams += 1;
  }
  t.ok(sequenceSeams >= 1 && timestampSeams >= 1, `${sequenceSeams} and ${timestampSeams} seams`);
});

test('a new life resumes on its first key frame, never on half an access unit', async (t) => {
  const s = setup();
  const first = new Source({ setup: s });
  first.key();
  s.clock.advance(33);
  s.stream.push(first.packet(SLICE, false));
  const second = new Source({ setup: s }, new SeededRandom(2));
  t.equal(s.stream.stats.dropped, 1, 'the half access unit of the first life is gone');
  s.clock.advance(33);
  second.delta();
  t.equal(s.frames.length, 1, 'no delta frame of the new life');
  t.equal(s.requests(), 1, 'it is asked for a key frame');
  s.clock.advance(33);
  second.key();
  s.clock.advance(33);
  second.delta();
  t.same(
    s.frames.map((frame) => [frame.keyFrame, frame.packets.length]),
    [
      [true, 4],
      [true, 4],
      [false, 2],
    ],
  );
  t.equal(s.stream.stats.dropped, 2);
});

test('packets lost inside a life', async (t) => {
  const at: [string, (source: Source, s: Setup) => void][] = [
    [
      'in the middle of an access unit',
      (source, s) => {
        s.stream.push(source.packet(SLICE, false));
        source.sequence += 1;
        s.stream.push(source.packet(SLICE, true));
      },
    ],
    [
      'the first of one',
      (source, s) => {
        source.sequence += 1;
        s.stream.push(source.packet(SLICE, true));
      },
    ],
    [
      'the last of one',
      (source, s) => {
        s.stream.push(source.packet(SLICE, false));
        source.sequence += 1;
        s.clock.advance(33);
        source.delta();
      },
    ],
    [
      'one that comes twice',
      (source, s) => {
        s.stream.push(source.packet(SLICE, false));
        source.sequence -= 1;
        s.stream.push(source.packet(SLICE, true));
      },
    ],
  ];
  for (const [name, lose] of at) {
    const s = setup();
    const source = new Source({ setup: s });
    source.key();
    s.clock.advance(33);
    lose(source, s);
    t.equal(s.frames.length, 1, `${name}: nothing broken goes out`);
    t.ok(s.requests() >= 1, `${name}: a key frame is asked for`);
    t.ok(s.stream.stats.dropped >= 1, `${name}: counted`);
    s.clock.advance(33);
    source.delta();
    t.equal(s.frames.length, 1, `${name}: nothing that refers to it`);
    s.clock.advance(33);
    source.key();
    t.equal(s.frames.length, 2, `${name}: then a key frame`);
    const packets = packetsOf(s.frames);
    t.equal(sequenceNumber(packets[4] as Buffer), (sequenceNumber(packets[3] as Buffer) + 1) & 0xffff, 'without a gap');
  }
  const s = setup(OPUS);
  const source = new Source({ setup: s });
  source.frame([SLICE]);
  s.clock.advance(40);
  source.sequence += 1;
  source.frame([SLICE]);
  t.equal(s.frames.length, 2, 'sound goes on');
  t.equal(elapsedTicks(s.frames[0] as RtpFrame, s.frames[1] as RtpFrame), 1920, 'and keeps the time');
  t.equal(s.requests(), 0);
});

test('a key frame of which packets are lost is no key frame', async (t) => {
  for (const lost of [0, 1, 2, 3]) {
    const s = setup();
    const source = new Source({ setup: s });
    source.key();
    s.clock.advance(33);
    for (const [i, payload] of [SPS, PPS, IDR, IDR].entries()) {
      const packet = source.packet(payload, i === 3);
      if (i !== lost) s.stream.push(packet);
    }
    s.clock.advance(33);
    source.delta();
    t.equal(s.frames.length, 1, `packet ${lost}`);
    s.clock.advance(33);
    source.key();
    t.equal(s.frames.length, 2);
  }
});

test('a source that sets no marker: an access unit ends where the next begins', async (t) => {
  const s = setup();
  const source = new Source({ setup: s });
  for (const payloads of [[SPS, PPS, IDR], [SLICE], [SLICE, SLICE], [SLICE]]) {
    for (const payload of payloads) s.stream.push(source.packet(payload, false));
    s.clock.advance(33);
  }
  t.same(
    s.frames.map((frame) => frame.packets.length),
    [3, 1, 2],
  );
  t.equal(s.requests(), 0);
});

test('parameter sets ahead of a key frame, with a marker of their own, are a part of it', async (t) => {
  const setUp = setup();
  const source = new Source({ setup: setUp });
  const { stream, frames } = setUp;
  for (const [payload, last] of [
    [SPS, false],
    [PPS, true],
    [IDR, false],
    [IDR, true],
  ] as const)
    stream.push(source.packet(payload, last));
  t.equal(frames.length, 1);
  t.equal(frames[0]?.keyFrame, true);
  t.same(frames[0]?.packets.map(marker), [false, false, false, true], 'the marker ends the picture');
  setUp.clock.advance(33);
  stream.push(source.packet(SPS, true));
  setUp.clock.advance(33);
  stream.push(source.packet(SLICE, true));
  t.equal(frames.length, 2, 'parameter sets alone are no picture');
  t.equal(stream.stats.dropped, 0);
});

test('stale frames', async (t) => {
  const s = setup(H264, { maximumAge: 500 });
  const source = new Source({ setup: s });
  source.key(50);
  s.clock.advance(33);
  source.delta(550);
  t.equal(s.frames.length, 2, 'as old as is allowed');
  source.delta(551);
  t.equal(s.frames.length, 2, 'older');
  t.equal(s.requests(), 1);
  source.delta(50);
  t.equal(s.frames.length, 2, 'what refers to a dropped picture');
  source.key(50);
  t.equal(s.frames.length, 3);
  t.equal(s.stream.stats.dropped, 2);

  const sound = setup(OPUS, { maximumAge: 500 });
  const microphone = new Source({ setup: sound });
  microphone.frame([SLICE], 20);
  microphone.frame([SLICE], 521);
  microphone.frame([SLICE], 20);
  t.equal(sound.frames.length, 2);
  t.equal(sound.requests(), 0);
});

test('a source that has become slower for good is followed', async (t) => {
  const s = setup(H264, { maximumAge: 500 });
  const source = new Source({ setup: s });
  source.key(50);
  let lost = 0;
  for (let i = 0; i < 60; i++) {
    s.clock.advance(100);
    const before = s.frames.length;
    source.key(900);
    if (s.frames.length === before) lost += 1;
  }
  t.ok(lost >= 5 && lost <= 7, `${lost} frames were lost before`);
  s.clock.advance(100);
  const before = s.frames.length;
  source.key(50);
  s.clock.advance(100);
  source.key(900);
  t.equal(s.frames.length, before + 1, 'and old frames are stale again once it has recovered');
});

test('the wall clock is set between the start of a source and its first packet', async (t) => {
  for (const step of [-3_600_000, -3000, 3000, 20_000, 3.15e11]) {
    const s = setup();
    const source = new Source({ setup: s });
    s.clock.epoch += step;
    for (let i = 0; i < 5; i++) {
      s.clock.advance(33);
      source.key(20);
    }
    t.equal(s.frames.length, 5, `${step} ms: pictures go out`);
    const [first, second] = s.frames as [RtpFrame, RtpFrame];
    t.equal(elapsedTicks(first, second), 33 * 90, `${step} ms: at their pace`);
    const captured = s.clock.now() - (s.frames.at(-1) as RtpFrame).captureTime;
    if (Math.abs(step) > 10_000) t.ok(captured >= 0 && captured < 40, `${step} ms: capture time is ${captured} ms ago`);
    t.ok(captured >= 0, `${step} ms: never in the future`);
  }
});

test('the wall clock is set while a source runs: nothing moves', async (t) => {
  const s = setup();
  const source = new Source({ setup: s });
  for (const step of [0, -7_200_000, 3.15e11, -5]) {
    s.clock.epoch += step;
    s.clock.advance(33);
    source.key(20);
  }
  t.equal(s.frames.length, 4);
  for (let i = 1; i < 4; i++) t.equal(elapsedTicks(s.frames[i - 1] as RtpFrame, s.frames[i] as RtpFrame), 33 * 90);
  for (const step of [-3_600_000, 3_600_000]) {
    s.clock.epoch += step;
    const next = new Source({ setup: s });
    s.clock.advance(330);
    next.key(20);
    const [a, b] = s.frames.slice(-2) as [RtpFrame, RtpFrame];
    t.ok(Math.abs(elapsedTicks(a, b) - 330 * 90) <= 2, 'the next life, which stamps the new time, is in line');
  }
});

test('timestamps never go back, whatever a new life stamps', async (t) => {
  const random = new SeededRandom();
  t.comment(`SEED=${random.seed}`);
  const s = setup();
  for (let life = 0; life < 300; life++) {
    const source = new Source(
      { setup: s, wallOffset: random.next() < 0.5 ? 0 : random.integer(-30_000, 30_000), stamped: random.next() < 0.8 },
      random,
    );
    const latency = random.integer(0, 400);
    for (let i = random.integer(0, 5); i > 0; i--) {
      s.clock.advance(random.integer(1, 50));
      if (random.next() < 0.2) source.sequence += random.integer(-3, 3);
      if (random.next() < 0.4) source.key(latency);
      else source.delta(latency);
      if (random.next() < 0.1) {
        s.clock.advance(1);
        s.stream.push(source.packet(SLICE, false, latency));
      }
      if (random.next() < 0.1) s.stream.push(random.bytes(random.integer(0, 30)));
    }
  }
  const packets = packetsOf(s.frames);
  t.ok(s.frames.length > 100, `${s.frames.length} frames of 300 lives`);
  for (let i = 1; i < packets.length; i++)
    if (sequenceNumber(packets[i] as Buffer) !== ((sequenceNumber(packets[i - 1] as Buffer) + 1) & 0xffff))
      t.fail(`sequence ${i}`);
  for (let i = 1; i < s.frames.length; i++) {
    const ticks = elapsedTicks(s.frames[i - 1] as RtpFrame, s.frames[i] as RtpFrame);
    if (ticks <= 0) t.fail(`frame ${i} goes back ${-ticks} ticks`);
  }
});

test('a life whose clock says it is earlier than what went out', async (t) => {
  const s = setup();
  const first = new Source({ setup: s });
  s.clock.advance(33);
  first.key();
  const second = new Source({ setup: s, wallOffset: -5000 });
  s.clock.advance(33);
  second.key();
  const [a, b] = s.frames as [RtpFrame, RtpFrame];
  t.equal(elapsedTicks(a, b), 90, 'one millisecond later');
});

test('sources without wall clock are taken at their arrival', async (t) => {
  const s = setup();
  const first = new Source({ setup: s, stamped: false });
  first.key();
  s.clock.advance(1000);
  const second = new Source({ setup: s, stamped: false });
  s.clock.advance(500);
  second.key();
  const [a, b] = s.frames as [RtpFrame, RtpFrame];
  t.equal(elapsedTicks(a, b), 1500 * 90);
  t.equal(b.captureTime, s.clock.now());
});

test('sender reports pair one wall clock with the RTP time of every track', async (t) => {
  const video = setup();
  const audio = setup(OPUS);
  const shared = video.clock;
  const sound = new RtpStream({ codec: OPUS, clock: video.media, cname: 'test' });
  const soundFrames: RtpFrame[] = [];
  sound.onFrame((frame) => soundFrames.push(frame));
  t.equal(video.stream.senderReport(), undefined, 'nothing to report before the first frame');
  t.equal(audio.stream.senderReport(), undefined);

  const camera = new Source({ setup: video });
  const microphone = new Source({ setup: { ...video, stream: sound } }, new SeededRandom(4));
  shared.advance(250);
  camera.key(180);
  microphone.frame([SLICE], 30);
  shared.advance(77);

  for (const [stream, frame] of [
    [video.stream, video.frames[0] as RtpFrame],
    [sound, soundFrames[0] as RtpFrame],
  ] as const) {
    const report = stream.senderReport() as Buffer;
    t.equal(report.readUInt32BE(4), stream.ssrc);
    const wall = (report.readUInt32BE(8) - 2_208_988_800) * 1000 + (report.readUInt32BE(12) * 1000) / 2 ** 32;
    t.ok(Math.abs(wall - shared.wall()) < 0.001, 'now');
    const sinceCapture = shared.now() - frame.captureTime;
    const ticks = timestampDistance(report.readUInt32BE(16), frame.timestamp);
    t.ok(Math.abs(ticks - (sinceCapture * stream.codec.clockRate) / 1000) <= 1, 'RTP time of now');
    t.equal(report.readUInt32BE(20), stream.stats.packets);
    t.equal(report.readUInt32BE(24), stream.stats.octets);
  }
  // The receiver's question: when was this frame captured, in wall clock time?
  const capturedAt = (stream: RtpStream, frame: RtpFrame): number => {
    const report = stream.senderReport() as Buffer;
    const wall = (report.readUInt32BE(8) - 2_208_988_800) * 1000 + (report.readUInt32BE(12) * 1000) / 2 ** 32;
    return wall - (timestampDistance(report.readUInt32BE(16), frame.timestamp) * 1000) / stream.codec.clockRate;
  };
  const lips = capturedAt(sound, soundFrames[0] as RtpFrame) - capturedAt(video.stream, video.frames[0] as RtpFrame);
  t.ok(Math.abs(lips - 150) < 0.05, `sound was captured ${lips} ms after the picture`);

  const before = video.stream.senderReport() as Buffer;
  shared.epoch += 3_600_000;
  const after = video.stream.senderReport() as Buffer;
  t.equal(after.readUInt32BE(8) - before.readUInt32BE(8), 3600, 'a clock that was set is in the next report');
  t.equal((sound.senderReport() as Buffer).readUInt32BE(8), after.readUInt32BE(8), 'of all tracks');
  t.equal(after.readUInt32BE(16), before.readUInt32BE(16), 'and RTP time does not notice');
});

test('RTP-Info before the first frame names a time on the line', async (t) => {
  const s = setup();
  t.equal(s.stream.lastCaptureTime, undefined);
  const promised = s.stream.reportedTimeAt(s.clock.now());
  const sequence = s.stream.nextSequence;
  s.clock.advance(200);
  t.equal(timestampDistance(s.stream.reportedTimeAt(s.clock.now()), promised), 200 * 90);
  const source = new Source({ setup: s });
  source.key();
  const [frame] = s.frames as [RtpFrame];
  t.equal(timestampDistance(frame.timestamp, promised), 200 * 90);
  t.equal(sequenceNumber(frame.packets[0] as Buffer), sequence);
});

test('format parameters', async (t) => {
  const s = setup();
  t.equal(s.stream.formatParameters, undefined);
  const aborted = AbortSignal.abort(new Error('enough'));
  await t.rejects(s.stream.formatKnown(aborted), { message: 'enough' }, 'aborted before');
  const controller = new AbortController();
  const abortedLater = s.stream.formatKnown(controller.signal);
  const waiting = [s.stream.formatKnown(), s.stream.formatKnown(new AbortController().signal)];
  controller.abort(new Error('later'));
  await t.rejects(abortedLater, { message: 'later' }, 'aborted while it waits');

  const source = new Source({ setup: s });
  s.stream.push(source.packet(PPS, false));
  t.equal(s.stream.formatParameters, undefined, 'one set alone is no format');
  s.stream.push(source.packet(SPS, false));
  t.equal(s.stream.formatParameters, undefined, 'nor the picture set of another sequence set');
  s.stream.push(source.packet(PPS, false));
  s.stream.push(source.packet(IDR, true));
  const expected = 'packetization-mode=1;profile-level-id=42C01E;sprop-parameter-sets=Z0LAHpWgKA9k,aM48gA==';
  t.same(await Promise.all(waiting), [expected, expected]);
  t.equal(await s.stream.formatKnown(), expected);

  const other = new Source({ setup: s });
  const otherSps = Buffer.from('674d402a00', 'hex');
  s.stream.push(other.packet(otherSps, false));
  t.equal(s.stream.formatParameters, expected, 'sets of two sources are never mixed');
  s.stream.push(other.packet(PPS, false));
  t.match(s.stream.formatParameters, 'profile-level-id=4D402A;sprop-parameter-sets=Z01AKgA=,aM48gA==');
  t.match(setup(OPUS).stream.formatParameters, 'sprop-stereo=1', 'of Opus always known (RFC 7587, 7)');
});

test('a sound whose codec is not known yet', async (t) => {
  const described = setup(OPUS, { unsettled: true });
  t.equal(described.stream.formatParameters, undefined);
  const known = described.stream.formatKnown();
  described.stream.settle(PCMA);
  t.equal(await known, '', 'its device says what it sends');
  t.equal(described.stream.codec, PCMA);

  const silent = setup(OPUS, { unsettled: true });
  const waiting = silent.stream.formatKnown();
  new Source({ setup: silent }).frame([SLICE]);
  t.match(await waiting, 'sprop-stereo=1', 'something had to be said before');
  t.equal(silent.stream.settled, true);
  const before = silent.frames.at(-1) as RtpFrame;
  silent.stream.settle(PCMA);
  new Source({ setup: silent }).frame([SLICE]);
  const after = silent.frames.at(-1) as RtpFrame;
  t.equal(payloadType(after.packets[0] as Buffer), 8);
  t.equal(after.firstSequence, before.firstSequence + 1);
});

test('listeners come and go', async (t) => {
  const s = setup(OPUS);
  const seen: string[] = [];
  const removeA = s.stream.onFrame(() => {
    seen.push('a');
    removeA();
  });
  s.stream.onFrame(() => seen.push('b'));
  const source = new Source({ setup: s });
  source.frame([SLICE]);
  source.frame([SLICE]);
  t.same(seen, ['a', 'b', 'b']);
  removeA();
});

test('what is not RTP is ignored', async (t) => {
  const s = setup(OPUS);
  for (const bytes of [Buffer.alloc(0), Buffer.from('garbage'), Buffer.alloc(40)]) s.stream.push(bytes);
  t.equal(s.stream.stats.sources, 0);
  t.equal(s.frames.length, 0);
});

test('a source whose capture times are known only later', async (t) => {
  for (const [name, codec, error, expected] of [
    ['sound, a little off: what is said of it', OPUS, -10, { sent: 30, least: 20, most: 20 }],
    ['sound, too early: a gap', OPUS, 300, { sent: 30, least: 20, most: 320 }],
    ['sound, too late: what is over is left out', OPUS, -300, { sent: 15, least: 20, most: 20 }],
    ['sound, too late by half a frame more: that frame, too', OPUS, -290, { sent: 15, least: 20, most: 30 }],
    ['a picture, too early: a gap', H264, 300, { sent: 30, least: 20, most: 320 }],
    ['a picture, too late: closer together', H264, -300, { sent: 30, least: 1, most: 20 }],
  ] as const) {
    const s = setup(codec);
    const source = new Source({ setup: s });
    const begin = s.clock.now();
    const next = () => {
      source.frame([IDR]);
      s.clock.advance(20);
    };
    for (let i = 0; i < 10; i++) next();
    s.stream.align(((source.timestamp >>> 0) * 1000) / codec.clockRate, begin + error);
    for (let i = 0; i < 20; i++) next();
    t.equal(s.frames.length, expected.sent, name);
    const steps = s.frames.slice(1).map((frame, i) => elapsedTicks(s.frames[i] as RtpFrame, frame));
    const ticks = codec.clockRate / 1000;
    t.same(
      [Math.min(...steps), Math.max(...steps)].map((step) => Math.round(step / ticks)),
      [expected.least, expected.most],
      `${name}: steps`,
    );
    const last = s.frames.at(-1) as RtpFrame;
    t.equal(last.captureTime.toFixed(1), (begin + 29 * 20 + error).toFixed(1), `${name}: captured`);
    const off = timestampDistance(s.stream.reportedTimeAt(begin), (s.frames[0] as RtpFrame).timestamp) / ticks;
    t.equal(Math.round(off), error === -10 ? 10 : 0, `${name}: what reports say stays what it was`);
    t.equal(s.stream.stats.sources, 1);
  }
});

test('a source that stands still after it was aligned, and one that is not there', async (t) => {
  const s = setup(OPUS);
  s.stream.align(0, 0);
  const source = new Source({ setup: s });
  source.frame([IDR]);
  s.stream.align(((source.timestamp >>> 0) * 1000) / 48_000, s.clock.now() - 5);
  // Half a wrap of 48 kHz is 12.4 hours.
  for (let hours = 0; hours < 100; hours += 10) {
    s.clock.advance(10 * 3_600_000);
    source.frame([IDR]);
    t.equal(s.stream.lastCaptureTime?.toFixed(1), (s.clock.now() - 5).toFixed(1));
  }
});
