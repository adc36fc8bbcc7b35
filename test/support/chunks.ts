import type { Test } from 'tap';
import type { SeededRandom } from './seeded-random.ts';

/** The stream in chunks of the sizes that `size` gives. */
export function* chunks(stream: Buffer, size: () => number): Generator<Buffer> {
  for (let at = 0; at < stream.length; ) {
    const end = Math.min(stream.length, at + size());
    yield stream.subarray(at, end);
    at = end;
  }
}

/** Checks that all of what was sent in a stream comes, in order and nothing else, whatever its chunks are. */
export function checkChunking(
  t: Test,
  { stream, sent, random }: { stream: Buffer; sent: readonly Buffer[]; random: SeededRandom },
  splitter: (received: (piece: Buffer) => void) => { push(chunk: Buffer): void },
): void {
  const ways: [string, () => number][] = [
    ['in one piece', () => stream.length],
    ['byte by byte', () => 1],
    ['pairs of bytes', () => 2],
    ['three bytes', () => 3],
    ['the chunks of a pipe', () => 65_536],
    ...Array.from({ length: 50 }, (_, i): [string, () => number] => [`random ${i}`, () => random.integer(1, 3000)]),
  ];
  for (const [name, size] of ways) {
    const received: Buffer[] = [];
    const splits = splitter((piece) => received.push(piece));
    for (const chunk of chunks(stream, size)) splits.push(chunk);
    t.equal(received.length, sent.length, `${name}: count`);
    t.ok(
      received.every((piece, i) => piece.equals(sent[i] as Buffer)),
      name,
    );
  }
}
