import { test } from 'tap';
import { silentLog } from '../daemon/lib/log.ts';
import { type Heat, heatOf, THERMAL_STEPS, ThermalReduction, type ThermalStep } from '../daemon/thermal-reduction.ts';
import { ManualClock } from './support/manual-clock.ts';

const WARM = 75;
/** A temperature of each kind. */
const READINGS: Readonly<Record<Heat, number>> = { cool: 69.9, mild: 70, warm: 75, hot: 80 };
const HEATS = Object.keys(READINGS) as Heat[];
const STEPS = Object.keys(THERMAL_STEPS) as ThermalStep[];

function world({ reduce = true, recovery = 60 } = {}) {
  const clock = new ManualClock();
  const settings = { reduce, temperature: WARM, recovery };
  const reduction = new ThermalReduction({ settings: () => settings, clock, log: silentLog });
  /** A reading each five seconds for so long, the first at once. @returns the seconds until each step, with the step. */
  const during = (seconds: number, temperature: number | undefined, throttled = false): [number, ThermalStep][] => {
    const steps: [number, ThermalStep][] = [];
    for (let at = 0; at <= seconds; at += 5) {
      if (at > 0) clock.advance(5000);
      if (reduction.read({ temperature, throttled })) steps.push([at, reduction.step]);
    }
    return steps;
  };
  const bring = (step: ThermalStep): void => {
    if (step !== 'full') during(10, READINGS.hot);
    if (step === 'least') during(10, READINGS.hot);
  };
  return { clock, settings, reduction, during, bring };
}

test('what a reading means', (t) => {
  const table: [temperature: number | undefined, throttled: boolean, heat: Heat][] = [
    [undefined, false, 'cool'],
    [-20, false, 'cool'],
    [69.9, false, 'cool'],
    [70, false, 'mild'],
    [74.9, false, 'mild'],
    [75, false, 'warm'],
    [79.9, false, 'warm'],
    [80, false, 'hot'],
    [120, false, 'hot'],
    [undefined, true, 'hot'],
    [40, true, 'hot'],
  ];
  for (const [temperature, throttled, heat] of table)
    t.equal(heatOf({ temperature, throttled }, WARM), heat, `${temperature} ${throttled}`);
  t.end();
});

test('every step under every reading: where it leads, and how soon', (t) => {
  const expected: Record<ThermalStep, Record<Heat, [number, ThermalStep][]>> = {
    full: {
      cool: [],
      mild: [],
      warm: [[10, 'reduced']],
      hot: [
        [10, 'reduced'],
        [25, 'least'],
      ],
    },
    reduced: { cool: [[60, 'full']], mild: [], warm: [], hot: [[10, 'least']] },
    least: {
      cool: [
        [60, 'reduced'],
        [125, 'full'],
      ],
      mild: [[60, 'reduced']],
      warm: [],
      hot: [],
    },
  };
  for (const step of STEPS)
    for (const heat of HEATS) {
      const { reduction, during, bring } = world();
      bring(step);
      t.equal(reduction.step, step);
      t.strictSame(during(600, READINGS[heat]), expected[step][heat], `${step}, ${heat}`);
    }
  t.end();
});

test('hysteresis: what does not last changes nothing', (t) => {
  const { reduction, during, bring } = world();
  for (let i = 0; i < 20; i++) {
    during(5, 76);
    during(5, 74);
  }
  t.equal(reduction.step, 'full', 'five seconds of heat, again and again');
  bring('reduced');
  for (let i = 0; i < 20; i++) {
    during(50, 69);
    during(5, 71);
  }
  t.equal(reduction.step, 'reduced', 'less than a minute of cool, again and again');
  during(0, undefined, true);
  during(5, undefined, true);
  t.equal(reduction.step, 'reduced');
  during(5, undefined, true);
  t.equal(reduction.step, 'least', 'the firmware slows down');
  t.end();
});

test('what is left, and why', (t) => {
  const { reduction, bring, during, settings } = world({ recovery: 5 });
  t.strictSame([reduction.reduction, reduction.reason], [undefined, undefined]);
  bring('reduced');
  t.strictSame(reduction.reduction, { frameRate: 0.5, bitrate: 0.6 });
  t.match(reduction.reason, /hot: half of the frames/);
  during(10, READINGS.hot);
  t.strictSame(reduction.reduction, { frameRate: 0.25, bitrate: 0.35 });
  t.strictSame(during(0, undefined), []);
  settings.reduce = false;
  t.strictSame(during(0, READINGS.hot), [[0, 'full']], 'switched off: at once');
  t.strictSame([reduction.reduction, reduction.reason], [undefined, undefined]);
  t.strictSame(during(100, READINGS.hot), []);
  t.end();
});
