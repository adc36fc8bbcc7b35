import { test } from 'tap';
import {
  CAPTURE_STATES,
  type CaptureStateEvent,
  type CaptureStateName,
  CaptureStatus,
  nextCaptureState,
} from '../../daemon/capture/capture-state.ts';

const EVENTS: readonly CaptureStateEvent[] = [
  'wanted',
  'unwanted',
  'lost',
  'found',
  'begun',
  'packet',
  'replaced',
  'stalled',
  'died',
  'refused',
];

/** What each event leads to from each state, in the order of {@link EVENTS}; `-`: nothing happens. */
const TABLE: Record<CaptureStateName, string> = {
  idle: 'opening - - - - - - - - -',
  absent: '- idle - opening - - - - - -',
  opening: '- idle absent - - live - stalled backoff error',
  live: '- idle absent - - - opening stalled backoff error',
  stalled: '- idle absent - - - opening - backoff -',
  backoff: '- idle absent - opening - opening - - error',
  error: '- idle absent - - live - - backoff -',
};

test('every transition of a source', async (t) => {
  t.same(Object.keys(TABLE), Object.keys(CAPTURE_STATES));
  for (const [state, row] of Object.entries(TABLE) as [CaptureStateName, string][])
    row.split(' ').forEach((next, index) => {
      const event = EVENTS[index] as CaptureStateEvent;
      t.equal(nextCaptureState(state, event), next === '-' ? state : next, `${state}, ${event}`);
    });
});

test('muted from the loss to the next media, whatever happens between; the reason stays as long', async (t) => {
  const status = new CaptureStatus();
  const told: string[] = [];
  status.onChange(() => told.push(`${status.name} ${status.muted} ${status.reason ?? ''}`.trim()));
  const play: [CaptureStateEvent, string?][] = [
    ['wanted'],
    ['packet'],
    ['stalled', 'nothing for 700 ms'],
    ['died', 'nothing for 700 ms'],
    ['begun'],
    ['died', 'busy'],
    ['begun'],
    ['lost', 'unplugged'],
    ['found'],
    ['packet'],
    ['replaced'],
    ['packet'],
    ['refused', 'no encoder'],
    ['unwanted'],
  ];
  for (const [event, reason] of play) status.on(event, reason);
  t.same(told, [
    'opening false',
    'live false',
    'stalled true nothing for 700 ms',
    'backoff true nothing for 700 ms',
    'opening true nothing for 700 ms',
    'backoff true busy',
    'opening true busy',
    'absent true unplugged',
    'opening true unplugged',
    'live false',
    'opening false',
    'live false',
    'error true no encoder',
    'idle false',
  ]);
});

test('waiting for media, or for the news that there is none', async (t) => {
  const status = new CaptureStatus();
  status.on('wanted');
  const live = status.live();
  const settled = status.settled();
  status.on('died', 'busy');
  await settled;
  status.on('begun');
  status.on('packet');
  await live;
  status.on('replaced');
  await t.rejects(status.live(AbortSignal.abort(new Error('enough'))), { message: 'enough' });
  const abort = new AbortController();
  const waiting = status.live(abort.signal);
  abort.abort(new Error('enough'));
  await t.rejects(waiting, { message: 'enough' });
});
