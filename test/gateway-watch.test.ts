import { test } from 'tap';
import { TEST_PICTURE, TEST_TONE } from '../daemon/capture/device.ts';
import type { GatewayEvent } from '../daemon/control/gateway-port.ts';
import { GatewayWatch } from '../daemon/gateway-watch.ts';
import { silentLog } from '../daemon/lib/log.ts';
import { Health } from '../daemon/telemetry/health.ts';
import { ThermalReduction } from '../daemon/thermal-reduction.ts';
import { ManualClock } from './support/manual-clock.ts';

function world() {
  const clock = new ManualClock();
  const events: GatewayEvent[] = [];
  const health = new Health();
  const heat = { temperature: undefined as number | undefined, throttled: false };
  const event = (happened: GatewayEvent) => events.push(happened);
  const thermal = { reduce: false, temperature: 75, recovery: 60 };
  const reduction = new ThermalReduction({ settings: () => thermal, clock, log: silentLog });
  const steps: string[] = [];
  const watch = new GatewayWatch({
    health: () => health.verdict(),
    heat: () => heat,
    reduction,
    reductionChanged: () => steps.push(reduction.step),
    event,
    clock,
  });
  watch.start();
  /** What is told at the next look. */
  const look = () => {
    events.length = 0;
    clock.advance(5000);
    return events.map(({ type, data }) => [type, data?.to, data]);
  };
  return { clock, events, health, heat, thermal, steps, watch, look };
}

test('health: told when the verdict changes', async (t) => {
  const { health, look } = world();
  t.strictSame(look(), [], 'well from the beginning');
  let reason: string | undefined = 'no picture';
  health.register('stream front', () => reason);
  const failing = [{ component: 'stream front', reason: 'no picture' }];
  t.strictSame(look(), [['health', 'degraded', { from: 'ok', to: 'degraded', failing }]]);
  t.strictSame(look(), [], 'once');
  reason = undefined;
  t.match(look(), [['health', 'ok', { failing: [] }]]);
});

test('heat: told once, and again when it has cooled down', async (t) => {
  const { heat, look } = world();
  const table: [temperature: number | undefined, throttled: boolean, told: string[]][] = [
    [undefined, false, []],
    [79.9, false, []],
    [80, false, ['hot']],
    [75, false, []],
    [79, false, []],
    [74.9, false, ['normal']],
    [60, true, ['hot']],
    [undefined, true, []],
    [undefined, false, ['normal']],
  ];
  for (const [temperature, throttled, told] of table) {
    Object.assign(heat, { temperature, throttled });
    t.strictSame(
      look().map(([, to]) => to),
      told,
      `${temperature} ${throttled}`,
    );
  }
});

test('heat: told when less is encoded for it, and streams follow', async (t) => {
  const { heat, thermal, steps, look } = world();
  thermal.reduce = true;
  heat.temperature = 76;
  t.strictSame([look(), look()], [[], []]);
  const reduced = { to: 'normal', throttled: false, encoding: 'reduced', temperature: 76 };
  t.strictSame(look(), [['thermal', 'normal', reduced]]);
  t.strictSame([steps, look()], [['reduced'], []]);
  thermal.reduce = false;
  t.match(look(), [['thermal', 'normal', { encoding: 'full' }]]);
  t.strictSame(steps, ['reduced', 'full']);
});

test('devices: told when they come and go, not those that were there', async (t) => {
  const { watch, events } = world();
  watch.devicesChanged([TEST_PICTURE]);
  t.strictSame(events, []);
  watch.devicesChanged([
    { ...TEST_PICTURE, label: 'renamed' },
    { ...TEST_TONE, deviceId: 'b' },
  ]);
  watch.devicesChanged([{ ...TEST_TONE, deviceId: 'b' }]);
  const data = { kind: 'audioinput', deviceId: 'b', label: TEST_TONE.label, path: 'test' };
  t.match(events, [
    { type: 'device_added', data },
    { type: 'device_removed', data: { kind: 'videoinput', deviceId: 'test', label: 'renamed' } },
  ]);
});

test('stopped: nothing is looked at any more', async (t) => {
  const { watch, clock } = world();
  watch.stop();
  watch.stop();
  t.equal(clock.pending, 0);
});
