import { execFileSync } from 'node:child_process';
import { test } from 'tap';
import { readSequenceParameters } from '../../daemon/rtp/h264-sps.ts';
import { SeededRandom } from '../support/seeded-random.ts';

/** The sequence parameter set that a real encoder writes for a size and a profile. */
function encoded(size: string, profile: string, more = ''): Buffer {
  const stream = execFileSync(
    'ffmpeg',
    `-v error -f lavfi -i testsrc=size=${size}:rate=5:duration=0.2 -c:v libx264 -profile:v ${profile} ${more} -bsf:v h264_mp4toannexb -f h264 -`.split(
      /\s+/,
    ),
  );
  const begin = stream.findIndex((byte, at) => (byte & 0x1f) === 7 && at >= 3 && stream.readUIntBE(at - 3, 3) === 1);
  return stream.subarray(begin, stream.indexOf(Buffer.from([0, 0, 1]), begin));
}

test('what real encoders write', async (t) => {
  for (const [size, profile, more, idc, interlaced] of [
    ['320x240', 'baseline', '-pix_fmt yuv420p', 66, false],
    ['1920x1080', 'main', '-pix_fmt yuv420p', 77, false],
    ['1366x768', 'high', '-pix_fmt yuv420p', 100, false],
    ['640x480', 'high', '-pix_fmt yuv420p -x264-params cqm=jvt', 100, false],
    ['1920x1080', 'high', '-pix_fmt yuv420p -flags +ildct+ilme', 100, true],
    ['322x242', 'high422', '-pix_fmt yuv422p', 122, false],
    ['321x241', 'high444', '-pix_fmt yuv444p', 244, false],
    ['640x360', 'high10', '-pix_fmt yuv420p10le', 110, false],
  ] as const) {
    const [width, height] = size.split('x').map(Number);
    t.same(
      readSequenceParameters(encoded(size, profile, more)),
      { profile: idc, width, height, interlaced },
      `${profile} ${size}`,
    );
  }
});

test('what is broken is nothing, and ends', async (t) => {
  const whole = encoded('1366x768', 'high', '-pix_fmt yuv420p');
  for (let length = 0; length < 10; length++) t.equal(readSequenceParameters(whole.subarray(0, length)), undefined);
  const random = new SeededRandom(7);
  for (let round = 0; round < 20_000; round++) {
    const bytes = Buffer.from(Array.from({ length: random.integer(0, 60) }, () => random.integer(0, 255)));
    const read = readSequenceParameters(bytes);
    if (read !== undefined && !(read.width > 0 && read.height > 0 && read.width <= 16_384 && read.height <= 16_384))
      t.fail(bytes.toString('hex'));
  }
});
