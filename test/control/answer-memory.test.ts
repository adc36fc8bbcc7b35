import { test } from 'tap';
import { AnswerMemory } from '../../daemon/control/answer-memory.ts';
import { ManualClock } from '../support/manual-clock.ts';

function memory(clock: ManualClock, maxEntries: number, maxBytes: number): AnswerMemory<string> {
  return new AnswerMemory({
    clock,
    keep: 1000,
    maxEntries,
    maxBytes,
    notBegun: (text) => text === 'busy',
    bytesOf: (text) => text.length,
  });
}

test('bounded by entries and bytes, the oldest first; what is under way stays', async (t) => {
  const clock = new ManualClock();
  let made = 0;
  const make = (text: string) => async () => {
    made += 1;
    return text;
  };
  const few = memory(clock, 2, 1000);
  let finish = (_text: string): void => undefined;
  const slow = few.once('slow', () => new Promise((resolve) => (finish = resolve)));
  await few.once('a', make('1'));
  await few.once('b', make('2'));
  await few.once('c', make('3'));
  await few.once('a', make('4'));
  t.equal(made, 4, 'a was forgotten');
  const again = few.once('slow', make('5'));
  finish('slow');
  t.equal(await slow, 'slow');
  t.equal(await again, 'slow');
  t.equal(made, 4);

  const small = memory(clock, 100, 10);
  await small.once('a', make('x'.repeat(6)));
  await small.once('b', make('x'.repeat(6)));
  t.equal(small.size, 1);
  clock.advance(1001);
  await small.once('c', make('y'));
  t.equal(small.size, 1, 'the old is gone');
});

test('what was not begun is not remembered: it may come again, once', async (t) => {
  const clock = new ManualClock();
  const answers = memory(clock, 100, 100);
  let made = 0;
  const make = async () => (++made === 1 ? 'busy' : 'done');
  t.same(await Promise.all([answers.once('a', make), answers.once('a', make)]), ['busy', 'busy']);
  t.equal(await answers.once('a', make), 'done');
  t.equal(await answers.once('a', make), 'done');
  t.equal(made, 2);
});
