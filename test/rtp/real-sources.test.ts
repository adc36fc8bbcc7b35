import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { type Test, test } from 'tap';
import { MediaClock } from '../../daemon/lib/clock.ts';
import { H264, H265, JPEG, OPUS, type RtpCodec, rtpmap, VP8 } from '../../daemon/rtp/codec.ts';
import { Rfc4571Splitter } from '../../daemon/rtp/framing.ts';
import { sequenceNumber, timestampDistance } from '../../daemon/rtp/packet.ts';
import type { RtpFrame } from '../../daemon/rtp/rtp-frame.ts';
import { RtpStream } from '../../daemon/rtp/rtp-stream.ts';
import { rfc4571 } from '../support/rtp-packets.ts';

/** Several slices a picture, as x264 makes them with `sliced-threads`, and access units of many packets. */
const video = (pattern: string, width: number, height: number): string =>
  `videotestsrc is-live=true pattern=${pattern} ! video/x-raw,format=I420,width=${width},height=${height},framerate=25/1 ! ` +
  'x264enc tune=zerolatency speed-preset=ultrafast threads=4 sliced-threads=true bitrate=2000 key-int-max=10 ! ' +
  'video/x-h264,profile=constrained-baseline ! h264parse config-interval=-1 ! ' +
  'rtph264pay mtu=1200 config-interval=0 aggregate-mode=zero-latency timestamp-offset=0';
const audio = (frequency: number): string =>
  `audiotestsrc is-live=true freq=${frequency} samplesperbuffer=960 ! audio/x-raw,rate=48000,channels=2 ! ` +
  'opusenc ! rtpopuspay timestamp-offset=0';
const TAIL = 'rtponviftimestamp ! rtpstreampay ! fdsink fd=3 sync=false async=false';

/** Lets one life of a source run until `frames` more frames have gone out, then kills it in the middle of its work. */
async function live(stream: RtpStream, launch: string, frames: number): Promise<void> {
  stream.sourceChanged();
  const child = spawn('gst-launch-1.0', ['-q', ...`${launch} ! ${TAIL}`.split(' ')], {
    stdio: ['ignore', 'ignore', 'inherit', 'pipe'],
  });
  const end = stream.stats.frames + frames;
  let done = false;
  const splitter = new Rfc4571Splitter((packet) => {
    if (!done) stream.push(packet);
    done = stream.stats.frames >= end;
  });
  const pipe = child.stdio[3] as Readable;
  pipe.on('data', (chunk: Buffer) => {
    splitter.push(chunk);
    if (done) child.kill('SIGKILL');
  });
  await once(child, 'exit');
}

async function record(codec: RtpCodec, lives: readonly string[], framesEach: number): Promise<[RtpStream, RtpFrame[]]> {
  const stream = new RtpStream({ codec, clock: new MediaClock(), cname: 'test', maximumAge: 30_000 });
  const frames: RtpFrame[] = [];
  stream.onFrame((frame) => frames.push(frame));
  for (const launch of lives) await live(stream, launch, framesEach);
  return [stream, frames];
}

const packetsOf = (frames: readonly RtpFrame[]): Buffer[] => frames.flatMap((frame) => [...frame.packets]);

function checkLine(t: Test, codec: RtpCodec, frames: readonly RtpFrame[]): void {
  const packets = packetsOf(frames);
  for (let i = 1; i < packets.length; i++)
    if (sequenceNumber(packets[i] as Buffer) !== ((sequenceNumber(packets[i - 1] as Buffer) + 1) & 0xffff))
      t.fail(`sequence at packet ${i}`);
  for (let i = 1; i < frames.length; i++) {
    const [a, b] = [frames[i - 1] as RtpFrame, frames[i] as RtpFrame];
    const ticks = timestampDistance(b.timestamp, a.timestamp);
    const elapsed = ((b.captureTime - a.captureTime) * codec.clockRate) / 1000;
    if (ticks <= 0) t.fail(`frame ${i} is ${-ticks} ticks back`);
    // 2 ms: GStreamer rounds the two in different places.
    if (Math.abs(ticks - elapsed) > (2 * codec.clockRate) / 1000)
      t.fail(`frame ${i}: ${ticks} ticks after ${elapsed} ticks of real time`);
  }
}

/** Runs a program over bytes; its whole output. */
async function run(command: string, args: readonly string[], input: Buffer): Promise<{ out: string; err: string }> {
  const child = spawn(command, args, { stdio: 'pipe' });
  let out = '';
  let err = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text));
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  await once(child, 'close');
  return { out, err };
}

/** Back from RTP to an elementary stream, by GStreamer's depayloader. */
async function depayload(codec: RtpCodec, packets: readonly Buffer[], tail: string, file: string): Promise<void> {
  const [encoding = ''] = rtpmap(codec).toUpperCase().split('/');
  const caps = `application/x-rtp-stream,media=${codec.kind},clock-rate=${codec.clockRate},encoding-name=${encoding},payload=${codec.payloadType}`;
  const { err } = await run(
    'gst-launch-1.0',
    ['-q', ...`fdsrc fd=0 ! ${caps} ! rtpstreamdepay ! ${tail} ! filesink location=${file}`.split(' ')],
    rfc4571(packets),
  );
  if (err !== '') throw new Error(err);
}

interface Probe {
  streams: { nb_read_frames: string }[];
}

test('pictures of three encoders, one after the other, decode without an error', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'vedette-rtp-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const lives = [video('smpte', 640, 360), video('ball', 640, 360), video('snow', 320, 240)];
  const [stream, frames] = await record(H264, lives, 35);
  t.equal(frames.length, 105);
  t.equal(stream.stats.sources, 3);
  for (const first of [0, 35, 70]) t.ok(frames[first]?.keyFrame, `the life at frame ${first} begins with a key frame`);
  t.ok(stream.stats.keyFrames >= 12, `${stream.stats.keyFrames} key frames`);
  checkLine(t, H264, frames);
  t.match(stream.formatParameters, /^packetization-mode=1;profile-level-id=42C0..;sprop-parameter-sets=/);

  const elementary = join(folder, 'out.h264');
  await depayload(
    H264,
    packetsOf(frames),
    'rtph264depay ! video/x-h264,stream-format=byte-stream,alignment=au',
    elementary,
  );
  const decoded = await run(
    'ffprobe',
    [
      '-v',
      'warning',
      '-err_detect',
      'explode',
      '-count_frames',
      '-show_entries',
      'stream=nb_read_frames',
      '-of',
      'json',
      elementary,
    ],
    Buffer.alloc(0),
  );
  t.equal(decoded.err, '', 'nothing for ffmpeg to complain of');
  t.equal((JSON.parse(decoded.out) as Probe).streams[0]?.nb_read_frames, '105', 'every picture is there');

  // The test can fail: one packet less, and ffmpeg complains.
  const last = (frames[0] as RtpFrame).packets.at(-1);
  await depayload(
    H264,
    packetsOf(frames).filter((packet) => packet !== last),
    'rtph264depay ! video/x-h264,stream-format=byte-stream,alignment=au',
    elementary,
  );
  const complaints = await run('ffmpeg', ['-v', 'warning', '-i', elementary, '-f', 'null', '-'], Buffer.alloc(0));
  t.not(complaints.err, '');
});

/** What makes each of the other codecs, how it comes back into a file that ffprobe counts, and what its SDP says. */
const OTHERS: [RtpCodec, string, string, RegExp][] = [
  [
    H265,
    'x265enc tune=zerolatency speed-preset=ultrafast key-int-max=10 bitrate=500 ! h265parse config-interval=-1 ! ' +
      'rtph265pay pt=98 mtu=1200 aggregate-mode=zero-latency timestamp-offset=0',
    'rtph265depay ! video/x-h265,stream-format=byte-stream,alignment=au',
    /^profile-space=0;profile-id=1;tier-flag=0;level-id=\d+;sprop-vps=\S+;sprop-sps=\S+;sprop-pps=\S+$/,
  ],
  [
    VP8,
    'vp8enc deadline=1 cpu-used=8 keyframe-max-dist=10 target-bitrate=500000 ! ' +
      'rtpvp8pay pt=97 mtu=1200 picture-id-mode=15-bit timestamp-offset=0',
    'rtpvp8depay ! vp8dec ! jpegenc',
    /^$/,
  ],
  [JPEG, 'jpegenc ! rtpjpegpay mtu=1200 timestamp-offset=0', 'rtpjpegdepay', /^$/],
];

test('two encoders of every other codec, one after the other', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'vedette-rtp-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  for (const [codec, encode, tail, format] of OTHERS) {
    const life = (pattern: string): string =>
      `videotestsrc is-live=true pattern=${pattern} ! video/x-raw,format=I420,width=320,height=240,framerate=25/1 ! ${encode}`;
    const [stream, frames] = await record(codec, [life('smpte'), life('ball')], 25);
    t.equal(stream.stats.sources, 2, codec.mimeType);
    t.ok(frames[0]?.keyFrame && frames[25]?.keyFrame, 'each life begins with a key frame');
    const keyFrames = codec === JPEG ? 50 : 6;
    t.equal(stream.stats.keyFrames, keyFrames, 'key frames are told from others');
    checkLine(t, codec, frames);
    t.match(stream.formatParameters, format);
    const file = join(folder, codec === H265 ? 'out.h265' : 'out.mjpeg');
    await depayload(codec, packetsOf(frames), tail, file);
    const { out, err } = await run(
      'ffprobe',
      ['-v', 'warning', '-count_frames', '-show_entries', 'stream=nb_read_frames', '-of', 'csv=p=0', file],
      Buffer.alloc(0),
    );
    t.equal(out.trim(), '50', `${codec.mimeType}: every picture is there`);
    t.notMatch(err, /error|corrupt|conceal|missing/i);
  }
});

test('sound of two encoders, one after the other', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'vedette-rtp-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const [stream, frames] = await record(OPUS, [audio(440), audio(880)], 60);
  t.equal(frames.length, 120);
  t.equal(stream.stats.sources, 2);
  checkLine(t, OPUS, frames);
  const file = join(folder, 'out.wav');
  // Without a jitter buffer opusdec sees each buffer once: 120 of 20 ms.
  await depayload(OPUS, packetsOf(frames), 'rtpopusdepay ! opusdec plc=false ! wavenc', file);
  const { err } = await run('ffmpeg', ['-v', 'error', '-i', file, '-f', 'null', '-'], Buffer.alloc(0));
  t.equal(err, '');
  const probe = await run(
    'ffprobe',
    ['-v', 'error', '-show_entries', 'stream=duration', '-of', 'csv=p=0', file],
    Buffer.alloc(0),
  );
  t.ok(Math.abs(Number(probe.out) - 2.4) < 0.1, `${probe.out.trim()} s of sound`);
});

test('ffmpeg reads the line from an SDP and notices no change of source', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'vedette-rtp-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const socket = createSocket('udp4');
  t.teardown(() => socket.close());
  const [stream, frames] = await record(H264, [video('smpte', 320, 240), video('ball', 320, 240)], 20);
  // A port that was free a moment ago.
  const probe = createSocket('udp4');
  probe.bind(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address();
  probe.close();
  const sdp = join(folder, 'stream.sdp');
  writeFileSync(
    sdp,
    `v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=video ${port} RTP/AVP 96\r\n` +
      `a=rtpmap:96 ${rtpmap(H264)}\r\na=fmtp:96 ${stream.formatParameters}\r\n`,
  );
  const ffmpeg = spawn(
    'ffmpeg',
    [
      ...'-v warning -nostdin -probesize 32 -analyzeduration 0 -protocol_whitelist file,udp,rtp -i'.split(' '),
      sdp,
      ...'-frames:v 30 -vsync passthrough -f framemd5 -'.split(' '),
    ],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  t.teardown(() => ffmpeg.kill('SIGKILL'));
  let pictures = '';
  let complaints = '';
  ffmpeg.stdout.setEncoding('utf8').on('data', (text: string) => (pictures += text));
  ffmpeg.stderr.setEncoding('utf8').on('data', (text: string) => (complaints += text));
  const exit = once(ffmpeg, 'exit');
  await listening(port);
  for (const frame of frames) {
    for (const packet of frame.packets) socket.send(packet, port, '127.0.0.1');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  await Promise.race([exit, new Promise((resolve) => setTimeout(resolve, 10_000))]);
  const times = pictures
    .split('\n')
    .filter((line) => /^\d/.test(line))
    .map((line) => Number(line.split(',')[2]));
  t.equal(times.length, 30, '20 of the first source, 10 of the next');
  t.ok(
    times.every((time, i) => i === 0 || time > (times[i - 1] as number)),
    'in order of time',
  );
  t.notMatch(complaints, /corrupt|concealing|missed|error|reordered|too late|non.monoton/i);
});

/** Waits until somebody has bound the UDP port. */
async function listening(port: number): Promise<void> {
  const hex = `:${port.toString(16).toUpperCase().padStart(4, '0')} `;
  for (let i = 0; i < 200; i++) {
    if (readFileSync('/proc/net/udp', 'utf8').includes(hex)) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`nobody listens on ${port}`);
}
