/** The server under test in rtsp-fanout.ts: the whole path from the capture worker's pipe (standard input) to RTSP viewers. */

import { MediaClock } from '../daemon/lib/clock.ts';
import { silentLog } from '../daemon/lib/log.ts';
import { MediaStream } from '../daemon/media/media-stream.ts';
import { createTrack } from '../daemon/media/media-stream-track.ts';
import { RtspServer } from '../daemon/publish/rtsp/server.ts';
import { H264 } from '../daemon/rtp/codec.ts';
import { Rfc4571Splitter } from '../daemon/rtp/framing.ts';
import { RtpStream } from '../daemon/rtp/rtp-stream.ts';
import { benchSource } from './support/bench-source.ts';

const clock = new MediaClock();
const rtp = new RtpStream({ codec: H264, clock, cname: 'bench', maximumAge: 60_000 });
const stream = new MediaStream([createTrack(benchSource(rtp, () => undefined))]);
const server = new RtspServer({
  settings: {
    enabled: true,
    host: '127.0.0.1',
    port: 0,
    sessionTimeout: 60,
    maxViewers: 500,
    udp: false,
    digest: ['SHA-256', 'MD5'],
  },
  streams: { find: (name) => (name === 'bench' ? stream : undefined), renditions: () => [stream] },
  access: { realm: 'bench', open: true, authorize: async () => ({ allowed: true, user: undefined }) },
  viewers: { joined: () => undefined, left: () => undefined },
  clock,
  log: silentLog,
});
const splitter = new Rfc4571Splitter((packet) => rtp.push(packet));
process.stdin.on('data', (chunk: Buffer) => splitter.push(chunk));
process.stdin.on('end', () => void server.stop());
const { port } = await server.start();
process.stdout.write(`${port}\n`);
