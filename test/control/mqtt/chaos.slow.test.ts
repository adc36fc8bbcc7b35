import { test } from 'tap';
import { brokerChaos } from '../../support/broker-chaos.ts';

test('100 cycles of a broker that is frozen, killed and cut off', { timeout: 1_700_000 }, (t) => brokerChaos(t, 100));
