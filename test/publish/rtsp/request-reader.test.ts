import { test } from 'tap';
import { MAX_BODY_BYTES, MAX_HEAD_BYTES, MAX_LINES } from '../../../daemon/publish/rtsp/request.ts';
import { RequestReader, type RtspInput } from '../../../daemon/publish/rtsp/request-reader.ts';
import { RtspError } from '../../../daemon/publish/rtsp/rtsp-error.ts';
import { SeededRandom } from '../../support/seeded-random.ts';

const read = (...chunks: (string | Buffer)[]): RtspInput[] => {
  const reader = new RequestReader();
  return chunks.flatMap((chunk) => [...reader.push(Buffer.from(chunk as string, 'latin1'))]);
};

const summary = (input: RtspInput): unknown =>
  input.kind === 'packet'
    ? [input.channel, input.packet.toString('latin1')]
    : [
        input.request.method,
        input.request.uri,
        input.request.cseq,
        [...input.request.headers].map(([name, values]) => `${name}=${values.join('|')}`).join(' '),
        input.request.body.toString('latin1'),
      ];

const OPTIONS = 'OPTIONS rtsp://h/cam RTSP/1.0\r\nCSeq: 1\r\n\r\n';
const DESCRIBE = 'DESCRIBE rtsp://h/cam RTSP/1.0\r\nCSeq: 2\r\nAccept: application/sdp\r\n\r\n';
const BODY = 'SET_PARAMETER rtsp://h/cam RTSP/1.0\r\nCSeq: 3\r\nContent-Length: 5\r\n\r\na: b\n';
const PACKET = '$\x01\x00\x04RTCP';

const WELL_FORMED: { name: string; input: string; output: unknown[] }[] = [
  { name: 'a request', input: OPTIONS, output: [['OPTIONS', 'rtsp://h/cam', '1', 'cseq=1', '']] },
  { name: 'star', input: OPTIONS.replace('rtsp://h/cam', '*'), output: [['OPTIONS', '*', '1', 'cseq=1', '']] },
  { name: 'bare LF', input: OPTIONS.replaceAll('\r', ''), output: [['OPTIONS', 'rtsp://h/cam', '1', 'cseq=1', '']] },
  {
    name: 'line ends ahead of it',
    input: `\r\n\n\r\n${OPTIONS}`,
    output: [['OPTIONS', 'rtsp://h/cam', '1', 'cseq=1', '']],
  },
  {
    name: 'space around the colon and at the end, upper and lower case',
    input: 'OPTIONS rtsp://h/cam RTSP/1.0\r\ncSEQ :\t7 \r\nX-Y:z\r\n\r\n',
    output: [['OPTIONS', 'rtsp://h/cam', '7', 'cseq=7 x-y=z', '']],
  },
  {
    name: 'a header twice',
    input: 'OPTIONS * RTSP/1.0\r\nUser-Agent: a\r\nCSeq: 1\r\nUser-Agent: b\r\n\r\n',
    output: [['OPTIONS', '*', '1', 'user-agent=a|b cseq=1', '']],
  },
  {
    name: 'Content-Length twice, the same',
    input: 'OPTIONS * RTSP/1.0\r\nCSeq: 1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx',
    output: [['OPTIONS', '*', '1', 'cseq=1 content-length=1|1', 'x']],
  },
  {
    name: 'a body, then a request',
    input: BODY + OPTIONS,
    output: [
      ['SET_PARAMETER', 'rtsp://h/cam', '3', 'cseq=3 content-length=5', 'a: b\n'],
      ['OPTIONS', 'rtsp://h/cam', '1', 'cseq=1', ''],
    ],
  },
  {
    name: 'packets between requests',
    input: PACKET + OPTIONS + PACKET + PACKET + DESCRIBE + PACKET,
    output: [
      [1, 'RTCP'],
      ['OPTIONS', 'rtsp://h/cam', '1', 'cseq=1', ''],
      [1, 'RTCP'],
      [1, 'RTCP'],
      ['DESCRIBE', 'rtsp://h/cam', '2', 'cseq=2 accept=application/sdp', ''],
      [1, 'RTCP'],
    ],
  },
  { name: 'an empty packet', input: '$\xff\x00\x00', output: [[255, '']] },
  {
    name: 'a dollar sign in a body is no packet',
    input: 'SET_PARAMETER * RTSP/1.0\r\nCSeq: 1\r\nContent-Length: 4\r\n\r\n$\x00\x00\x09',
    output: [['SET_PARAMETER', '*', '1', 'cseq=1 content-length=4', '$\x00\x00\x09']],
  },
];

test('well-formed input, whole, byte by byte and cut at random', async (t) => {
  const random = new SeededRandom();
  t.comment(`seed ${random.seed}`);
  for (const { name, input, output } of WELL_FORMED) {
    t.same(read(input).map(summary), output, name);
    t.same(read(...input).map(summary), output, `${name}, byte by byte`);
    for (let round = 0; round < 20; round++) {
      const chunks: string[] = [];
      for (let at = 0; at < input.length; ) {
        const length = 1 + Math.floor(random.next() * 40);
        chunks.push(input.slice(at, at + length));
        at += length;
      }
      t.same(read(...chunks).map(summary), output, `${name}, in ${chunks.length} pieces`);
    }
  }
});

test('an unfinished request is told', async (t) => {
  const reader = new RequestReader();
  t.notOk(reader.unfinished);
  t.same([...reader.push(Buffer.from(BODY.slice(0, -1)))], []);
  t.ok(reader.unfinished, 'the body is not complete');
  t.equal([...reader.push(Buffer.from(BODY.slice(-1)))].length, 1);
  t.notOk(reader.unfinished);
});

const long = (bytes: number): string => `X: ${'y'.repeat(bytes)}\r\n`;
const MALFORMED: { name: string; input: string; code: string; cseq?: string }[] = [
  { name: 'HTTP', input: 'GET / HTTP/1.1\r\nHost: h\r\n\r\n', code: 'bad_request' },
  { name: 'an answer', input: 'RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n', code: 'bad_request', cseq: '1' },
  { name: 'TLS', input: '\x16\x03\x01\x02\x00', code: 'bad_request' },
  { name: 'NUL', input: '\0', code: 'bad_request' },
  { name: 'no URL', input: 'OPTIONS RTSP/1.0\r\nCSeq: 1\r\n\r\n', code: 'bad_request', cseq: '1' },
  { name: 'two spaces', input: 'OPTIONS  * RTSP/1.0\r\nCSeq: 1\r\n\r\n', code: 'bad_request', cseq: '1' },
  {
    name: 'a control byte in the URL',
    input: 'OPTIONS rtsp://h/\x01 RTSP/1.0\r\nCSeq: 1\r\n\r\n',
    code: 'bad_request',
    cseq: '1',
  },
  { name: 'no CSeq', input: 'OPTIONS * RTSP/1.0\r\n\r\n', code: 'bad_request' },
  { name: 'two CSeq', input: 'OPTIONS * RTSP/1.0\r\nCSeq: 1\r\nCSeq: 2\r\n\r\n', code: 'bad_request', cseq: '1' },
  { name: 'CSeq with NUL', input: 'OPTIONS * RTSP/1.0\r\nCSeq: 1\0\r\n\r\n', code: 'bad_request' },
  { name: 'CSeq of words', input: 'OPTIONS * RTSP/1.0\r\nCSeq: one\r\n\r\n', code: 'bad_request' },
  { name: 'CSeq without end', input: `OPTIONS * RTSP/1.0\r\nCSeq: ${'1'.repeat(11)}\r\n\r\n`, code: 'bad_request' },
  {
    name: 'a line without colon',
    input: 'OPTIONS * RTSP/1.0\r\nCSeq: 1\r\nhello\r\n\r\n',
    code: 'bad_request',
    cseq: '1',
  },
  {
    name: 'a folded line',
    input: 'OPTIONS * RTSP/1.0\r\nCSeq: 1\r\nX: a\r\n b\r\n\r\n',
    code: 'bad_request',
    cseq: '1',
  },
  {
    name: 'a control byte in a value',
    input: 'OPTIONS * RTSP/1.0\r\nCSeq: 1\r\nX: \x07\r\n\r\n',
    code: 'bad_request',
    cseq: '1',
  },
  { name: 'a lone CR', input: 'OPTIONS * RTSP/1.0\r\nCSeq: 1\r\nX: a\rb\r\n\r\n', code: 'bad_request', cseq: '1' },
  {
    name: 'negative length',
    input: 'OPTIONS * RTSP/1.0\r\nCSeq: 1\r\nContent-Length: -1\r\n\r\n',
    code: 'bad_request',
    cseq: '1',
  },
  {
    name: 'length of words',
    input: 'OPTIONS * RTSP/1.0\r\nCSeq: 1\r\nContent-Length: 0x10\r\n\r\n',
    code: 'bad_request',
    cseq: '1',
  },
  {
    name: 'two lengths',
    input: 'OPTIONS * RTSP/1.0\r\nCSeq: 1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n',
    code: 'bad_request',
    cseq: '1',
  },
  {
    name: 'a body too large',
    input: `OPTIONS * RTSP/1.0\r\nCSeq: 1\r\nContent-Length: ${MAX_BODY_BYTES + 1}\r\n\r\n`,
    code: 'body_too_large',
    cseq: '1',
  },
  {
    name: 'too many lines',
    input: `OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n${'X: y\r\n'.repeat(MAX_LINES)}\r\n`,
    code: 'head_too_large',
    cseq: '1',
  },
  {
    name: 'a head too large',
    input: `OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n${long(MAX_HEAD_BYTES)}\r\n`,
    code: 'head_too_large',
  },
  { name: 'a head without end', input: 'A'.repeat(MAX_HEAD_BYTES + 1), code: 'head_too_large' },
];

test('malformed input', async (t) => {
  for (const { name, input, code, cseq } of MALFORMED) {
    t.throws(() => read(input), { name: 'RtspError', code }, name);
    t.throws(() => read(...input), { name: 'RtspError', code }, `${name}, byte by byte`);
    try {
      read(input);
    } catch (error) {
      t.equal((error as RtspError).cseq, cseq, `${name}: what is echoed`);
    }
  }
});

test('what came before the malformed is handed out', async (t) => {
  const reader = new RequestReader();
  const seen: string[] = [];
  t.throws(
    () => {
      for (const input of reader.push(Buffer.from(`${OPTIONS}${PACKET}\0`, 'latin1'))) seen.push(input.kind);
    },
    { code: 'bad_request' },
  );
  t.same(seen, ['request', 'packet']);
});

test('the largest head and body that are allowed', async (t) => {
  const fixed = `OPTIONS * RTSP/1.0\r\nCSeq: 1\r\nContent-Length: ${MAX_BODY_BYTES}\r\n`;
  const head = `${fixed}${long(MAX_HEAD_BYTES - fixed.length - 7)}\r\n`;
  t.equal(head.length, MAX_HEAD_BYTES);
  const [input] = read(head, Buffer.alloc(MAX_BODY_BYTES));
  t.match(input, { kind: 'request', request: { cseq: '1' } });
});

test('mutated input never throws anything but RtspError', async (t) => {
  const random = new SeededRandom();
  t.comment(`seed ${random.seed}`);
  const pick = <T>(values: readonly T[]): T => values[Math.floor(random.next() * values.length)] as T;
  const inserts = [
    '\0',
    '\r',
    '\n',
    '\r\n\r\n',
    '$',
    ':',
    ' ',
    '\xff',
    'Content-Length: 9\r\n',
    'CSeq: 9\r\n',
    '65536',
  ];
  let refused = 0;
  for (let round = 0; round < 20_000; round++) {
    let input = pick(WELL_FORMED).input;
    for (let change = 0; change < 1 + random.next() * 4; change++) {
      const at = Math.floor(random.next() * input.length);
      const cut = at + Math.floor(random.next() * 6);
      input =
        input.slice(0, at) + (random.next() < 0.5 ? pick(inserts) : '') + input.slice(random.next() < 0.5 ? at : cut);
    }
    try {
      read(input);
    } catch (error) {
      if (!(error instanceof RtspError)) t.fail('another error', { error, input });
      refused += 1;
    }
  }
  t.ok(refused > 1000 && refused < 20_000, `${refused} of 20000 were refused`);
});
