/** Types of the package against lib.dom: where both have an interface, ours can stand for theirs. */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'tap';
import { projectRoot } from './support/project-root.ts';

const ROOT = projectRoot();

const INTERFACES = [
  'BlobEvent',
  'ErrorEvent',
  'ImageCapture',
  'InputDeviceInfo',
  'MediaDeviceInfo',
  'MediaRecorder',
  'MediaStream',
  'MediaStreamTrack',
  'MediaStreamTrackEvent',
  'OverconstrainedError',
  'PermissionStatus',
];

const SOURCE = `
import * as vedette from 'vedette';

${INTERFACES.map((name) => `export const as${name} = (ours: vedette.${name}): ${name} => ours;`).join('\n')}
// What is not for a box without a screen.
export const asMediaDevices = (ours: vedette.MediaDevices): Omit<MediaDevices, 'getDisplayMedia'> => ours;
export const asPermissions = (ours: vedette.Permissions): Pick<Permissions, 'query'> => ours;

// What a program for browsers passes and gets.
export async function program(constraints: MediaStreamConstraints, more: MediaTrackConstraints): Promise<string> {
  const stream: MediaStream = await vedette.mediaDevices.getUserMedia(constraints);
  const [track] = stream.getVideoTracks();
  if (track === undefined) return '';
  track.onended = (event: Event) => console.log(event.type);
  await track.applyConstraints(more);
  const capabilities: MediaTrackCapabilities = track.getCapabilities();
  const settings: MediaTrackSettings = track.getSettings();
  const infos: MediaDeviceInfo[] = await vedette.mediaDevices.enumerateDevices();
  return JSON.stringify([capabilities, settings, infos]);
}
`;

/** Messages of the compiler. */
function compile(folder: string, source: string): string {
  writeFileSync(join(folder, 'program.ts'), source);
  writeFileSync(
    join(folder, 'tsconfig.json'),
    JSON.stringify({
      compilerOptions: {
        target: 'es2023',
        lib: ['es2023', 'dom', 'dom.iterable'],
        types: ['node'],
        module: 'nodenext',
        strict: true,
        noEmit: true,
        skipLibCheck: true,
      },
      files: ['program.ts'],
    }),
  );
  const { stdout } = spawnSync(process.execPath, [join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', folder], {
    encoding: 'utf8',
  });
  return stdout;
}

test('ours can stand for those of lib.dom', async (t) => {
  const folder = t.testdir({});
  t.equal(compile(folder, SOURCE), '');
  t.match(
    compile(folder, `${SOURCE}\nexport const wrong: MediaStream = vedette.mediaDevices;\n`),
    /error TS2/,
    'it can fail',
  );
});
