/** MediaStreamTrack against W3C Media Capture and Streams 4.3. */
import { test } from 'tap';
import { createTrack, MediaStreamTrack, sourceOf, watchEnd } from '../../daemon/media/media-stream-track.ts';
import { OverconstrainedError } from '../../daemon/media/overconstrained-error.ts';
import type { MediaTrackConstraints } from '../../daemon/media/track-constraints.ts';
import type { MediaTrackCapabilities, MediaTrackSettings } from '../../daemon/media/track-dictionaries.ts';
import type { VideoMode } from '../../daemon/media/track-source.ts';
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
  t.same(track.getSettings(), {}, 'of the settings only those are left that identify the device');
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

/** A camera of two modes with one control, which obeys. */
class Camera extends QuietSource {
  readonly values: MediaTrackSettings = { brightness: 128, deviceId: 'camera', groupId: 'group' };
  gate: Promise<void> = Promise.resolve();

  override capabilities(): MediaTrackCapabilities {
    return {
      brightness: { min: 0, max: 255, step: 1 },
      pan: { min: -3600, max: 3600, step: 3600 },
      deviceId: 'camera',
      groupId: 'group',
    };
  }

  override modes(): readonly VideoMode[] {
    return [
      { width: 640, height: 480, frameRates: [30] },
      { width: 1280, height: 720, frameRates: [30] },
    ];
  }

  override settings(): MediaTrackSettings {
    return this.values;
  }

  override async setControls(settings: MediaTrackSettings): Promise<void> {
    await this.gate;
    if (settings.brightness === 13) throw new Error('thirteen');
    Object.assign(this.values, settings);
    await super.setControls(settings);
  }
}

test('capabilities are the device’s limits and what scaling gives', async (t) => {
  t.same(createTrack(new Camera()).getCapabilities(), {
    facingMode: [],
    backgroundBlur: [false],
    brightness: { min: 0, max: 255, step: 1 },
    pan: { min: -3600, max: 3600, step: 3600 },
    deviceId: 'camera',
    groupId: 'group',
    width: { min: 1, max: 1280 },
    height: { min: 1, max: 720 },
    aspectRatio: { min: 1 / 720, max: 1280 },
    frameRate: { min: 0, max: 30 },
    resizeMode: ['none', 'crop-and-scale'],
  });
  t.match(createTrack(new QuietSource('audio')).getCapabilities(), {
    echoCancellation: [false],
    autoGainControl: [false],
    noiseSuppression: [false],
    channelCount: { min: 1, max: 2 },
  });
  const track = createTrack(new Camera(), {}, { panTiltZoom: false });
  t.notOk('pan' in track.getCapabilities(), 'pan, tilt and zoom with the permission only');
  await t.rejects(track.applyConstraints({ advanced: [{ pan: true }], pan: { exact: 0 } }), {
    message: /^pan: /,
  });
});

test('applyConstraints', async (t) => {
  const camera = new Camera();
  const track = createTrack(camera);
  t.same(track.getConstraints(), {});
  const constraints = { width: { exact: 320 }, frameRate: 10, advanced: [{ brightness: 200 }] };
  t.equal(await track.applyConstraints(constraints), undefined);
  t.same(track.getConstraints(), constraints);
  t.match(track.getSettings(), {
    width: 320,
    height: 240,
    frameRate: 10,
    resizeMode: 'crop-and-scale',
    brightness: 200,
  });
  t.match(camera.configurations.at(-1)?.settings, { width: 320, height: 240, frameRate: 10 });
  t.same(camera.controls, [{ brightness: 200 }], 'only the control that was asked for');
  const read = track.getConstraints() as { width: { exact: number } };
  read.width.exact = 1;
  t.same(track.getConstraints(), constraints, 'a copy');

  await track.applyConstraints();
  t.same(track.getConstraints(), {}, 'without an argument all constraints go');
  t.match(track.getSettings(), { width: 640, height: 480, brightness: 200 }, 'controls stay as they are');
  t.equal(camera.controls.length, 1);
  const count = camera.configurations.length;
  await track.applyConstraints({ width: 640 });
  t.equal(camera.configurations.length, count, 'nothing new, nothing told to the source');
});

test('applyConstraints is all or nothing', async (t) => {
  const camera = new Camera();
  const track = createTrack(camera);
  await track.applyConstraints({ width: { exact: 320 } });
  const before = { constraints: track.getConstraints(), settings: track.getSettings() };
  const unchanged = (message: string): void => {
    t.same({ constraints: track.getConstraints(), settings: track.getSettings() }, before, message);
  };
  await t.rejects(track.applyConstraints({ height: { exact: 100 }, width: { min: 4000 } }), {
    name: 'OverconstrainedError',
    message: 'width: {"min":4000} is required, there is {"min":1,"max":1280}',
  });
  const error = await track.applyConstraints({ width: { min: 4000 } }).catch((reason: unknown) => reason);
  t.ok(error instanceof OverconstrainedError && error instanceof DOMException && error.constraint === 'width');
  unchanged('too much');
  await t.rejects(track.applyConstraints({ height: { exact: 100 }, brightness: 13 }), {
    name: 'NotReadableError',
    message: 'thirteen',
  });
  unchanged('a control fails after the size was set');
  t.match(camera.configurations.at(-1)?.settings, { width: 320, height: 240 });
  camera.refusal = new Error('no encoder');
  await t.rejects(track.applyConstraints({ height: { exact: 100 } }), {
    name: 'NotReadableError',
    message: 'no encoder',
  });
  unchanged('the source refuses');
});

test('applyConstraints, one after the other', async (t) => {
  const camera = new Camera();
  const track = createTrack(camera);
  let open = (): void => undefined;
  camera.gate = new Promise((resolve) => {
    open = resolve;
  });
  const done: string[] = [];
  const first = track.applyConstraints({ brightness: 1 }).then(() => done.push('first'));
  const second = t.rejects(track.applyConstraints({ width: { min: 9999 } })).then(() => done.push('second'));
  const third = track.applyConstraints({ brightness: 3 }).then(() => done.push('third'));
  track.enabled = false;
  t.equal(camera.configurations.at(-1)?.enabled, false, 'nobody waits for black');
  open();
  await Promise.all([first, second, third]);
  t.same(done, ['first', 'second', 'third']);
  t.same(track.getConstraints(), { brightness: 3 });
  t.equal(camera.configurations.at(-1)?.enabled, false);
});

test('applyConstraints of what is no constraint', async (t) => {
  const track = createTrack(new Camera());
  const apply = (value: unknown): Promise<void> => track.applyConstraints(value as MediaTrackConstraints);
  for (const value of [1, 'x', { advanced: 5 }, { advanced: [5] }, { frameRate: 'fast' }, { width: { min: Symbol() } }])
    await t.rejects(apply(value), TypeError);
  await apply(null);
  await apply({ volume: { exact: 1 }, sampleRate: { exact: 1 } });
  t.same(
    track.getConstraints(),
    { sampleRate: { exact: 1 } },
    'unknown members are dropped, those of sound do nothing',
  );
  await apply({ width: '640', resizeMode: ['none'] });
  t.same(track.getConstraints(), { width: 640, resizeMode: ['none'] });
  track.stop();
  t.equal(await apply({ width: { exact: 9999 } }), undefined, 'an ended track takes anything');
});

test('contentHint', async (t) => {
  const table = [
    ['video', ['', 'motion', 'detail', 'text'], ['speech', 'music', 'Motion', 'none']],
    ['audio', ['', 'speech', 'speech-recognition', 'music'], ['motion', 'text', 'x']],
  ] as const;
  for (const [kind, good, bad] of table) {
    const source = new QuietSource(kind);
    const track = createTrack(source);
    t.equal(track.contentHint, '');
    for (const hint of [...good.slice(1), '']) {
      track.contentHint = hint;
      t.equal(track.contentHint, hint);
      t.equal(source.configurations.at(-1)?.contentHint, hint, 'the source knows');
    }
    track.contentHint = good[1];
    for (const hint of bad) {
      track.contentHint = hint;
      t.equal(track.contentHint, good[1], `${kind} ignores '${hint}'`);
    }
    t.equal(track.clone().contentHint, good[1], 'cloned');
  }
});

test('a hint for sound changes what is chosen where there is a choice', async (t) => {
  const source = new QuietSource('audio');
  source.capabilities = () => ({ echoCancellation: [true, false], autoGainControl: [true, false] });
  const track = createTrack(source);
  await track.applyConstraints({ autoGainControl: { exact: true } });
  t.match(track.getSettings(), { echoCancellation: true, autoGainControl: true });
  track.contentHint = 'music';
  t.match(track.getSettings(), { echoCancellation: false, autoGainControl: true }, 'constraints count for more');
  await track.applyConstraints();
  t.match(track.getSettings(), { echoCancellation: false, autoGainControl: false }, 'remembered');
  track.contentHint = '';
  t.match(track.getSettings(), { echoCancellation: true });
});

test('a captured track', async (t) => {
  const source = new QuietSource();
  const captured = new Set<MediaStreamTrack>();
  const track = createTrack(source, {}, { captured });
  t.equal(source.retained, 1, 'the device is open');
  const clone = track.clone();
  t.same([...captured], [track, clone]);
  track.stop();
  t.same([...captured], [clone]);
  t.equal(source.retained, 1, 'as long as a clone lives');
  clone.stop();
  t.equal(source.retained, 0);
  createTrack(source);
  t.equal(source.retained, 0, 'other tracks open it when somebody reads them');
});

test('a source that cannot obey', async (t) => {
  const source = new QuietSource();
  const track = createTrack(source);
  const ended = new Promise((resolve) => track.addEventListener('ended', resolve));
  const warning = new Promise((resolve) => process.once('warning', resolve));
  source.refusal = new Error('stuck');
  track.enabled = false;
  await ended;
  t.equal(track.readyState, 'ended', 'no picture rather than one that should be black');
  t.match(await warning, { message: /'Quiet video' ends.*stuck/ });
});

test('a source that cannot obey yet', async (t) => {
  const source = new QuietSource();
  const track = createTrack(source);
  source.setMuted(true);
  source.refusal = new Error('no camera');
  track.enabled = false;
  await new Promise((resolve) => setTimeout(resolve, 10));
  t.equal(track.readyState, 'live', 'it is away for now');
  source.refusal = undefined;
  while (source.configurations.at(-1)?.enabled !== false) await new Promise((resolve) => setTimeout(resolve, 20));
  t.equal(track.readyState, 'live', 'told again until it obeys');
});

test('a track that is stopped while constraints are applied', async (t) => {
  const camera = new Camera();
  const track = createTrack(camera);
  camera.gate = Promise.reject(new Error('closed'));
  camera.gate.catch(() => undefined);
  const applied = track.applyConstraints({ brightness: 1 });
  track.stop();
  t.equal(await applied, undefined);
});

test('an ended track keeps the identity of its device', async (t) => {
  const track = createTrack(new Camera());
  track.stop();
  t.same(track.getSettings(), { deviceId: 'camera', groupId: 'group' });
  t.same(track.clone().getSettings(), { deviceId: 'camera', groupId: 'group' });
  track.enabled = false;
  t.equal(track.enabled, false, 'enabled still changes, and does nothing');
});

test('configurationchange', async (t) => {
  const source = new QuietSource();
  const track = createTrack(source);
  let seen = 0;
  track.onconfigurationchange = () => seen++;
  for (const observer of source.observers) observer.configurationChanged?.();
  t.equal(seen, 1);
});

test('events of the source are trusted, those of scripts are not', async (t) => {
  const source = new QuietSource();
  const track = createTrack(source);
  const seen: boolean[] = [];
  track.onmute = (event: Event) => seen.push(event.isTrusted);
  source.setMuted(true);
  track.dispatchEvent(new Event('mute'));
  t.same(seen, [true, false]);
});

test('a control that the first advanced set names and the camera cannot is an error, as programs know it', async (t) => {
  const source = new QuietSource();
  const capabilities = source.capabilities();
  source.capabilities = () => ({ ...capabilities, brightness: { min: 0, max: 255, step: 1 }, torch: [false] });
  const track = createTrack(source);
  const refused: [string, MediaTrackConstraints][] = [
    ['brightness', { advanced: [{ brightness: 256 }] }],
    ['torch', { advanced: [{ torch: true }] }],
    ['brightness', { advanced: [{ brightness: { min: 300 } }] }],
  ];
  for (const [constraint, constraints] of refused)
    await t.rejects(track.applyConstraints(constraints), { name: 'OverconstrainedError', constraint }, constraint);
  t.same(source.controls, [], 'nothing was set');
  t.same(track.getConstraints(), {});
  await track.applyConstraints({ advanced: [{ brightness: 20 }, { brightness: 256 }] });
  t.same(source.controls, [{ brightness: 20 }], 'further sets are left out where nothing satisfies them');
  await track.applyConstraints({ advanced: [{ width: 100_000 }] });
  await track.applyConstraints({ advanced: [{ zoom: true }] });
  t.pass('so is a size, and the wish for a camera that can zoom');
});
