import { test } from 'tap';
import { BrowserGuard } from '../../daemon/http/browser-guard.ts';

const guard = new BrowserGuard({
  hostname: 'Porch.lan',
  allowedHosts: ['cam.example.org'],
  allowedOrigins: ['https://home.example.org'],
});

test('names that the gateway answers to', async (t) => {
  const yes = [
    '127.0.0.1',
    '127.0.0.1:8080',
    '[::1]:8080',
    '[fe80::1]',
    'localhost',
    'LOCALHOST:80',
    'porch',
    'porch.lan:8080',
  ];
  for (const host of [...yes, 'porch.local', 'porch.local.', 'cam.example.org:443'])
    t.ok(guard.acceptsHost(host), host);
  const no = [
    undefined,
    '',
    'evil.example',
    'evil.local',
    'porch.evil.example',
    'localhost.evil.example',
    '127.0.0.1.nip.io',
  ];
  for (const host of [...no, '::1', '[::1', 'a b', 'cam.example.org:x', '@127.0.0.1'])
    t.notOk(guard.acceptsHost(host), String(host));
});

test('pages by their origin', async (t) => {
  const table: [string | undefined, string, ReturnType<BrowserGuard['origin']>][] = [
    [undefined, 'porch:8080', 'none'],
    ['http://porch:8080', 'porch:8080', 'same'],
    ['https://Porch:8080', 'porch:8080', 'same'],
    ['http://porch', 'porch:8080', 'foreign'],
    ['http://porch:8081', 'porch:8080', 'foreign'],
    ['https://home.example.org', 'porch:8080', 'allowed'],
    ['https://home.example.org.evil.example', 'porch:8080', 'foreign'],
    ['http://home.example.org', 'porch:8080', 'foreign'],
    ['null', 'porch:8080', 'foreign'],
    ['http://x@porch:8080', 'porch:8080', 'foreign'],
  ];
  for (const [origin, host, verdict] of table) t.equal(guard.origin(origin, host), verdict, String(origin));
});
