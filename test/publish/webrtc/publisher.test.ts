import { test } from 'tap';
import type { WebRtcError } from '../../../daemon/publish/webrtc/webrtc-error.ts';
import { summarizeH264 } from '../../../daemon/rtp/h264.ts';
import { sequenceNumber, ssrc, timestamp } from '../../../daemon/rtp/packet.ts';
import { eventually, startWebGateway } from '../../support/web-gateway.ts';
import { VIEWER_PAYLOAD_TYPES } from '../../support/webrtc-viewer.ts';

test('a viewer gets one continuous line that begins with a key frame, in its own payload types', async (t) => {
  const served = await startWebGateway(t);
  const viewer = await served.watch();
  await eventually('media', () => viewer.rtp.video.length > 100 && viewer.rtp.audio.length > 50);
  const { video, audio } = served.source;
  t.equal(viewer.state, 'connected');
  t.equal(served.viewers.size, 1);
  for (const [kind, source] of [
    ['video', video],
    ['audio', audio],
  ] as const) {
    const packets = viewer.rtp[kind];
    t.same([...new Set(packets.map(ssrc))], [source.rtp.ssrc], `${kind}: the track's own SSRC`);
    t.same([...new Set(packets.map((packet) => (packet[1] as number) & 0x7f))], [VIEWER_PAYLOAD_TYPES[kind]]);
    const steps = packets
      .slice(1)
      .map((packet, i) => (sequenceNumber(packet) - sequenceNumber(packets[i] as Buffer)) & 0xffff);
    t.same([...new Set(steps)], [1], `${kind}: no gap`);
  }
  const first = viewer.rtp.video.filter((packet) => timestamp(packet) === timestamp(viewer.rtp.video[0] as Buffer));
  t.ok(
    first.some((packet) => summarizeH264(packet).keyFrame),
    'the first frame is a key frame',
  );
  t.match(viewer.answer, /a=sendonly/);
  t.notMatch(viewer.answer, /a=(recvonly|sendrecv)/);

  await eventually('sender reports', () => viewer.rtcp.length > 1);
  t.equal(viewer.rtcp[0]?.[1], 200);

  viewer.close();
  await eventually('the viewer has left', () => served.viewers.size === 0);
  t.notOk(video.running, 'nobody watches: the device is closed');
});

test('two viewers share the line', async (t) => {
  const served = await startWebGateway(t);
  const one = await served.watch();
  await eventually('the first plays', () => one.rtp.video.length > 10);
  const two = await served.watch();
  await eventually('both play', () => one.rtp.video.length > 60 && two.rtp.video.length > 60);
  const common = sequenceNumber(two.rtp.video[0] as Buffer);
  const from = one.rtp.video.findIndex((packet) => sequenceNumber(packet) === common);
  t.ok(from >= 0);
  for (let i = 0; i < 20; i++) t.same(one.rtp.video[from + i], two.rtp.video[i]);
});

test('lost packets are sent again, and a key frame comes when it is asked for', async (t) => {
  const served = await startWebGateway(t);
  const viewer = await served.watch();
  await eventually('media', () => viewer.rtp.video.length > 60);
  const lost = viewer.rtp.video[20] as Buffer;
  // That the viewer has it already is the library's secret: its replay protection drops the copy (RFC 3711, 3.3.2).
  viewer.send('video', nack(ssrc(lost), sequenceNumber(lost)));
  await eventually('the packet again', () => served.publisher.statistics.packetsRetransmitted === 1);
  t.equal(served.publisher.statistics.nacks, 1);
  viewer.send('video', nack(ssrc(lost), (sequenceNumber(lost) + 30_000) & 0xffff));
  await eventually('the next heartbeat', () => served.publisher.statistics.nacks === 2);
  t.equal(served.publisher.statistics.packetsRetransmitted, 1, 'what is not kept is not sent');
  const traffic = () => [...served.viewers.values()][0]?.traffic?.();
  viewer.send('video', receiverReport(ssrc(lost), 0.25));
  await eventually('what it says of its loss', () => traffic()?.fractionLost === 0.25);
  const received = [...viewer.rtp.video, ...viewer.rtp.audio].reduce((sum, { length }) => sum + length, 0);
  await eventually('what was sent to it', () => (traffic()?.sentBytes ?? 0) >= received);
  t.equal(traffic()?.droppedFrames, 0);

  const before = served.source.video.keyFrameRequests;
  viewer.send('video', pli(ssrc(lost)));
  await eventually('a request to the source', () => served.source.video.keyFrameRequests > before);
});

test('a crash of the source is a pause, not an end', async (t) => {
  const served = await startWebGateway(t);
  const viewer = await served.watch();
  await eventually('media', () => viewer.rtp.video.length > 30);
  served.source.video.crash();
  const before = viewer.rtp.video.length;
  await eventually('media again', () => viewer.rtp.video.length > before + 60);
  t.equal(viewer.state, 'connected');
  t.same(served.left, []);
  const packets = viewer.rtp.video;
  const steps = packets
    .slice(1)
    .map((packet, i) => (sequenceNumber(packet) - sequenceNumber(packets[i] as Buffer)) & 0xffff);
  t.same([...new Set(steps)], [1], 'the line goes on');
});

test('the end of the stream ends its viewers', async (t) => {
  const served = await startWebGateway(t);
  const viewer = await served.watch();
  await eventually('media', () => viewer.rtp.video.length > 10);
  served.source.audio.end();
  await new Promise((resolve) => setTimeout(resolve, 300));
  t.equal(served.viewers.size, 1, 'a track is left');
  served.source.video.end();
  t.same(served.left, ['stream ended']);
  await t.rejects(served.watch(), { code: 'not_live' });
});

test('offers that are not served', async (t) => {
  const served = await startWebGateway(t, { maxViewers: 1 });
  const offer = async (change: { sdp?: string; stream?: string }): Promise<string | undefined> => {
    try {
      const base = {
        stream: 'camera',
        sdp: '',
        remoteAddress: '127.0.0.1',
        user: undefined,
        kinds: ['video'] as const,
      };
      await served.publisher.offer({ ...base, ...change });
      return undefined;
    } catch (error) {
      return (error as WebRtcError).code;
    }
  };
  t.equal(await offer({ stream: 'attic' }), 'not_found');
  t.equal(await offer({ sdp: 'hello' }), 'invalid');
  t.notOk(served.source.video.running, 'nothing was started');
  const viewer = await served.watch();
  await eventually('media', () => viewer.rtp.video.length > 10);
  t.equal(await offer({}), 'busy');
  await served.publisher.stop();
  t.equal(await offer({}), 'unavailable');
  t.same(served.left, ['shutdown']);
});

function nack(media: number, sequence: number): Buffer {
  const packet = Buffer.from([0x81, 205, 0, 3, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0]);
  packet.writeUInt32BE(media, 8);
  packet.writeUInt16BE(sequence, 12);
  return packet;
}

function pli(media: number): Buffer {
  const packet = Buffer.from([0x81, 206, 0, 2, 0, 0, 0, 9, 0, 0, 0, 0]);
  packet.writeUInt32BE(media, 8);
  return packet;
}

/** A receiver report with one block (RFC 3550, 6.4.2). */
function receiverReport(media: number, fractionLost: number): Buffer {
  const packet = Buffer.alloc(32);
  packet.set([0x81, 201, 0, 7, 0, 0, 0, 9]);
  packet.writeUInt32BE(media, 8);
  packet[12] = fractionLost * 256;
  return packet;
}
