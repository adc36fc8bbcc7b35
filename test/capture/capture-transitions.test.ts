/** Every transition of a source, by workers that the test makes and a clock that it turns. */

import { setImmediate as turn } from 'node:timers/promises';
import { type Test, test } from 'tap';
import { CaptureSource, type CaptureSourceOptions } from '../../daemon/capture/capture-source.ts';
import { CAPTURE_STATES } from '../../daemon/capture/capture-state.ts';
import type { VideoDevice } from '../../daemon/capture/device.ts';
import type { WorkerCommand } from '../../daemon/capture/worker-messages.ts';
import { MediaClock } from '../../daemon/lib/clock.ts';
import { silentLog } from '../../daemon/lib/log.ts';
import { encodersFrom } from '../support/capture-test-source.ts';
import { FakeWorkers } from '../support/fake-workers.ts';
import { ManualClock } from '../support/manual-clock.ts';

const BUS = '/sys/devices/pci0000:00/0000:00:14.0/usb1';
const webcam = (name: string, port: string): VideoDevice => ({
  kind: 'videoinput',
  deviceId: name,
  groupId: name,
  label: name,
  bus: `usb-0000:00:14.0-${port}`,
  path: '/dev/video0',
  formats: [{ pixelFormat: 'YUYV', width: 640, height: 480, frameRates: [30] }],
  controls: [],
  usb: { directory: `${BUS}/1-${port}`, speed: 480 },
});
const CAMERA = webcam('Left', '1');

/** Longer than any pause between two lives. */
const BACKOFF_MS = 6000;

class Play {
  readonly clock = new ManualClock();
  readonly workers = new FakeWorkers();
  readonly source: CaptureSource;
  /** States as they follow each other, each with its reason. */
  readonly states: string[] = [];
  /** Its node is there. */
  #there = true;
  #release: (() => void) | undefined;

  constructor(options: Partial<CaptureSourceOptions> = {}) {
    this.source = new CaptureSource({
      kind: 'video',
      device: CAMERA,
      wishedDevice: 'Left',
      encoders: encodersFrom(),
      clock: new MediaClock(this.clock),
      cname: 'test',
      log: silentLog,
      idleTimeout: 0,
      startWorker: this.workers.start,
      present: async () => this.#there,
      ...options,
    });
    this.source.onStateChange(() => {
      const { state, stateReason } = this.source;
      const now = stateReason === undefined ? state : `${state}: ${stateReason}`;
      if (this.states.at(-1) !== now) this.states.push(now);
    });
  }

  /** What {@link states} has since the last look. */
  take(): string[] {
    return this.states.splice(0);
  }

  readonly steps = {
    want: () => {
      this.#release = this.source.hold();
    },
    leave: async () => {
      this.#release?.();
      // The idle time is the process's own.
      await new Promise((resolve) => setTimeout(resolve, 5));
    },
    /** The table of devices hears of it later. */
    pull: () => {
      this.#there = false;
    },
    unplug: () => {
      this.#there = false;
      this.source.setDevice(undefined);
    },
    plug: () => {
      this.#there = true;
      this.source.setDevice(CAMERA);
    },
    /** Before the table of devices heard of anything. */
    push: () => {
      this.#there = true;
    },
    restart: () => this.source.restart(),
    opens: () => this.workers.last.report({ type: 'opening' }),
    flows: () => this.workers.last.report({ type: 'flowing' }),
    crash: () => this.workers.last.crash(),
    gone: () => this.workers.last.report({ type: 'failed', reason: 'device', message: 'gone' }),
    refused: () => this.workers.last.report({ type: 'failed', reason: 'pipeline', message: 'no encoder' }),
    /** The first life after a failure begins. */
    moment: () => this.clock.advance(50),
    /** At once: nothing happens between. */
    'moment-unplug': () => {
      this.steps.moment();
      this.steps.unplug();
    },
    pause: () => this.clock.advance(BACKOFF_MS),
    silence: async () => {
      const silent = this.workers.last;
      for (let looks = 0; looks < 100 && silent.running; looks++) {
        this.clock.advance(300);
        await turn();
      }
    },
  };

  async act(...names: (keyof Play['steps'])[]): Promise<void> {
    for (const name of names) {
      await this.steps[name]();
      for (let turns = 0; turns < 5; turns++) await turn();
    }
  }
}

function play(t: Test, options: Partial<CaptureSourceOptions> = {}): Play {
  const made = new Play(options);
  t.teardown(() => made.source.close());
  return made;
}

const ABSENT = "absent: no camera 'Left' is connected";
const CRASHED = 'capture worker ended: SIGSEGV';

const SCENES: [name: string, steps: (keyof Play['steps'])[], states: (string | RegExp)[]][] = [
  ['nobody wants it any more', ['want', 'flows', 'leave'], ['opening', 'live', 'idle']],
  ['nobody wants it while it opens', ['want', 'leave'], ['opening', 'idle']],
  [
    'unplugged and plugged in',
    ['want', 'flows', 'unplug', 'plug', 'flows'],
    ['opening', 'live', ABSENT, `opening: ${ABSENT.slice(8)}`, 'live'],
  ],
  ['wanted while it is away, and no more', ['unplug', 'want', 'leave'], ['opening', ABSENT, 'idle']],
  [
    'a crash',
    ['want', 'flows', 'crash', 'pause', 'flows'],
    ['opening', 'live', `backoff: ${CRASHED}`, `opening: ${CRASHED}`, 'live'],
  ],
  [
    'it does not open, and then is unplugged',
    ['want', 'opens', 'gone', 'unplug'],
    ['opening', 'backoff: gone', ABSENT],
  ],
  [
    'it falls silent',
    ['want', 'opens', 'flows', 'silence', 'pause'],
    [
      'opening',
      'live',
      /^stalled: the device delivered nothing for 3\d\d\d ms$/,
      /^backoff: the device/,
      /^opening: the device/,
    ],
  ],
  [
    'it never delivers',
    ['want', 'opens', 'silence', 'pause'],
    [
      'opening',
      /^stalled: the device delivered nothing for 1\d\d\d\d ms$/,
      /^backoff: the device/,
      /^opening: the device/,
    ],
  ],
  [
    'restarted in the pause',
    ['want', 'flows', 'crash', 'restart', 'flows'],
    ['opening', 'live', `backoff: ${CRASHED}`, `opening: ${CRASHED}`, 'live'],
  ],
  ['restarted', ['want', 'flows', 'restart', 'flows'], ['opening', 'live', 'opening', 'live']],
  [
    'pulled out: its worker tells before the table does',
    ['want', 'flows', 'pull', 'gone', 'moment', 'unplug', 'plug', 'flows'],
    [
      'opening',
      'live',
      'backoff: gone',
      'opening: gone',
      `backoff: ${ABSENT.slice(8)}`,
      ABSENT,
      `opening: ${ABSENT.slice(8)}`,
      'live',
    ],
  ],
  [
    'out and in again before the table heard of it',
    ['want', 'flows', 'pull', 'gone', 'moment', 'push', 'pause', 'flows'],
    [
      'opening',
      'live',
      'backoff: gone',
      'opening: gone',
      `backoff: ${ABSENT.slice(8)}`,
      `opening: ${ABSENT.slice(8)}`,
      'live',
    ],
  ],
  ['no pipeline, and then one', ['want', 'refused', 'pause', 'flows'], ['opening', 'error: no encoder', 'live']],
  [
    'no pipeline, and then a crash',
    ['want', 'flows', 'refused', 'pause', 'crash', 'leave'],
    ['opening', 'live', 'error: no encoder', `backoff: ${CRASHED}`, 'idle'],
  ],
];

test('scenes', async (t) => {
  const seen = new Set<string>();
  for (const [name, steps, states] of SCENES) {
    const it = play(t);
    await it.act(...steps);
    t.match(it.states.slice(0, states.length), states, name);
    for (const { event, to } of it.source.stats.transitions) seen.add(`${event} ${to}`);
  }
  const table = Object.values(CAPTURE_STATES).flatMap((row) =>
    Object.entries(row).map(([event, to]) => `${event} ${to}`),
  );
  t.same([...seen].sort(), [...new Set(table)].sort(), 'what the table has, and nothing else');
});

const STARTS = (sent: readonly WorkerCommand[]): number => sent.filter(({ type }) => type === 'start').length;

test('no process begins twice for a camera that is pulled out', async (t) => {
  for (const [name, before] of [
    ['its worker tells first', ['pull', 'gone', 'moment', 'unplug']],
    ['the table tells first', ['unplug', 'moment']],
    ['the table tells in the pause', ['pull', 'gone', 'unplug', 'moment']],
    ['it takes a while until the table tells', ['pull', 'gone', 'moment', 'pause', 'pause', 'unplug', 'pause']],
    ['the table tells while the worker is given its device', ['pull', 'gone', 'moment-unplug']],
  ] as const) {
    const it = play(t);
    await it.act('want', 'opens', 'flows', ...before);
    const { lives } = it.workers;
    t.equal(lives.length, 2, `${name}: one that stands by`);
    t.ok(it.workers.last.running);
    t.equal(STARTS(it.workers.last.sent), 0, 'it has not been sent after the camera');
    t.equal(it.source.state, 'absent');
    await it.act('plug', 'opens', 'flows');
    t.equal(lives.length, 2, 'it takes the camera when that is back');
    t.equal(STARTS(it.workers.last.sent), 1);
    t.equal(it.source.state, 'live');
  }
});

test('a worker that has begun with a camera is another one afterwards', async (t) => {
  const it = play(t);
  // The node goes when the worker has been told to open it.
  await it.act('want', 'unplug');
  t.equal(it.workers.lives.length, 2);
  t.equal(STARTS(it.workers.last.sent), 0);
});

test('transitions are counted by what happened', async (t) => {
  const it = play(t);
  await it.act('want', 'flows', 'crash', 'pause', 'flows', 'crash', 'pause', 'flows');
  t.same([...it.source.stats.transitions].map(({ event, to, count }) => `${event} ${to} ${count}`).sort(), [
    'begun opening 2',
    'died backoff 2',
    'packet live 3',
    'wanted opening 1',
  ]);
});

test('each failure is another process, ever later', async (t) => {
  const it = play(t);
  await it.act('want');
  const pauses: number[] = [];
  for (let life = 1; life <= 12; life++) {
    t.equal(it.workers.lives.length, life);
    await it.act('gone');
    t.notOk(it.workers.last.running);
    const since = it.clock.now();
    while (it.workers.lives.length === life && it.clock.now() - since < 20_000) {
      it.clock.advance(10);
      await turn();
    }
    pauses.push(it.clock.now() - since);
  }
  t.ok((pauses[0] ?? 0) <= 40, `the first at once: ${pauses[0]} ms`);
  t.ok(Math.max(...pauses) <= 5010, `${Math.max(...pauses)} ms at most`);
  t.ok(Math.max(...pauses.slice(8)) > 1000, `${pauses.join(', ')} ms`);
});

test('a USB without bandwidth is said to be one, with who has it', async (t) => {
  const other = webcam('Right', '2.4');
  const elsewhere = { ...webcam('Elsewhere', '1'), usb: { directory: `${BUS.replace('usb1', 'usb2')}/2-1` } };
  const it = play(t, { captured: () => [other, elsewhere] });
  await it.act('want', 'opens');
  it.workers.last.refuse({ errno: 28, text: 'No space left on device' });
  it.workers.last.report({ type: 'failed', reason: 'stream', message: 'Failed to allocate required memory.' });
  await it.act();
  await turn();
  t.match(
    it.source.stateReason,
    /^the driver does not begin: No space left on device: its USB has no bandwidth left beside Right\. A smaller size/,
  );
  it.take();
  await it.act('pause');
  it.workers.last.refuse({ errno: 28, text: 'No space left on device' });
  it.workers.last.report({ type: 'failed', reason: 'stream', message: 'Failed to allocate required memory.' });
  for (let turns = 0; turns < 5; turns++) await turn();
  t.same(
    it.take().filter((state) => !/beside Right/.test(state)),
    [],
    'the next failure has the same reason from the beginning',
  );
  await it.act('pause', 'flows');
  t.equal(it.source.stateReason, undefined);
});
