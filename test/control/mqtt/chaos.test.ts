import { test } from 'tap';
import { brokerChaos } from '../../support/broker-chaos.ts';

test('the broker is frozen, killed and cut off: every command is carried out once', { timeout: 100_000 }, (t) =>
  brokerChaos(t, 6),
);
