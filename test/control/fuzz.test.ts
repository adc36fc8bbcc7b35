import { test } from 'tap';
import { fuzzControl } from '../support/control-fuzz.ts';

test('10,000 hostile requests', { timeout: 100_000 }, (t) => fuzzControl(t, 10_000));
