import { test } from 'tap';
import { GatheredData } from '../../daemon/record/gathered-data.ts';
import { WebmReader } from '../../daemon/record/webm-reader.ts';

const gather = (limit = 1e9): GatheredData => new GatheredData(new WebmReader(), limit);
const HEAD = Buffer.from([0x15, 0x49, 0xa9, 0x66, 0x80]);

test('what is handed out is gone, and knows where it began', async (t) => {
  const data = gather();
  t.equal(data.take('video/webm').size, 0, 'nothing is a Blob, too');
  data.add({ bytes: HEAD });
  data.add({ bytes: Buffer.from('one'), time: 20 });
  data.add({ bytes: Buffer.from('two') });
  t.equal(data.start, 20);
  const first = data.take('video/webm');
  t.equal(first.type, 'video/webm');
  t.equal((await first.text()).slice(-6), 'onetwo');
  t.equal(data.start, 20, 'the rest of that fragment');
  data.add({ bytes: Buffer.from('three') });
  data.add({ bytes: Buffer.from('four'), time: 40 });
  t.equal(data.start, 40);
  t.equal(await data.take('video/webm').text(), 'threefour');
});

test('order is kept over many small and large parts', async (t) => {
  const data = gather();
  const parts = Array.from({ length: 40 }, (_, index) => Buffer.alloc(index % 3 === 0 ? 300_000 : 100, index));
  for (const [time, bytes] of parts.entries()) data.add({ bytes, time });
  t.ok(Buffer.from(await data.take('').arrayBuffer()).equals(Buffer.concat(parts)));
});

test('there is a limit to what nobody fetches', async (t) => {
  const data = gather(1000);
  t.equal(data.add({ bytes: Buffer.alloc(600), time: 0 }), true);
  t.equal(data.add({ bytes: Buffer.alloc(600), time: 1 }), false);
  data.take('');
  t.equal(data.add({ bytes: Buffer.alloc(600), time: 2 }), true, 'fetched, there is room again');
});

test('the duration is told in the head, while that has not been handed out', async (t) => {
  const whole = gather();
  whole.add({ bytes: HEAD });
  whole.add({ bytes: Buffer.from('x'), time: 0 });
  t.equal(whole.take('', 1500).size, HEAD.length + 1 + 1 + 12, 'a longer size, and an element of 12 bytes');
  const late = gather();
  late.add({ bytes: HEAD });
  t.equal(late.take('').size, HEAD.length);
  late.add({ bytes: Buffer.from('x'), time: 0 });
  t.equal(late.take('', 1500).size, 1);
});
