import { test } from 'tap';
import { matchesGlob } from '../../daemon/lib/glob.ts';

const TABLE: [text: string, pattern: string, matches: boolean][] = [
  ['/dev/v4l/by-path/pci-0000:00:14.0-usb-0:1.2:1.0-video-index0', '/dev/v4l/by-path/*usb-0:1.2:*', true],
  ['/dev/v4l/by-path/pci-0000:00:14.0-usb-0:1.21:1.0-video-index0', '/dev/v4l/by-path/*usb-0:1.2:*', false],
  ['abc', 'abc', true],
  ['abc', 'ab', false],
  ['abc', '*', true],
  ['', '*', true],
  ['', '', true],
  ['abc', 'a*c', true],
  ['ac', 'a*c', true],
  ['abd', 'a*c', false],
  ['aba', 'ab*ba', false],
  ['abba', 'ab*ba', true],
  ['a.c', 'a?c', false],
  ['xabyabz', '*ab*ab*', true],
  ['xabyaz', '*ab*ab*', false],
];

test('patterns', async (t) => {
  for (const [text, pattern, matches] of TABLE) t.equal(matchesGlob(text, pattern), matches, `${text} ~ ${pattern}`);
  const started = process.hrtime.bigint();
  matchesGlob('a'.repeat(256), `${'a*'.repeat(127)}b`);
  t.ok(process.hrtime.bigint() - started < 1_000_000_000n, 'no pattern takes long');
});
