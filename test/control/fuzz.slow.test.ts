import { test } from 'tap';
import { fuzzControl } from '../support/control-fuzz.ts';

test('1,000,000 hostile requests', { timeout: 1_700_000 }, (t) => fuzzControl(t, 1_000_000));
