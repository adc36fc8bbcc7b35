import { spawn } from 'node:child_process';
import { test } from 'tap';
import { CaptureError } from '../../daemon/capture/capture-error.ts';
import { MultipartSplitter, PART_BOUNDARY } from '../../daemon/capture/multipart-splitter.ts';
import { checkChunking, chunks } from '../support/chunks.ts';
import { SeededRandom } from '../support/seeded-random.ts';

const head = (length: number | string, boundary = PART_BOUNDARY): string =>
  `--${boundary}\r\nContent-Type: image/jpeg\r\nContent-Length: ${length}\r\n\r\n`;
const multipart = (parts: readonly Buffer[]): Buffer =>
  Buffer.concat(parts.flatMap((part) => [Buffer.from(head(part.length)), part, Buffer.from('\r\n')]));

test('whole parts whatever the chunks, also where they look like what is between them', async (t) => {
  const sent = [1, 12, 2, 4096, 70_000, 200_000, 3].map((size, index) => Buffer.alloc(size, index + 1));
  sent.push(Buffer.from(`\r\n${head(5)}`), Buffer.from('\r\n\r\n'));
  const random = new SeededRandom();
  t.comment(`SEED=${random.seed}`);
  checkChunking(t, { stream: multipart(sent), sent, random }, (received) => new MultipartSplitter(received));
});

test('a part comes with its last byte, and is its own', async (t) => {
  const received: Buffer[] = [];
  const splitter = new MultipartSplitter((part) => received.push(part));
  const chunk = Buffer.from(`${head(3)}abc`);
  splitter.push(chunk);
  chunk.fill(0);
  t.same(received, [Buffer.from('abc')]);
});

test('an empty one is left out', async (t) => {
  const received: string[] = [];
  new MultipartSplitter((part) => received.push(part.toString())).push(
    multipart([Buffer.from('a'), Buffer.alloc(0), Buffer.alloc(0), Buffer.from('b')]),
  );
  t.same(received, ['a', 'b']);
});

test('what is no part is told, with its first bytes', async (t) => {
  const cases: [name: string, stream: string][] = [
    ['another boundary', head(3, 'other')],
    ['no boundary', head(3).slice(PART_BOUNDARY.length + 4)],
    ['something before the boundary', `x${head(3)}`],
    ['a part that is longer than its length', `${head(3)}abcd\r\n${head(3)}`],
    ['no length', `--${PART_BOUNDARY}\r\nContent-Type: image/jpeg\r\n\r\n`],
    ['a negative length', head(-1)],
    ['a length that is no number', head('0x10')],
    ['an empty length', head('')],
    ['a length of nine digits', head('000000003')],
    ['more than 64 MiB', head(64 * 2 ** 20 + 1)],
    ['a head that does not end', head(3).replace('image', 'i'.repeat(300))],
    ['bytes without an end', '\0'.repeat(256)],
  ];
  for (const [name, stream] of cases)
    for (const [way, size] of [
      ['in one piece', stream.length],
      ['byte by byte', 1],
    ] as const) {
      const splitter = new MultipartSplitter((part) => t.equal(part.toString(), 'abc'));
      const push = (): void => {
        for (const chunk of chunks(Buffer.from(stream, 'latin1'), () => size)) splitter.push(chunk);
      };
      const told = { code: 'failed', message: /^no picture of up to 67108864 bytes where one is due: "/ };
      t.throws(push, told, `${name}, ${way}`);
      t.throws(push, told, `${name}, ${way}: and so it stays`);
    }
  t.doesNotThrow(() => new MultipartSplitter(() => t.fail('a part')).push(Buffer.from(head(64 * 2 ** 20))));
});

test('with a wrong byte anywhere it ends with an error, or waits for what is missing, or finds another part', async (t) => {
  const random = new SeededRandom();
  t.comment(`SEED=${random.seed}`);
  const stream = multipart([Buffer.alloc(40, 'a'), Buffer.alloc(300, 'b'), Buffer.alloc(5, 'c')]);
  let [told, whole] = [0, 0];
  for (let i = 0; i < 3000; i++) {
    const broken = Buffer.from(stream);
    broken[random.integer(0, broken.length - 1)] = random.integer(0, 255);
    const splitter = new MultipartSplitter((part) => {
      whole += 1;
      if (part.length > stream.length) t.fail(`${part.length} bytes of ${stream.length}`);
    });
    try {
      for (const chunk of chunks(broken, () => random.integer(1, 400))) splitter.push(chunk);
    } catch (error) {
      if (!(error instanceof CaptureError)) throw error;
      told += 1;
    }
  }
  t.ok(told > 500 && whole > 3000, `${told} of 3000 are found wrong, ${whole} parts`);
});

test('what GStreamer writes, also when it is told the same caps twice, and when they change', async (t) => {
  const source = (width: number): string =>
    `videotestsrc num-buffers=2 ! video/x-raw,width=${width},height=48 ! jpegenc ! all.`;
  const launch = `concat name=all ! multipartmux boundary=${PART_BOUNDARY} ! fdsink fd=3 ${source(64)} ${source(64)} ${source(128)}`;
  const child = spawn('gst-launch-1.0', ['--no-fault', '-q', ...launch.split(' ')], {
    stdio: ['ignore', 'inherit', 'inherit', 'pipe'],
  });
  const widths: number[] = [];
  const splitter = new MultipartSplitter((jpeg) => {
    // ITU-T T.81, B.2.2: the frame header of a baseline picture.
    widths.push(jpeg.readUInt16BE(jpeg.indexOf('ffc0', 'hex') + 7));
    t.equal(jpeg.readUInt16BE(jpeg.length - 2), 0xffd9);
  });
  child.stdio[3]?.on('data', (chunk: Buffer) => splitter.push(chunk));
  t.equal(await new Promise((resolve) => child.once('close', resolve)), 0);
  t.same(widths, [64, 64, 64, 64, 128, 128]);
});
