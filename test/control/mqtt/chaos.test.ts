import { test } from 'tap';
import { brokerChaos } from '../../support/broker-chaos.ts';
import { NetworkNamespace, Relay } from '../../support/broker-ways.ts';

const LIMIT = { timeout: 100_000 };

test('the broker is frozen, killed and cut off: every command is carried out once', LIMIT, (t) =>
  brokerChaos(t, new Relay(), 6),
);

const skip = !NetworkNamespace.available && 'needs root';
test('the same with the wire pulled out', { ...LIMIT, skip }, (t) => brokerChaos(t, new NetworkNamespace(), 4));
