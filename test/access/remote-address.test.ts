import { test } from 'tap';
import { isLoopback, networkOf } from '../../daemon/access/remote-address.ts';

test('loopback', (t) => {
  const table: [address: string, expected: boolean][] = [
    ['127.0.0.1', true],
    ['127.255.0.9', true],
    ['::1', true],
    ['::ffff:127.0.0.1', true],
    ['::FFFF:127.0.0.1', true],
    ['128.0.0.1', false],
    ['192.0.2.1', false],
    ['::ffff:192.0.2.1', false],
    ['::2', false],
    ['fe80::1%eth0', false],
    ['localhost', false],
    ['', false],
  ];
  for (const [address, expected] of table) t.equal(isLoopback(address), expected, address);
  t.end();
});

test('the network that is counted as one', (t) => {
  const table: [address: string, expected: string][] = [
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8:1:2::9', '2001:db8:1:2::/64'],
    ['2001:0db8:0001:0002::', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['::', '0:0:0:0::/64'],
  ];
  for (const [address, expected] of table) t.equal(networkOf(address), expected, address);
  t.end();
});
