import { test } from 'tap';
import { RtpInput, rtpInputArguments } from '../../daemon/convert/rtp-input.ts';
import { aacCodec } from '../../daemon/rtp/aac.ts';
import { H264, OPUS } from '../../daemon/rtp/codec.ts';
import { RtpFrame } from '../../daemon/rtp/rtp-frame.ts';

const HEADER_BYTES = 62;

/** A pipe that keeps what is written, and as full as the test says. */
class Pipe {
  writableLength = 0;
  ended = false;
  /** Of each packet its time in milliseconds, RTP sequence number and payload. */
  readonly packets: [time: number, sequence: number, payload: string][] = [];
  caps = '';

  write(bytes: Buffer): void {
    for (let at = 0; at < bytes.length; ) {
      const type = bytes.readUInt16BE(at + 4);
      const content = bytes.subarray(at + HEADER_BYTES, at + HEADER_BYTES + bytes.readUInt32BE(at + 6));
      if (type === 2) this.caps = content.toString();
      if (type === 1)
        this.packets.push([
          Number(bytes.readBigUInt64BE(at + 10)) / 1e6,
          content.readUInt16BE(2),
          content.subarray(12).toString('hex'),
        ]);
      at += HEADER_BYTES + content.length;
    }
  }

  end(): void {
    this.ended = true;
  }
}

/** A frame of packets that have these payloads. */
function frame(keyFrame: boolean, ...payloads: string[]): RtpFrame {
  const packets = payloads.map((payload) => {
    const packet = Buffer.concat([Buffer.alloc(16), Buffer.from(payload, 'hex')]);
    packet[0] = 0x24;
    packet.writeUInt16BE(packet.length - 4, 2);
    packet.writeUInt16BE(4711, 6);
    return packet;
  });
  return new RtpFrame(Buffer.concat(packets), packets.length, keyFrame, 0);
}

test('video begins with a key frame, is numbered anew and never goes back', async (t) => {
  const pipe = new Pipe();
  const input = new RtpInput(pipe, H264);
  t.match(pipe.caps, 'media=(string)video, clock-rate=(int)90000, encoding-name=(string)H264, payload=(int)96');
  t.equal(input.needsKeyFrame, true);
  t.equal(input.write(frame(false, '01'), 0), false);
  t.equal(input.write(frame(true, '02', '03'), 40), true);
  t.equal(input.needsKeyFrame, false);
  t.equal(input.write(frame(false, '04'), 39), true);
  t.same(pipe.packets, [
    [40, 0, '02'],
    [40, 1, '03'],
    [40.0125, 2, '04'],
  ]);
  input.end();
  t.equal(pipe.ended, true);
});

test('a converter that does not keep up costs no memory', async (t) => {
  const pipe = new Pipe();
  const input = new RtpInput(pipe, H264);
  input.write(frame(true, '01'), 0);
  pipe.writableLength = 5 * 1024 * 1024;
  for (let at = 1; at < 1000; at++) t.equal(input.write(frame(at % 10 === 0, '02'), at), false);
  t.equal(input.dropped, 999);
  pipe.writableLength = 0;
  t.equal(input.write(frame(false, '03'), 1000), false, 'it has no use for that');
  t.equal(input.write(frame(true, '04'), 1001), true);
  t.same(pipe.packets.at(-1), [1001, 1, '04'], 'nothing looks lost');
});

test('silence', async (t) => {
  const pipe = new Pipe();
  const input = new RtpInput(pipe, OPUS);
  input.silence(50);
  input.write(frame(true, 'aa'), 60);
  input.silence(75);
  input.silence(121);
  t.same(pipe.packets, [
    [0, 0, 'fcfffe'],
    [20, 1, 'fcfffe'],
    [40, 2, 'fcfffe'],
    [60, 3, 'aa'],
    [80, 4, 'fcfffe'],
    [100, 5, 'fcfffe'],
    [120, 6, 'fcfffe'],
  ]);
});

test('silence of AAC: the frames follow each other', async (t) => {
  const pipe = new Pipe();
  new RtpInput(pipe, aacCodec(16_000, 1)).silence(150);
  t.same(
    pipe.packets.map(([time, sequence]) => [time, sequence]),
    [
      [0, 0],
      [64, 1],
      [128, 2],
    ],
  );
});

test('arguments', async (t) => {
  t.match(rtpInputArguments(4, OPUS).join(' '), /^fdsrc fd=4 .* gdpdepay ! queue ! rtpopusdepay$/);
});
