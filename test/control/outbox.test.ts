import { test } from 'tap';
import { type MessageKind, Outbox, type OutgoingMessage } from '../../daemon/control/outbox.ts';

function message(kind: MessageKind, payload: string, topic: string = kind): OutgoingMessage {
  return { kind, topic, payload, retain: kind === 'state' };
}

function drain(outbox: Outbox): string[] {
  const texts: string[] = [];
  for (let next = outbox.take(); next !== undefined; next = outbox.take()) texts.push(String(next.payload));
  return texts;
}

test('answers first, then state, events, telemetry; in order within a kind', (t) => {
  const outbox = new Outbox({ maxMessages: 10, maxBytes: 1000 });
  outbox.push(message('telemetry', 't1'));
  outbox.push(message('event', 'e1'));
  outbox.push(message('state', 's1', 'a'));
  outbox.push(message('event', 'e2'));
  outbox.push(message('answer', 'a1'));
  outbox.push(message('answer', 'a2'));
  t.same(drain(outbox), ['a1', 'a2', 's1', 'e1', 'e2', 't1']);
  t.equal(outbox.size, 0);
  t.equal(outbox.bytes, 0);
  t.end();
});

test('newer state of a topic takes the place of older', (t) => {
  const outbox = new Outbox({ maxMessages: 10, maxBytes: 1000 });
  outbox.push(message('state', 'old', 'a'));
  outbox.push(message('state', 'other', 'b'));
  outbox.push(message('state', 'new', 'a'));
  t.same(drain(outbox), ['other', 'new']);
  t.equal(outbox.dropped, 0);
  t.end();
});

test('too many: the oldest telemetry goes first, then the oldest events, and answers last', (t) => {
  const outbox = new Outbox({ maxMessages: 4, maxBytes: 1000 });
  for (const [kind, text] of [
    ['answer', 'a1'],
    ['event', 'e1'],
    ['telemetry', 't1'],
    ['telemetry', 't2'],
    ['event', 'e2'],
    ['state', 's1'],
  ] as const)
    outbox.push(message(kind, text));
  t.same(drain(outbox), ['a1', 's1', 'e1', 'e2']);
  t.equal(outbox.dropped, 2);
  for (let i = 0; i < 6; i++) outbox.push(message('answer', `a${i}`));
  t.same(drain(outbox), ['a2', 'a3', 'a4', 'a5']);
  t.end();
});

test('too many bytes, in UTF-8 and with the topic', (t) => {
  const outbox = new Outbox({ maxMessages: 100, maxBytes: 20 });
  outbox.push(message('event', 'é', 'abcd'));
  t.equal(outbox.bytes, 6);
  outbox.push(message('event', '1234', 'abcd'));
  outbox.push(message('event', '5678', 'abcd'));
  t.same(drain(outbox), ['1234', '5678']);
  outbox.push(message('event', 'x'.repeat(21)));
  t.equal(outbox.size, 0, 'one that is too large by itself');
  t.end();
});

test('what did not arrive comes first again, but never over newer state', (t) => {
  const outbox = new Outbox({ maxMessages: 10, maxBytes: 1000 });
  outbox.push(message('event', 'e1'));
  outbox.push(message('event', 'e2'));
  outbox.push(message('state', 'old', 'a'));
  const taken = [outbox.take(), outbox.take(), outbox.take()].filter((each) => each !== undefined);
  outbox.push(message('event', 'e3'));
  outbox.push(message('state', 'new', 'a'));
  outbox.putBack(taken);
  t.same(drain(outbox), ['new', 'e1', 'e2', 'e3']);
  t.end();
});

test('a kind can be forgotten', (t) => {
  const outbox = new Outbox({ maxMessages: 10, maxBytes: 1000 });
  outbox.push(message('state', 's', 'a'));
  outbox.push(message('event', 'e'));
  outbox.clear('state');
  t.equal(outbox.bytes, 6);
  t.same(drain(outbox), ['e']);
  t.end();
});
