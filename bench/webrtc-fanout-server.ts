/** The gateway's side in webrtc-fanout.ts: the path from the capture worker's pipe (standard input) to WebRTC viewers. Offers come over IPC. */
import { MediaClock } from '../daemon/lib/clock.ts';
import { silentLog } from '../daemon/lib/log.ts';
import { MediaStream } from '../daemon/media/media-stream.ts';
import { createTrack } from '../daemon/media/media-stream-track.ts';
import { WebRtcPublisher } from '../daemon/publish/webrtc/publisher.ts';
import { H264 } from '../daemon/rtp/codec.ts';
import { Rfc4571Splitter } from '../daemon/rtp/framing.ts';
import { RtpStream } from '../daemon/rtp/rtp-stream.ts';
import { benchSource } from './support/bench-source.ts';

export type FromServer =
  | { type: 'ready'; workerPid: number }
  | { type: 'answer'; viewer: number; sdp: string }
  | { type: 'key-frame' };
export type ToServer = { type: 'offer'; viewer: number; sdp: string };

const tell = (message: FromServer): unknown => process.send?.(message);
const clock = new MediaClock();
const rtp = new RtpStream({ codec: H264, clock, cname: 'bench', maximumAge: 60_000 });
const stream = new MediaStream([createTrack(benchSource(rtp, () => tell({ type: 'key-frame' })))]);
const publisher = new WebRtcPublisher({
  settings: { enabled: true, host: '127.0.0.1', port: 0, maxViewers: 500, iceServers: [] },
  portConfigured: true,
  streams: { find: () => stream, renditions: () => [stream] },
  viewers: { joined: () => undefined, left: () => undefined },
  clock,
  log: silentLog,
});
const splitter = new Rfc4571Splitter((packet) => rtp.push(packet));
process.stdin.on('data', (chunk: Buffer) => splitter.push(chunk));
process.stdin.on('end', () => void publisher.stop().then(() => process.disconnect()));
process.on('message', (message) => void answer(message as ToServer));
await publisher.start();
tell({ type: 'ready', workerPid: publisher.workerPid ?? 0 });

async function answer({ viewer, sdp }: ToServer): Promise<void> {
  const offer = { stream: 'bench', sdp, remoteAddress: '127.0.0.1', user: undefined, kinds: ['video'] as const };
  tell({ type: 'answer', viewer, sdp: (await publisher.offer(offer)).sdp });
}
