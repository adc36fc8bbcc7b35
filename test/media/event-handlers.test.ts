/** Event handler attributes against HTML 8.1.8.1 and Web IDL's [LegacyTreatNonObjectAsNull]. */
import { test } from 'tap';
import { createTrack, type MediaStreamTrack } from '../../daemon/media/media-stream-track.ts';
import { QuietSource } from '../support/quiet-source.ts';

function setup(): {
  track: MediaStreamTrack;
  source: QuietSource;
  calls: string[];
  call: (name: string) => () => void;
} {
  const source = new QuietSource();
  const calls: string[] = [];
  return { track: createTrack(source), source, calls, call: (name) => () => void calls.push(name) };
}

test('a handler is called with the event and the target', async (t) => {
  const { track, source } = setup();
  t.equal(track.onmute, null, 'null at first');
  let seen: [unknown, unknown] | undefined;
  const handler = function (this: MediaStreamTrack, event: Event): void {
    seen = [this, event];
  };
  track.onmute = handler;
  t.equal(track.onmute, handler);
  source.setMuted(true);
  t.equal(seen?.[0], track);
  t.match(seen?.[1], { type: 'mute' });
  t.equal(createTrack(source).onmute, null, 'each object has its own');
  t.equal(track.onunmute, null, 'and each type');
});

test('its place among the listeners', async (t) => {
  const { track, source, calls, call } = setup();
  track.addEventListener('mute', call('first'));
  track.onmute = call('handler');
  track.addEventListener('mute', call('last'));
  source.setMuted(true);
  t.same(calls.splice(0), ['first', 'handler', 'last'], 'where it was set');
  track.onmute = call('another');
  source.setMuted(false);
  source.setMuted(true);
  t.same(calls.splice(0), ['first', 'another', 'last'], 'another one takes the place');
  track.onmute = null;
  t.equal(track.onmute, null);
  source.setMuted(false);
  source.setMuted(true);
  t.same(calls.splice(0), ['first', 'last'], 'null takes it away');
  track.onmute = call('again');
  source.setMuted(false);
  source.setMuted(true);
  t.same(calls.splice(0), ['first', 'last', 'again'], 'set again, it stands at the end');
});

test('changes while the event is on its way', async (t) => {
  const { track, source, calls, call } = setup();
  track.addEventListener('mute', () => {
    calls.push('first');
    track.onmute = null;
  });
  track.onmute = call('handler');
  source.setMuted(true);
  t.same(calls.splice(0), ['first'], 'a removed handler is not called any more');
  track.onunmute = () => {
    calls.push('old');
    track.onunmute = call('new');
  };
  source.setMuted(false);
  t.same(calls.splice(0), ['old']);
  source.setMuted(true);
  source.setMuted(false);
  t.same(calls, ['first', 'new']);
});

test('values that are no function', async (t) => {
  const { track, source, calls, call } = setup();
  const assign = (value: unknown): unknown => {
    (track as { onmute: unknown }).onmute = value;
    return track.onmute;
  };
  for (const value of [undefined, 0, 1, '', 'alert()', true, Symbol('s'), 1n]) {
    track.onmute = call('handler');
    t.equal(assign(value), null, String(value));
  }
  const object = { handleEvent: () => t.fail('a handler is no listener object') };
  t.equal(assign(object), object, 'an object is kept');
  source.setMuted(true);
  t.same(calls, [], 'and does nothing');
});

test('returning false cancels, nothing else does', async (t) => {
  const { track } = setup();
  for (const [result, cancelled] of [
    [false, true],
    [undefined, false],
    [0, false],
    [null, false],
    [true, false],
  ] as const) {
    track.onmute = () => result;
    const event = new Event('mute', { cancelable: true });
    track.dispatchEvent(event);
    t.equal(event.defaultPrevented, cancelled, String(result));
  }
});

test('a handler that was set twice is called once', async (t) => {
  const { track, source, calls, call } = setup();
  const handler = call('handler');
  track.onmute = handler;
  track.onmute = handler;
  source.setMuted(true);
  t.same(calls, ['handler']);
});
