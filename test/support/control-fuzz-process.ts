/**
 * Hostile requests, one after the other, to the real control room over a {@link PlannedGateway}, in a process that Node
 * lets run no program, and write in one folder only. Arguments: how many, the folder, a seed. Prints a {@link FuzzReport}.
 */
import { spawnSync } from 'node:child_process';
import { open, readdir, unlink, writeFile } from 'node:fs/promises';
import { inspect } from 'node:util';
import type { Transport } from '../../daemon/control/command.ts';
import { Controller } from '../../daemon/control/controller.ts';
import type { SessionReport } from '../../daemon/control/gateway-port.ts';
import type { FuzzReport } from './control-fuzz.ts';
import { hostileRequest } from './hostile-requests.ts';
import { unexpectedElements } from './launch-elements.ts';
import { ManualClock } from './manual-clock.ts';
import { TRUSTING } from './mqtt-settings.ts';
import { DEVICES, PlannedGateway } from './planned-gateway.ts';
import { type LogEntry, recordingLog } from './recording-log.ts';
import { SeededRandom } from './seeded-random.ts';

/** What may be asked of that which needs a device, a viewer or a process, whatever came in. */
const EXPECTED = [
  /^controls \{("(brightness|power_line_frequency)":\d{1,3},?)*\}$/,
  /^(rescan|restart)$/,
  /^offer [a-z0-9][a-z0-9_-]* video,audio$/,
  /^(candidate|close) /,
];
/** Files that a gateway keeps: its own, and no other. */
const FILES = new Set(['vedette.yaml', 'remote-config.json', 'privacy.json']);
/** Requests to one gateway: what good ones did is gone with it, so that the next ones find something. */
const LIFE = 500;

const [count, folder, seed] = [Number(process.argv[2]), process.argv[3] as string, Number(process.argv[4])];
const random = new SeededRandom(seed);
const strange = new Set<string>();
const [cameras, microphones] = (['videoinput', 'audioinput'] as const).map((kind) =>
  DEVICES.filter((device) => device.kind === kind).map(({ path }) => JSON.stringify(path)),
) as [string[], string[]];
const report: FuzzReport = { codes: {}, strange: [], slowest: 0, launches: 0, applied: 0, confined: [] };
// Node refuses these to a process that it confines, for whatever file.
const handle = await open(`${folder}/vedette.yaml`, 'w');
Object.assign(Object.getPrototypeOf(handle), { chmod: async () => undefined, chown: async () => undefined });
await handle.close();
// Workers answer at once: who waits longer waits for what does not come, a device of a strange name.
AbortSignal.timeout = () => {
  const controller = new AbortController();
  setTimeout(() => controller.abort(new Error('it does not come')), 1);
  return controller.signal;
};
const transport: Transport = {
  logTopic: 'log',
  publishLogLine: () => undefined,
  publishSnapshot: async (name) => `snapshot of ${name}`,
};

const describe = (fields: Record<string, unknown> = {}): string => inspect(fields, { breakLength: Infinity });

/** A gateway, and the requests of its life. */
async function life(requests: number, number: number): Promise<void> {
  const clock = new ManualClock();
  const log: LogEntry[] = [];
  for (const file of await readdir(folder)) await unlink(`${folder}/${file}`);
  const gateway = await PlannedGateway.start({
    folder,
    video: cameras[number % cameras.length] as string,
    audio: microphones[number % microphones.length] as string,
    clock,
    log: recordingLog(log),
  });
  const { control, fake, started } = gateway;
  const controller = new Controller({ gateway: control, rights: TRUSTING, clock, log: recordingLog(log) });
  const [viewer] = fake.sessions.list() as [SessionReport];
  for (let i = 0; i < requests; i++) {
    const request = hostileRequest(random);
    clock.advance(60);
    const before = process.cpuUsage();
    const { answer } = await controller.execute({ ...request, sender: 'mqtt', retained: false }, transport);
    const { user, system } = process.cpuUsage(before);
    report.slowest = Math.max(report.slowest, (user + system) / 1000);
    const code = answer.status === 'ok' ? 'ok' : answer.error.code;
    report.codes[code] = (report.codes[code] ?? 0) + 1;
    if (answer.status !== 'ok' && code === 'internal')
      strange.add(`${request.command} ${request.payload.toString().slice(0, 300)}: ${answer.error.message}`);
    control.configuration.finish();
    for (const call of fake.calls.splice(0)) if (!EXPECTED.some((expected) => expected.test(call))) strange.add(call);
    if (!fake.viewers.has('s1')) fake.viewers.set('s1', viewer);
  }
  report.applied += control.configuration.report().revision;
  controller.stop();
  await gateway.stop();
  report.launches += started.length;
  for (const { launch } of started)
    for (const element of unexpectedElements(launch)) strange.add(`element ${element}: ${launch}`);
  for (const { fields } of log) if (/ERR_ACCESS_DENIED/.test(describe(fields))) strange.add(describe(fields));
  for (const file of await readdir(folder)) if (!FILES.has(file)) strange.add(`file: ${file}`);
}

for (let done = 0, lives = 0; done < count; done += LIFE, lives++) await life(Math.min(LIFE, count - done), lives);
if (({} as Record<string, unknown>).x !== undefined) strange.add('a prototype was touched');
// What it must not do it cannot do.
const attempts: (() => unknown)[] = [() => spawnSync('true'), () => writeFile(`${folder}-else`, '')];
for (const attempt of attempts)
  try {
    await attempt();
  } catch (error) {
    report.confined.push((error as NodeJS.ErrnoException).code ?? String(error));
  }
process.stdout.write(JSON.stringify({ ...report, strange: [...strange] }));
