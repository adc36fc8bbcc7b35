/** MediaStreamTrack against W3C Media Capture and Streams 4.3. */
import { test } from 'tap';
import { createTrack, MediaStreamTrack, sourceOf, watchEnd } from '../../daemon/media/media-stream-track.ts';
import { QuietSource } from '../support/quiet-source.ts';

function eventsOf(track: MediaStreamTrack): string[] {
  const events: string[] = [];
  for (const type of ['mute', 'unmute', 'ended'])
    track.addEventListener(type, (event) =>
      events.push(`${event.type} ${track.muted ? 'muted' : 'unmuted'} ${track.readyState}`),
    );
  return events;
}

test('scripts cannot make one', async (t) => {
  const Open = MediaStreamTrack as unknown as new (...args: unknown[]) => MediaStreamTrack;
  t.throws(() => new Open(), { name: 'TypeError', message: 'Illegal constructor' });
  t.throws(() => new Open(Symbol('MediaStreamTrack'), new QuietSource()), TypeError);
  const track = createTrack(new QuietSource());
  t.throws(() => new (track.constructor as typeof Open)(), TypeError, 'not by way of a track either');
});

test('attributes', async (t) => {
  const source = new QuietSource('audio', 'Front microphone');
  const track = createTrack(source);
  t.equal(track.kind, 'audio');
  t.equal(track.label, 'Front microphone');
  t.equal(track.id.length, 36);
  t.not(track.id, createTrack(source).id);
  t.equal(track.readyState, 'live');
  t.equal(track.muted, false);
  t.equal(track.enabled, true);
  t.same(track.getSettings(), { sampleRate: 48_000, channelCount: 2 });
  for (const name of ['kind', 'id', 'label', 'muted', 'readyState'])
    t.throws(
      () => Reflect.apply(() => ((track as unknown as Record<string, unknown>)[name] = 'x'), null, []),
      TypeError,
      name,
    );
  track.enabled = 0 as unknown as boolean;
  t.equal(track.enabled, false, 'what is set becomes a boolean');
  track.enabled = 'yes' as unknown as boolean;
  t.equal(track.enabled, true);
  t.equal(Object.prototype.toString.call(track), '[object MediaStreamTrack]');
  t.equal(sourceOf(track), source);
});

test('mute and unmute are the doing of the source', async (t) => {
  const source = new QuietSource();
  source.setMuted(true);
  const track = createTrack(source);
  const events = eventsOf(track);
  t.equal(track.muted, true, 'from the beginning, without an event');
  source.setMuted(true);
  t.same(events, [], 'no change, no event');
  source.setMuted(false);
  source.setMuted(true);
  source.setMuted(false);
  t.same(events, ['unmute unmuted live', 'mute muted live', 'unmute unmuted live'], 'changed first, then told');
  track.enabled = false;
  t.equal(events.length, 3, 'enabled is another matter');
  track.stop();
  source.setMuted(true);
  t.equal(events.length, 3, 'an ended track hears nothing more');
});

test('stop', async (t) => {
  const source = new QuietSource();
  const track = createTrack(source);
  const events = eventsOf(track);
  let watched = 0;
  watchEnd(track, () => {
    watched += 1;
    t.equal(source.attached, 1, 'watchers let go before the source does');
  });
  t.equal(source.attached, 1);
  track.stop();
  t.equal(track.readyState, 'ended');
  t.equal(source.attached, 0);
  t.equal(source.observers.size, 0);
  track.stop();
  source.end();
  t.equal(source.attached, 0, 'the second stop does nothing');
  t.equal(watched, 1);
  t.same(events, [], 'no ended event for what the script does itself');
  t.same(track.getSettings(), { width: 640, height: 480, frameRate: 25 }, 'settings can still be read');
});

test('the source ends', async (t) => {
  const source = new QuietSource();
  const [track, other] = [createTrack(source), createTrack(source)];
  const events = eventsOf(track);
  let watched = 0;
  const remove = watchEnd(other, () => t.fail('was removed'));
  remove();
  watchEnd(track, () => {
    watched += 1;
  });
  source.end();
  t.same(events, ['ended unmuted ended']);
  t.equal(other.readyState, 'ended', 'all tracks of the source');
  t.equal(watched, 1);
  source.end();
  track.stop();
  t.equal(events.length, 1);
});

test('clone', async (t) => {
  const source = new QuietSource();
  source.setMuted(true);
  const track = createTrack(source);
  track.enabled = false;
  track.onmute = () => t.fail('handlers are not cloned');
  const clone = track.clone();
  t.ok(clone instanceof MediaStreamTrack);
  t.not(clone.id, track.id);
  t.same(
    [clone.kind, clone.label, clone.enabled, clone.muted, clone.readyState],
    ['video', 'Quiet video', false, true, 'live'],
  );
  t.equal(sourceOf(clone), source);
  t.equal(source.attached, 2);
  clone.enabled = true;
  t.equal(track.enabled, false, 'from then on each has its own');
  track.stop();
  t.equal(clone.readyState, 'live');
  t.equal(source.attached, 1, 'the source runs until its last track stops');
  clone.stop();
  t.equal(source.attached, 0);
  const late = track.clone();
  t.equal(late.readyState, 'ended', 'a clone of an ended track');
  t.equal(late.enabled, false);
  t.equal(source.attached, 0, 'holds nothing');
  late.stop();
  t.equal(source.attached, 0);
});

test('a handler that stops the track in its own event', async (t) => {
  const source = new QuietSource();
  const track = createTrack(source);
  const second = createTrack(source);
  track.onmute = () => track.stop();
  source.setMuted(true);
  t.equal(track.readyState, 'ended');
  t.equal(second.muted, true, 'the others are told all the same');
  t.equal(source.attached, 1);
});
