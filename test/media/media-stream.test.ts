/** MediaStream against W3C Media Capture and Streams 4.2 and 4.4, and the legacy `ended` of its earlier drafts. */
import { type Test, test } from 'tap';
import {
  addTrackByGateway,
  MediaStream,
  MediaStreamTrackEvent,
  removeTrackByGateway,
} from '../../daemon/media/media-stream.ts';
import { createTrack, MediaStreamTrack } from '../../daemon/media/media-stream-track.ts';
import { QuietSource } from '../support/quiet-source.ts';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const video = (): MediaStreamTrack => createTrack(new QuietSource('video'));
const audio = (): MediaStreamTrack => createTrack(new QuietSource('audio'));
/** Lets the tests say what TypeScript would not let them. */
const untyped = (value: unknown): never => value as never;
const assign = (object: object, name: string, value: unknown) => (): void => {
  (object as Record<string, unknown>)[name] = value;
};

/** The same tracks, in any order: the standard promises none. */
function sameSet(
  t: Test,
  found: readonly MediaStreamTrack[],
  wanted: readonly MediaStreamTrack[],
  message: string,
): void {
  t.equal(found.length, wanted.length, message);
  t.ok(
    wanted.every((track) => found.includes(track)),
    message,
  );
}

test('constructor: the three forms', async (t) => {
  const [a, v] = [audio(), video()];
  const empty = new MediaStream();
  sameSet(t, empty.getTracks(), [], 'from nothing');

  const fromTracks = new MediaStream([a, v]);
  sameSet(t, fromTracks.getTracks(), [a, v], 'from tracks: the very same objects');

  const fromStream = new MediaStream(fromTracks);
  sameSet(t, fromStream.getTracks(), [a, v], 'from a stream: its tracks are shared, not cloned');
  t.not(fromStream.id, fromTracks.id);
  fromStream.removeTrack(a);
  sameSet(t, fromTracks.getTracks(), [a, v], 'the two sets are separate');

  sameSet(t, new MediaStream([]).getTracks(), [], 'from no tracks');
  sameSet(t, new MediaStream([v, v, a]).getTracks(), [v, a], 'a track is in once');
  sameSet(t, new MediaStream(new Set([v])).getTracks(), [v], 'any iterable is a sequence');
  sameSet(t, new MediaStream(new MediaStream()).getTracks(), [], 'from an empty stream');
});

test('constructor: TypeError for anything else', async (t) => {
  const wrong: [string, unknown][] = [
    ['undefined', undefined],
    ['null', null],
    ['number', 1],
    ['string', ''],
    ['string of letters', 'abc'],
    ['boolean', true],
    ['object', {}],
    ['function', () => []],
    ['a track', video()],
    ['sequence of others', [{}]],
    ['sequence with null', [null]],
    ['sequence of a track and another', [video(), 'track']],
    ['sequence of streams', [new MediaStream()]],
    ['array-like', { length: 1, 0: video() }],
    ['iterator that is none', { [Symbol.iterator]: 1 }],
  ];
  for (const [name, value] of wrong) t.throws(() => new MediaStream(untyped(value)), TypeError, name);
  t.throws(() => (MediaStream as unknown as () => void)(), TypeError, 'without new');
});

test('id: 36 characters, its own, for good', async (t) => {
  const stream = new MediaStream();
  const ids = new Set([stream.id, new MediaStream().id, new MediaStream(stream).id, stream.clone().id]);
  t.equal(ids.size, 4);
  for (const id of ids) {
    t.match(id, UUID);
    t.equal(id.length, 36);
  }
  t.throws(assign(stream, 'id', 'other'), TypeError, 'read-only');
  t.equal(stream.id, stream.id);
});

test('getTracks, getAudioTracks, getVideoTracks are snapshots', async (t) => {
  const [a, v, w] = [audio(), video(), video()];
  const stream = new MediaStream([v, a, w]);
  sameSet(t, stream.getTracks(), [a, v, w], 'all');
  sameSet(t, stream.getAudioTracks(), [a], 'audio');
  sameSet(t, stream.getVideoTracks(), [v, w], 'video');
  const before = stream.getTracks();
  t.not(stream.getTracks(), before, 'a new array each time');
  before.length = 0;
  sameSet(t, stream.getTracks(), [a, v, w], 'whose changes reach nobody');
  const snapshot = stream.getVideoTracks();
  stream.removeTrack(w);
  sameSet(t, snapshot, [v, w], 'a snapshot does not change later');
  w.stop();
  sameSet(t, new MediaStream([w]).getTracks(), [w], 'an ended track is a track');
});

test('getTrackById', async (t) => {
  const [a, v] = [audio(), video()];
  const stream = new MediaStream([a, v]);
  t.equal(stream.getTrackById(a.id), a);
  t.equal(stream.getTrackById(v.id), v);
  t.equal(stream.getTrackById('nobody'), null);
  t.equal(stream.getTrackById(''), null);
  t.throws(() => Reflect.apply(stream.getTrackById, stream, []), TypeError, 'without argument');
  t.equal(stream.getTrackById(untyped(undefined)), null);
  t.equal(stream.getTrackById(untyped(null)), null);
  t.equal(stream.getTrackById(untyped({ toString: () => a.id })), a, 'a DOMString is made of the argument');
  t.equal(stream.getTrackById(a.id.toUpperCase()), null, 'ids are compared exactly');
  stream.removeTrack(a);
  t.equal(stream.getTrackById(a.id), null, 'no longer in');
  t.equal(stream.getTrackById(v.clone().id), null, 'a clone is another track');
});

test('addTrack and removeTrack', async (t) => {
  const [a, v] = [audio(), video()];
  const stream = new MediaStream();
  t.equal(stream.addTrack(v), undefined);
  stream.addTrack(v);
  sameSet(t, stream.getTracks(), [v], 'nothing happens for one that is in');
  stream.addTrack(a);
  const other = new MediaStream([v]);
  t.equal(stream.removeTrack(v), undefined);
  sameSet(t, stream.getTracks(), [a], 'taken out');
  t.equal(v.readyState, 'live', 'and not stopped');
  sameSet(t, other.getTracks(), [v], 'other streams keep it');
  stream.removeTrack(v);
  sameSet(t, stream.getTracks(), [a], 'nothing happens for one that is not in');
  for (const wrong of [undefined, null, {}, 'id', stream, Object.create(MediaStreamTrack.prototype)]) {
    t.throws(() => stream.addTrack(untyped(wrong)), TypeError);
    t.throws(() => stream.removeTrack(untyped(wrong)), TypeError);
  }
  sameSet(t, stream.getTracks(), [a], 'what failed changed nothing');
});

test('active', async (t) => {
  const [a, v] = [audio(), video()];
  const stream = new MediaStream();
  t.equal(stream.active, false, 'without tracks');
  stream.addTrack(a);
  stream.addTrack(v);
  t.equal(stream.active, true);
  a.stop();
  t.equal(stream.active, true, 'one is live');
  v.stop();
  t.equal(stream.active, false);
  stream.addTrack(video());
  t.equal(stream.active, true, 'a live track makes it active again');
  t.equal(new MediaStream([a, v]).active, false, 'made of ended tracks');
  t.throws(assign(stream, 'active', false), TypeError, 'read-only');
  const source = new QuietSource();
  const muted = new MediaStream([createTrack(source)]);
  source.setMuted(true);
  t.equal(muted.active, true, 'a muted track is live');
});

test('clone', async (t) => {
  const [a, v] = [audio(), video()];
  v.enabled = false;
  const stream = new MediaStream([a, v]);
  const first = stream.clone();
  t.ok(first instanceof MediaStream);
  t.not(first.id, stream.id);
  t.equal(first.getTracks().length, 2);
  for (const track of stream.getTracks()) t.equal(first.getTrackById(track.id), null, 'tracks are cloned, not shared');
  t.equal(first.getVideoTracks()[0]?.enabled, false);

  for (const track of stream.getTracks()) track.stop();
  t.equal(stream.active, false);
  t.equal(first.active, true, 'the clone lives on');
  first.getAudioTracks()[0]?.stop();
  const second = first.clone();
  t.equal(second.getAudioTracks()[0]?.readyState, 'ended', 'the clone of an ended track has ended');
  t.equal(second.getVideoTracks()[0]?.readyState, 'live');
  first.getVideoTracks()[0]?.stop();
  second.getVideoTracks()[0]?.stop();
  const third = second.clone();
  t.equal(third.active, false);
  t.same(new MediaStream().clone().getTracks(), []);
});

test('events: fired for what the gateway does, never for what the script does', async (t) => {
  const [a, v] = [audio(), video()];
  const stream = new MediaStream();
  const events: string[] = [];
  const log = (name: string) => (event: Event) => {
    const { track } = event as MediaStreamTrackEvent;
    const present = stream.getTracks().includes(track);
    events.push(`${name} ${event.type} ${track === a ? 'a' : 'v'} ${present ? 'in' : 'out'}`);
    t.ok(event instanceof MediaStreamTrackEvent && event.target === stream);
    t.same([event.bubbles, event.cancelable, event.isTrusted], [false, false, true]);
  };
  stream.onaddtrack = log('handler');
  stream.onremovetrack = log('handler');
  stream.addEventListener('addtrack', log('listener'));
  stream.addEventListener('removetrack', log('listener'));

  stream.addTrack(a);
  stream.removeTrack(a);
  stream.addTrack(a);
  new MediaStream(stream);
  stream.clone();
  a.stop();
  t.same(events, [], 'nothing for the script itself');

  addTrackByGateway(stream, v);
  t.same(events, ['handler addtrack v in', 'listener addtrack v in'], 'added first, then told');
  addTrackByGateway(stream, v);
  addTrackByGateway(stream, a);
  t.equal(events.length, 2, 'nothing for a track that is in');
  removeTrackByGateway(stream, a);
  t.same(events.slice(2), ['handler removetrack a out', 'listener removetrack a out']);
  removeTrackByGateway(stream, a);
  t.equal(events.length, 4, 'nothing for a track that is not in');
});

test('MediaStreamTrackEvent', async (t) => {
  t.equal(MediaStreamTrackEvent.length, 2);
  for (const init of [undefined, null, {}, { track: null }, { track: undefined }, { track: {} }])
    t.throws(() => new MediaStreamTrackEvent('type', untyped(init)), TypeError);
  const track = video();
  const event = new MediaStreamTrackEvent('type', { track, bubbles: true, cancelable: true });
  t.equal(event.type, 'type');
  t.equal(event.track, track);
  t.same([event.bubbles, event.cancelable], [true, true]);
  t.ok(event instanceof Event);
  t.equal(Object.prototype.toString.call(event), '[object MediaStreamTrackEvent]');
  t.throws(assign(event, 'track', null), TypeError);
});

test('nothing of the inside can be seen', async (t) => {
  const stream = new MediaStream([video()]);
  for (const object of [stream, stream.getTracks()[0] as MediaStreamTrack]) {
    t.same(Object.getOwnPropertyNames(object), []);
    t.equal(JSON.stringify(object), '{}');
    for (const symbol of Object.getOwnPropertySymbols(object)) {
      const value: unknown = Reflect.get(object, symbol);
      t.notOk(value instanceof QuietSource, String(symbol));
    }
  }
});
