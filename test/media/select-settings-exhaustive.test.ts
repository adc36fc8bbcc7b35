/** SelectSettings against the letter of its specification: every settings dictionary of a small camera, tried one by one. */
import { test } from 'tap';
import { fitnessDistance } from '../../daemon/media/fitness-distance.ts';
import { isOverconstrained, normalizeSet, selectSettings } from '../../daemon/media/select-settings.ts';
import { aspectRatioOf, type SelectableSource } from '../../daemon/media/settings-candidates.ts';
import type { MediaTrackConstraintSet, MediaTrackConstraints } from '../../daemon/media/track-constraints.ts';
import type { MediaTrackSettings } from '../../daemon/media/track-dictionaries.ts';
import { SeededRandom } from '../support/seeded-random.ts';

const SOURCE: SelectableSource = {
  kind: 'video',
  capabilities: { width: { min: 1, max: 12 }, height: { min: 1, max: 9 }, frameRate: { min: 0, max: 4 } },
  modes: [
    { width: 12, height: 9, frameRates: [3, 2] },
    { width: 8, height: 8, frameRates: [4] },
  ],
  current: {},
};

/** "Every possible settings dictionary"; of rates those that constraints of this test can speak of. */
function everySetting(): MediaTrackSettings[] {
  const all: MediaTrackSettings[] = [];
  for (const { width, height, frameRates } of SOURCE.modes) {
    for (const frameRate of frameRates)
      all.push({ width, height, aspectRatio: aspectRatioOf(width, height), frameRate, resizeMode: 'none' });
    const rates = [0.1, 0.5, 1, 1.5, 2, 2.5, 3, 3.5, 4].filter((rate) => rate <= Math.max(...frameRates));
    for (let w = 1; w <= width; w++)
      for (let h = 1; h <= height; h++)
        for (const frameRate of rates)
          all.push({ width: w, height: h, aspectRatio: aspectRatioOf(w, h), frameRate, resizeMode: 'crop-and-scale' });
  }
  return all;
}

function distance(settings: MediaTrackSettings, set: MediaTrackConstraintSet, bare: 'ideal' | 'exact'): number {
  let sum = 0;
  for (const [name, constraint] of normalizeSet(set, bare, 'video'))
    sum += fitnessDistance(settings[name] as never, constraint, bare);
  return sum;
}

/** Steps 3 to 6 of the algorithm. */
function byTheLetter({ advanced = [], ...basic }: MediaTrackConstraints): number | undefined {
  let candidates = everySetting().filter((settings) => distance(settings, basic, 'ideal') < Infinity);
  if (candidates.length === 0) return undefined;
  for (const set of advanced) {
    const fitting = candidates.filter((settings) => distance(settings, set, 'exact') < Infinity);
    if (fitting.length > 0) candidates = fitting;
  }
  return Math.min(...candidates.map((settings) => distance(settings, basic, 'ideal')));
}

test('the least distance is found, and nothing where there is nothing', async (t) => {
  const seeded = new SeededRandom();
  t.comment(`SEED=${seeded.seed}`);
  const random = (): number => seeded.next();
  const pick = <T>(values: readonly T[]): T => values[Math.floor(random() * values.length)] as T;
  const values = {
    width: () => Math.floor(random() * 14),
    height: () => Math.floor(random() * 11),
    aspectRatio: () => aspectRatioOf(1 + Math.floor(random() * 12), 1 + Math.floor(random() * 9)),
    frameRate: () => Math.floor(random() * 10) / 2,
  };
  const randomSet = (): MediaTrackConstraintSet => {
    const set: Record<string, unknown> = {};
    for (const [name, value] of Object.entries(values)) {
      if (random() < 0.5) continue;
      const members = Object.fromEntries(
        pick([['ideal'], ['exact'], ['min'], ['max'], ['min', 'max'], ['min', 'ideal'], ['max', 'ideal']]).map(
          (key) => [key, value()],
        ),
      );
      set[name] = random() < 0.2 ? value() : members;
    }
    if (random() < 0.2)
      set.resizeMode = pick([{ exact: 'none' }, 'none', 'crop-and-scale', { exact: 'crop-and-scale' }]);
    return set;
  };
  let satisfied = 0;
  for (let round = 0; round < 300; round++) {
    const advanced = Array.from({ length: Math.floor(random() * 3) }, randomSet);
    const constraints: MediaTrackConstraints = { ...randomSet(), ...(advanced.length > 0 && { advanced }) };
    const expected = byTheLetter(constraints);
    const result = selectSettings(SOURCE, constraints);
    const found = isOverconstrained(result) ? undefined : result.distance;
    if (found !== undefined) satisfied += 1;
    const same = expected === undefined ? found === undefined : Math.abs((found ?? Infinity) - expected) < 1e-9;
    if (!same) t.fail(`${JSON.stringify(constraints)}: found ${JSON.stringify(result)}, there is ${expected}`);
  }
  t.ok(satisfied > 50, `${satisfied} could be satisfied`);
});
