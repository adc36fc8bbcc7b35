import { test } from 'tap';
import { brokerChaos } from '../../support/broker-chaos.ts';
import { NetworkNamespace, Relay } from '../../support/broker-ways.ts';

test('100 cycles of a broker that is frozen, killed and cut off', { timeout: 1_700_000 }, (t) =>
  brokerChaos(t, NetworkNamespace.available ? new NetworkNamespace() : new Relay(), 100),
);
