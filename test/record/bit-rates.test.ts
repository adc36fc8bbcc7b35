import { test } from 'tap';
import { shareBitRate } from '../../daemon/record/bit-rates.ts';

test('a rate for all tracks is shared out', async (t) => {
  const both = new Set(['audio', 'video'] as const);
  t.same(shareBitRate(2_000_000, both), { video: 1_872_000, audio: 128_000 });
  t.same(shareBitRate(500_000, both), { video: 450_000, audio: 50_000 });
  t.same(shareBitRate(0, both), { video: 10_000, audio: 6_000 }, 'never nothing');
  t.same(shareBitRate(500_000, new Set(['audio'])), { video: 0, audio: 500_000 });
  t.same(shareBitRate(2_000_000, new Set(['video'])), { video: 2_000_000, audio: 0 });
});
