import { test } from 'tap';
import { InterleavedSplitter } from '../../daemon/rtp/framing.ts';
import { marker, payloadType } from '../../daemon/rtp/packet.ts';
import { RtpFrame } from '../../daemon/rtp/rtp-frame.ts';
import { rtpPacket } from '../support/rtp-packets.ts';

function frameOf(...sources: Buffer[]): RtpFrame {
  const bytes = Buffer.concat(
    sources.flatMap((packet) => {
      const prefix = Buffer.from([0x24, 0, 0, 0]);
      prefix.writeUInt16BE(packet.length, 2);
      return [prefix, packet];
    }),
  );
  return new RtpFrame(bytes, sources.length, true, 5);
}

const sources = [
  rtpPacket({ sequence: 1, timestamp: 90, payload: Buffer.alloc(1188, 1) }),
  rtpPacket({ sequence: 2, timestamp: 90, payload: Buffer.alloc(1, 2) }),
  rtpPacket({ sequence: 3, timestamp: 90, payload: Buffer.alloc(300, 3), marker: true }),
];

test('one buffer a channel, made once', async (t) => {
  const frame = frameOf(...sources);
  t.equal(frame.timestamp, 90);
  t.equal(
    frame.byteLength,
    sources.reduce((sum, packet) => sum + packet.length, 0),
  );
  for (const channel of [0, 1, 2, 255]) {
    const received: [number, Buffer][] = [];
    new InterleavedSplitter((number, packet) => received.push([number, packet])).push(frame.onChannel(channel));
    t.same(
      received,
      sources.map((packet) => [channel, packet]),
      `channel ${channel}`,
    );
    t.equal(frame.onChannel(channel), frame.onChannel(channel), 'the very same buffer for the next viewer');
  }
  t.same(frame.packets, sources, 'the packets are as they were');
});

test('another payload type', async (t) => {
  const frame = frameOf(...sources);
  const packets = frame.withPayloadType(127);
  t.same(packets.map(payloadType), [127, 127, 127]);
  t.same(packets.map(marker), [false, false, true]);
  t.same(
    packets.map((packet) => packet.subarray(2)),
    sources.map((packet) => packet.subarray(2)),
  );
  t.equal(frame.withPayloadType(127), packets, 'made once');
  t.same(frame.packets.map(payloadType), [96, 96, 96], 'of copies');
});
