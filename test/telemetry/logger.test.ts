import { Writable } from 'node:stream';
import { test } from 'tap';
import { createLogger } from '../../daemon/telemetry/logger.ts';
import { scrub } from '../../daemon/telemetry/scrub.ts';

/** What was written. */
class Sink extends Writable {
  text = '';

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString();
    done();
  }

  get lines(): Record<string, unknown>[] {
    return this.text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
  }
}

test('JSON lines: time, level by name, room, error with stack', async (t) => {
  const destination = new Sink();
  const { log } = await createLogger({ level: 'info', format: 'auto', destination });
  log.debug({}, 'too fine');
  log.child({ room: 'mqtt' }).warn({ port: 1883, err: new Error('broken') }, 'lost');
  t.equal(destination.lines.length, 1);
  t.match(destination.lines[0], {
    level: 'warn',
    time: /^\d{4}-\d\d-\d\dT.*Z$/,
    room: 'mqtt',
    port: 1883,
    msg: 'lost',
    err: { message: 'broken', stack: /logger\.test/ },
  });
});

test('pretty: for people', async (t) => {
  const destination = new Sink();
  const { log } = await createLogger({ level: 'debug', format: 'pretty', destination });
  log.child({ room: 'mqtt' }).info({ port: 1883, password: 'planted' }, 'connected to mqtt://me:planted@host');
  t.match(destination.text, /INFO.*mqtt: connected to mqtt:\/\/me:\*\*\*@host/);
  t.match(destination.text, /port: 1883/);
  t.notMatch(destination.text, /planted/);
});

test('secrets do not reach the log, wherever they are', async (t) => {
  const destination = new Sink();
  const { log } = await createLogger({ level: 'debug', format: 'json', destination });
  const secret = 'planted';
  log
    .child({ password: secret })
    .info({ a: { b: { c: { d: [{ token: secret }] } } } }, `rtsp://user:${secret}@camera/1`);
  log.error({ err: new Error(`no answer of mqtts://user:${secret}/x@broker`) }, 'failed');
  log.info({ headers: { Authorization: `Basic ${secret}==`, 'Set-Cookie': [`a=${secret}`] } });
  log.info({
    line: `Authorization: Bearer ${secret}`,
    digest: `Digest username="a", response="${secret}", cnonce="${secret}"`,
  });
  log.info({ sdp: `v=0\r\na=ice-ufrag:abcd\r\na=ice-pwd:${secret}\r\n` });
  log.info({ url: `/whep?token=${secret}&x=1`, pin: { passwd: 'a"planted' }, secret: 4711 });
  t.notMatch(destination.text, /planted|4711/);
  t.match(destination.text, /ice-ufrag:abcd/);
  t.match(destination.text, /x=1/);
  t.equal(destination.lines.length, 6, 'every line is still JSON');
});

test('the level may change, for children that exist as well', async (t) => {
  const destination = new Sink();
  const logger = await createLogger({ level: 'info', format: 'json', destination });
  const child = logger.log.child({ room: 'mqtt' });
  child.debug({}, 'one');
  logger.level = 'debug';
  child.debug({}, 'two');
  logger.level = 'error';
  child.warn({}, 'three');
  t.same(
    destination.lines.map(({ msg }) => msg),
    ['two'],
  );
});

test('who looks on sees lines of his own level, scrubbed, and the output is as before', async (t) => {
  const destination = new Sink();
  const logger = await createLogger({ level: 'warn', format: 'json', destination });
  const seen: string[] = [];
  const end = logger.tail('info', (line) => seen.push(line));
  logger.log.debug({}, 'too fine');
  logger.log.info({ password: 'planted' }, 'one');
  logger.log.child({ room: 'mqtt' }).error({}, 'two');
  end();
  logger.log.error({}, 'three');
  t.same(
    seen.map((line) => JSON.parse(line)).map(({ msg, level, room }) => [msg, level, room]),
    [
      ['one', 'info', undefined],
      ['two', 'error', 'mqtt'],
    ],
  );
  t.notMatch(seen.join(''), /planted/);
  t.same(
    destination.lines.map(({ msg }) => msg),
    ['two', 'three'],
  );
});

const kept = [
  'http://host:8080/a@b',
  'rtsp://127.0.0.1:8554/camera',
  'mqtt://user@host',
  '{"passwords":3}',
  'key frame response time=5',
];
test('what is no secret stays', (t) => {
  for (const text of kept) t.equal(scrub(text), text);
  t.end();
});
