import { test } from 'tap';
import { SentTrack } from '../../../daemon/publish/webrtc/sent-track.ts';
import { H264 } from '../../../daemon/rtp/codec.ts';

const SSRC = 0xfeedbeef;
const SLICE = Buffer.from([0x41, 1, 2]);
const IDR = Buffer.from([0x65, 1, 2]);

interface Packet {
  sequence: number;
  time: number;
  marker?: boolean;
  payload?: Buffer;
  source?: number;
}

function rtp({ sequence, time, marker = false, payload = SLICE, source = SSRC }: Packet): Buffer {
  const packet = Buffer.concat([Buffer.alloc(12), payload]);
  packet[0] = 0x80;
  packet[1] = (marker ? 0x80 : 0) | 96;
  packet.writeUInt16BE(sequence & 0xffff, 2);
  packet.writeUInt32BE(time, 4);
  packet.writeUInt32BE(source, 8);
  return packet;
}

test('packets become frames at their marker', async (t) => {
  const track = new SentTrack({ codec: H264, ssrc: SSRC });
  t.equal(track.push(rtp({ sequence: 1, time: 1, payload: IDR })), undefined);
  t.equal(track.push(rtp({ sequence: 2, time: 1, source: 7 })), undefined, 'of the track that had the slot before');
  const key = track.push(rtp({ sequence: 2, time: 1, marker: true }));
  t.equal(key?.keyFrame, true);
  t.equal(key?.withPayloadType(96).length, 2);
  t.equal(track.push(rtp({ sequence: 3, time: 2, marker: true }))?.keyFrame, false);
});

test('half a frame, as a crash leaves it, is not put together with the next', async (t) => {
  const track = new SentTrack({ codec: H264, ssrc: SSRC });
  track.push(rtp({ sequence: 1, time: 1, payload: IDR }));
  const frame = track.push(rtp({ sequence: 2, time: 2, marker: true }));
  t.equal(frame?.keyFrame, false);
  t.equal(frame?.withPayloadType(96).length, 1);
});

test('packets with another payload type are made once and leave the others alone', async (t) => {
  const track = new SentTrack({ codec: H264, ssrc: SSRC });
  const packet = rtp({ sequence: 1, time: 1, marker: true });
  const frame = track.push(packet);
  const [other] = frame?.withPayloadType(102) ?? [];
  t.equal(other?.[1], 0x80 | 102);
  t.equal(packet[1], 0x80 | 96);
  t.equal(frame?.withPayloadType(102)[0], other, 'shared by all who have the number');
  t.same(other?.subarray(2), packet.subarray(2));
});

test('recent packets can be had again, by number', async (t) => {
  const track = new SentTrack({ codec: H264, ssrc: SSRC });
  for (let i = 0; i < 1100; i++) track.push(rtp({ sequence: 65_000 + i, time: i, marker: true }));
  t.equal(track.recent(65_000, 96), undefined, 'too old');
  t.equal(track.recent(65_100, 102)?.readUInt16BE(2), 65_100);
  t.equal(track.recent(65_100, 102)?.[1], 0x80 | 102);
  t.equal(track.recent((65_000 + 1099) & 0xffff, 96)?.readUInt32BE(4), 1099, 'past the wrap');
  t.equal(track.recent(5000, 96), undefined, 'never sent');
});
