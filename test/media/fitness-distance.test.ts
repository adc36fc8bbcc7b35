/** Fitness distance against W3C Media Capture and Streams 11.3, rule by rule. */
import { test } from 'tap';
import { fitnessDistance, normalizeConstraint } from '../../daemon/media/fitness-distance.ts';

const points = [{ x: 0.1, y: 0.2 }];

test('fitness distance', async (t) => {
  const table: [rule: string, actual: unknown, constraint: unknown, basic: number, advanced: number][] = [
    ['bare number, equal', 640, 640, 0, 0],
    ['bare number, other', 640, 1280, 0.5, Infinity],
    ['ideal, smaller', 480, { ideal: 600 }, 0.2, 0.2],
    ['ideal, larger', 600, { ideal: 480 }, 0.2, 0.2],
    ['ideal zero', 0, { ideal: 0 }, 0, 0],
    ['exact', 640, { exact: 640 }, 0, 0],
    ['exact, other', 640, { exact: 641 }, Infinity, Infinity],
    ['min, at the limit', 640, { min: 640 }, 0, 0],
    ['min, below', 639, { min: 640 }, Infinity, Infinity],
    ['max, at the limit', 640, { max: 640 }, 0, 0],
    ['max, above', 641, { max: 640 }, Infinity, Infinity],
    ['range and ideal', 600, { min: 480, max: 700, ideal: 480 }, 0.2, 0.2],
    ['no range', 600, { min: 700, max: 500 }, Infinity, Infinity],
    ['nothing asked for', 600, {}, 0, 0],
    ['absent, ideal', undefined, { ideal: 5 }, 1, 1],
    ['absent, required', undefined, { min: 5 }, Infinity, Infinity],
    ['absent, bare', undefined, 5, 1, Infinity],
    ['negative numbers', -10, { ideal: 10 }, 2, 2],
    ['word', 'user', 'user', 0, 0],
    ['another word', 'user', 'left', 1, Infinity],
    ['one of several words', 'user', ['left', 'user'], 0, 0],
    ['none of several words', 'user', { exact: ['left', 'right'] }, Infinity, Infinity],
    ['ideal words', 'user', { ideal: ['left', 'right'] }, 1, 1],
    ['exact and ideal words', 'user', { exact: ['user', 'left'], ideal: 'left' }, 1, 1],
    ['an empty list is no constraint', 'user', [], 0, 0],
    ['nor is an exact empty list', 'user', { exact: [] }, 0, 0],
    ['flag', true, true, 0, 0],
    ['other flag', true, { exact: false }, Infinity, Infinity],
    ['ideal flag', true, { ideal: false }, 1, 1],
    ['flag or word', 'remote-only', true, 1, Infinity],
    ['points', points, [{ x: 0.1, y: 0.2 }], 0, 0],
    ['other points', points, { exact: [{ x: 0.3, y: 0.4 }] }, Infinity, Infinity],
  ];
  for (const [rule, actual, constraint, basic, advanced] of table) {
    for (const [bare, expected] of [
      ['ideal', basic],
      ['exact', advanced],
    ] as const) {
      const normalized = normalizeConstraint(constraint, bare, false);
      const distance = normalized === undefined ? 0 : fitnessDistance(actual as never, normalized, bare);
      t.equal(Number(distance.toFixed(6)), expected, `${rule} (${bare})`);
    }
  }
});

test('a boolean asks whether a number is there', async (t) => {
  const table: [actual: number | undefined, wanted: boolean, basic: number, advanced: number][] = [
    [5, true, 0, 0],
    [5, false, 1, Infinity],
    [undefined, true, 1, Infinity],
    [undefined, false, 0, 0],
  ];
  for (const [actual, wanted, basic, advanced] of table) {
    const constraint = normalizeConstraint(wanted, 'ideal', true) ?? {};
    t.equal(fitnessDistance(actual, constraint), basic, `${actual} ${wanted}`);
    t.equal(fitnessDistance(actual, constraint, 'exact'), advanced, `${actual} ${wanted}, advanced`);
  }
});
