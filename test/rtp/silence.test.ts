import { test } from 'tap';
import { aacCodec } from '../../daemon/rtp/aac.ts';
import { OPUS, PCMA, PCMU } from '../../daemon/rtp/codec.ts';
import { RtpFrame } from '../../daemon/rtp/rtp-frame.ts';
import { silence } from '../../daemon/rtp/silence.ts';
import { samplesOf } from '../support/decoded.ts';

test('silence is heard as silence, and lasts as long as it says', async (t) => {
  const aac = [8000, 16_000, 44_100, 48_000].flatMap((rate) => [aacCodec(rate, 1), aacCodec(rate, 2)]);
  for (const codec of [OPUS, PCMA, PCMU, ...aac]) {
    const name = `${codec.mimeType} ${codec.clockRate}/${codec.channels ?? 1}`;
    const { packet, milliseconds } = silence(codec);
    const prefix = Buffer.from([0x24, 0, packet.length >> 8, packet.length & 0xff]);
    const frames = Array.from({ length: 50 }, (_, i) => {
      const bytes = Buffer.concat([prefix, packet]);
      return new RtpFrame(bytes, 1, true, i * milliseconds);
    });
    const samples = await samplesOf(frames, codec);
    // Of 32767: the least value of G.711 is 8, and resampling goes beyond.
    t.ok(
      samples.every((sample) => Math.abs(sample) <= 16),
      `${name}: nothing is heard`,
    );
    // A decoder may keep the beginning to itself.
    const lasts = (samples.length / 2 / 48_000) * 1000;
    t.ok(Math.abs(lasts - 50 * milliseconds) < 3 * milliseconds, `${name}: ${lasts} of ${50 * milliseconds} ms`);
  }
});
