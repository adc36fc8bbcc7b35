/** Permissions of devices against W3C Permissions 6. */
import { test } from 'tap';
import { type PermissionDescriptor, PermissionStore } from '../../daemon/media/permission-store.ts';
import { createPermissions } from '../../daemon/media/permissions.ts';

test('query', async (t) => {
  const permissions = createPermissions(new PermissionStore({ microphone: 'denied' }));
  const camera = await permissions.query({ name: 'camera' });
  t.same([camera.name, camera.state], ['camera', 'granted'], 'whoever runs the program may');
  t.equal((await permissions.query({ name: 'microphone' })).state, 'denied');
  t.equal((await permissions.query({ name: 'camera', panTiltZoom: true })).state, 'granted');
  for (const wrong of [undefined, null, 5, {}, { name: 'geolocation' }, { name: 'Camera' }])
    await t.rejects(permissions.query(wrong as never), TypeError, JSON.stringify(wrong));
});

test('what follows from what', async (t) => {
  const moved: PermissionDescriptor = { name: 'camera', panTiltZoom: true };
  const table: [change: [PermissionDescriptor, 'granted' | 'denied' | 'prompt'][], camera: string, moving: string][] = [
    [[], 'granted', 'granted'],
    [[[{ name: 'camera' }, 'denied']], 'denied', 'denied'],
    [[[{ name: 'camera' }, 'prompt']], 'prompt', 'prompt'],
    [[[moved, 'denied']], 'granted', 'denied'],
    [
      [
        [{ name: 'camera' }, 'denied'],
        [moved, 'granted'],
      ],
      'granted',
      'granted',
    ],
    [
      [
        [moved, 'prompt'],
        [{ name: 'camera' }, 'granted'],
      ],
      'granted',
      'prompt',
    ],
    [[[{ name: 'microphone' }, 'denied']], 'granted', 'granted'],
  ];
  for (const [changes, camera, moving] of table) {
    const store = new PermissionStore();
    for (const [descriptor, state] of changes) store.set(descriptor, state);
    t.same([store.state({ name: 'camera' }), store.state(moved)], [camera, moving], JSON.stringify(changes));
  }
});

test('change', async (t) => {
  const store = new PermissionStore();
  const status = await createPermissions(store).query({ name: 'camera' });
  const seen: string[] = [];
  status.onchange = () => seen.push(status.state);
  store.set({ name: 'camera' }, 'denied');
  store.set({ name: 'camera' }, 'denied');
  store.set({ name: 'microphone' }, 'denied');
  store.set({ name: 'camera' }, 'granted');
  t.same(seen, ['denied', 'granted'], 'once for each change of its own');
});
