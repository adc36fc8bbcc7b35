/** MediaDevices against W3C Media Capture and Streams 9 and 10. */
import { setImmediate as turn } from 'node:timers/promises';
import { test } from 'tap';
import { DeviceChangeEvent } from '../../daemon/media/device-change-event.ts';
import type { ProvidedDevice } from '../../daemon/media/device-provider.ts';
import { InputDeviceInfo, MediaDeviceInfo } from '../../daemon/media/media-device-info.ts';
import { createMediaDevices, type MediaDevices } from '../../daemon/media/media-devices.ts';
import type { MediaStreamConstraints } from '../../daemon/media/media-stream-constraints.ts';
import type { MediaStreamTrack } from '../../daemon/media/media-stream-track.ts';
import { OverconstrainedError } from '../../daemon/media/overconstrained-error.ts';
import { PermissionStore } from '../../daemon/media/permission-store.ts';
import { type QuietInput, QuietProvider, quietInput } from '../support/quiet-devices.ts';

const speaker: ProvidedDevice = { kind: 'audiooutput', deviceId: 'loud', groupId: 'group of mic', label: 'Speaker' };

interface Machine {
  devices: MediaDevices;
  provider: QuietProvider;
  permissions: PermissionStore;
  cameras: [QuietInput, QuietInput];
  microphone: QuietInput;
}

function machine(): Machine {
  const cameras: Machine['cameras'] = [quietInput('video', 'front', 'webcam'), quietInput('video', 'back')];
  const microphone = quietInput('audio', 'mic', 'webcam');
  const provider = new QuietProvider(...cameras, speaker, microphone, quietInput('audio', 'line'));
  const permissions = new PermissionStore();
  return { devices: createMediaDevices(provider, permissions), provider, permissions, cameras, microphone };
}

const ids = (infos: readonly MediaDeviceInfo[]): string[] => infos.map(({ deviceId }) => deviceId);

async function rejection(promise: Promise<unknown>): Promise<{ name: string; message: string; constraint?: string }> {
  return promise.then(
    () => ({ name: 'none', message: 'it did not fail' }),
    (error: unknown) => error as Error,
  );
}

test('enumerateDevices tells little before the first capture, everything after it', async (t) => {
  const { devices, provider } = machine();
  t.equal(provider.asked, 0, 'nobody looks for devices before somebody asks');
  const before = await devices.enumerateDevices();
  t.same(
    before.map((info) => info.toJSON()),
    ['audioinput', 'videoinput'].map((kind) => ({ kind, deviceId: '', groupId: '', label: '' })),
  );
  t.same((before[0] as InputDeviceInfo).getCapabilities(), {});
  const stream = await devices.getUserMedia({ video: true });
  for (const track of stream.getTracks()) track.stop();
  const after = await devices.enumerateDevices();
  t.same(ids(after), ['mic', 'line', 'front', 'back', 'loud'], 'both kinds, as both are allowed');
  t.same(after[0]?.groupId, after[2]?.groupId, 'one physical device');
  t.same(after[2]?.toJSON(), { kind: 'videoinput', deviceId: 'front', groupId: 'webcam', label: 'The front' });
  for (const info of after) {
    t.ok(info instanceof MediaDeviceInfo);
    t.equal(info instanceof InputDeviceInfo, info.kind !== 'audiooutput');
  }
  const [camera] = (await devices.getUserMedia({ video: true })).getTracks();
  t.same((after[2] as InputDeviceInfo).getCapabilities(), camera?.getCapabilities(), 'what a track of it would say');
  t.not((await devices.enumerateDevices())[0], after[0], 'new objects each time');
  camera?.stop();
});

test('what is told when one kind only is allowed', async (t) => {
  const { devices, permissions } = machine();
  permissions.set({ name: 'microphone' }, 'prompt');
  const [track] = (await devices.getUserMedia({ video: true })).getTracks();
  t.same(ids(await devices.enumerateDevices()), ['', 'front', 'back']);
  permissions.set({ name: 'camera' }, 'denied');
  t.equal(track?.readyState, 'ended', 'who loses the permission loses the tracks');
  t.same(ids(await devices.enumerateDevices()), ['', '']);
});

test('getUserMedia', async (t) => {
  const { devices, cameras, microphone } = machine();
  const stream = await devices.getUserMedia({ audio: true, video: { width: 320 } });
  const [audio, video] = stream.getTracks() as [MediaStreamTrack, MediaStreamTrack];
  t.same([audio.kind, video.kind, audio.readyState, video.readyState], ['audio', 'video', 'live', 'live']);
  t.match(video.getSettings(), { width: 320, height: 240, resizeMode: 'crop-and-scale', deviceId: 'front' });
  t.same(video.getConstraints(), { width: 320 });
  t.same(audio.getConstraints(), {});
  t.same([cameras[0].quiet.retained, microphone.quiet.retained], [1, 1], 'the devices are open');
  const other = await devices.getUserMedia({ video: { deviceId: 'front', width: 1280 } });
  t.equal(other.getVideoTracks()[0]?.getSettings().width, 1280, 'once more, in another size');
  t.equal(video.getSettings().width, 320);
  const clone = video.clone();
  for (const track of [audio, video, ...other.getTracks()]) track.stop();
  t.same([cameras[0].quiet.retained, microphone.quiet.retained], [1, 0]);
  clone.stop();
  t.same([cameras[0].quiet.retained, cameras[0].quiet.attached], [0, 0], 'and closed with the last track');
});

test('which device', async (t) => {
  const { devices, cameras } = machine();
  cameras[1].quiet.more = { facingMode: ['environment'] };
  const table: [MediaStreamConstraints['video'], string][] = [
    [true, 'front'],
    [{}, 'front'],
    [{ deviceId: 'back' }, 'back'],
    [{ deviceId: { exact: ['nobody', 'back'] } }, 'back'],
    [{ deviceId: 'nobody' }, 'front'],
    [{ deviceId: '' }, 'front'],
    [{ groupId: { exact: 'webcam' } }, 'front'],
    [{ facingMode: 'environment' }, 'back'],
    [{ facingMode: { exact: 'environment' } }, 'back'],
    [{ advanced: [{ facingMode: 'environment' }] }, 'front'],
    [{ sampleRate: { exact: 1 } }, 'front'],
  ];
  for (const [video, deviceId] of table) {
    const [track] = (await devices.getUserMedia({ video } as MediaStreamConstraints)).getTracks();
    t.equal(track?.getSettings().deviceId, deviceId, JSON.stringify(video));
    track?.stop();
  }
});

test('what is asked for wrongly', async (t) => {
  const { devices } = machine();
  const wrong = [
    undefined,
    null,
    {},
    { video: false },
    { audio: false, video: false },
    5,
    { video: { frameRate: 'x' } },
  ];
  for (const constraints of [
    ...wrong,
    { video: { zoom: { exact: 1 } } },
    { video: { brightness: { min: 1 } } },
    { semantics: 'x', video: true },
  ])
    t.match(
      await rejection(devices.getUserMedia(constraints as never)),
      { name: 'TypeError' },
      JSON.stringify(constraints),
    );
  t.match(await rejection(devices.getUserMedia({ video: true, semantics: 'user-chooses' })), {
    name: 'NotAllowedError',
    message: /2 cameras fit/,
  });
  const one = { deviceId: { exact: 'back' } };
  const stream = await devices.getUserMedia({ video: one, semantics: 'user-chooses' });
  for (const track of stream.getTracks()) track.stop();
});

test('too much', async (t) => {
  const { devices, permissions, cameras } = machine();
  const error = await rejection(devices.getUserMedia({ video: { width: { min: 4000 } } }));
  t.ok(error instanceof OverconstrainedError);
  t.match(error, { constraint: 'width', message: 'width: {"min":4000} is required, there is {"min":1,"max":1280}' });
  t.match(await rejection(devices.getUserMedia({ audio: { deviceId: { exact: 'x' } }, video: true })), {
    constraint: 'deviceId',
  });
  t.equal(cameras[0].quiet.attached, 0, 'nothing was opened for it');
  permissions.set({ name: 'camera' }, 'prompt');
  t.match(await rejection(devices.getUserMedia({ video: { width: { min: 4000 } } })), {
    name: 'OverconstrainedError',
    constraint: '',
  });
});

test('permission', async (t) => {
  const { devices, permissions, cameras } = machine();
  for (const state of ['denied', 'prompt'] as const) {
    permissions.set({ name: 'camera' }, state);
    for (const constraints of [{ video: true }, { video: true, audio: true }])
      t.match(await rejection(devices.getUserMedia(constraints)), {
        name: 'NotAllowedError',
        message: /camera is not given/,
      });
  }
  permissions.set({ name: 'camera' }, 'denied');
  t.match(await rejection(devices.getUserMedia({ video: { width: { min: 4000 } } })), { name: 'NotAllowedError' });
  t.equal(cameras[0].quiet.attached, 0);
  const [track] = (await devices.getUserMedia({ audio: true })).getTracks();
  t.equal(track?.kind, 'audio');
  track?.stop();
});

test('moving a camera is a permission of its own', async (t) => {
  const { devices, permissions, cameras } = machine();
  cameras[0].quiet.more = { pan: { min: -10, max: 10 }, zoom: { min: 1, max: 2 } };
  permissions.set({ name: 'camera', panTiltZoom: true }, 'denied');
  const [still] = (await devices.getUserMedia({ video: true })).getTracks() as [MediaStreamTrack];
  t.notOk('zoom' in still.getCapabilities());
  permissions.set({ name: 'camera', panTiltZoom: true }, 'granted');
  const [moving] = (await devices.getUserMedia({ video: { zoom: true } })).getTracks() as [MediaStreamTrack];
  t.match(moving.getCapabilities(), { pan: { min: -10, max: 10 }, zoom: { min: 1, max: 2 } });
  still.stop();
  moving.stop();
});

test('a device that cannot be opened', async (t) => {
  const { devices, cameras, microphone } = machine();
  const [front, back] = cameras;
  const wait = (signal: AbortSignal | undefined): Promise<void> =>
    new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason as Error)));
  front.quiet.opening = (signal) => {
    setImmediate(() => front.quiet.setMuted(true));
    return wait(signal);
  };
  front.quiet.mutedReason = 'busy';
  Object.assign(front, { explain: async (reason: string) => `${reason}: held by another program` });
  const [other] = (await devices.getUserMedia({ video: true })).getTracks();
  t.equal(other?.getSettings().deviceId, 'back', 'another one that fits is taken');
  other?.stop();
  front.quiet.muted = false;
  const exact = { deviceId: { exact: 'front' } };
  t.match(await rejection(devices.getUserMedia({ video: exact, audio: true })), {
    name: 'NotReadableError',
    message: 'The front cannot be used: unplugged: held by another program',
  });
  t.same([front.quiet.attached, front.quiet.retained], [0, 0], 'let go');
  t.same([microphone.quiet.attached, microphone.quiet.retained], [0, 0], 'the other kind, too');
  back.quiet.opening = (signal) => {
    setImmediate(() => back.quiet.end());
    return wait(signal);
  };
  t.match(await rejection(devices.getUserMedia({ video: { deviceId: { exact: 'back' } } })), { name: 'AbortError' });
});

test('no such device', async (t) => {
  const devices = createMediaDevices(new QuietProvider(quietInput('audio', 'mic')), new PermissionStore());
  t.match(await rejection(devices.getUserMedia({ video: true, audio: true })), {
    name: 'NotFoundError',
    message: 'there is no camera',
  });
});

test('devicechange', async (t) => {
  const { devices, provider, cameras, microphone } = machine();
  const events: DeviceChangeEvent[] = [];
  devices.ondevicechange = (event) => events.push(event);
  t.equal(provider.asked, 1, 'who listens has them watched');
  const change = async (...list: ProvidedDevice[]): Promise<void> => {
    provider.change(...list);
    await turn();
  };
  await turn();
  await change(cameras[0], microphone);
  t.equal(events.length, 0, 'that there is one of a kind is all that is known, and it is so still');
  await change(microphone);
  t.equal(events.length, 1);
  t.same(
    events[0]?.devices.map(({ kind }) => kind),
    ['audioinput'],
  );
  t.same(events[0]?.userInsertedDevices, []);
  const stream = await devices.getUserMedia({ audio: true });
  await change(microphone, cameras[1]);
  t.ok(events[1] instanceof DeviceChangeEvent);
  t.same(ids(events[1]?.devices ?? []), ['mic', 'back']);
  t.same(events[1]?.userInsertedDevices, [events[1]?.devices[1]], 'the same object');
  t.ok(Object.isFrozen(events[1]?.devices));
  await change(microphone, cameras[1]);
  t.equal(events.length, 2, 'no change, no event');
  for (const track of stream.getTracks()) track.stop();
});

test('getSupportedConstraints', async (t) => {
  const { devices } = machine();
  const supported = devices.getSupportedConstraints();
  t.ok(Object.values(supported).every((value) => value === true));
  for (const name of ['width', 'resizeMode', 'deviceId', 'echoCancellation', 'zoom', 'torch', 'backgroundBlur'])
    t.ok(name in supported, name);
  t.equal(devices.defaultSemantics, 'browser-chooses');
});
