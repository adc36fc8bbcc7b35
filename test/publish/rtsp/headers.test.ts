import { test } from 'tap';
import {
  type AgreedTransport,
  checkRange,
  formatRtpInfo,
  formatSession,
  formatTransport,
  parseSession,
  parseTransport,
} from '../../../daemon/publish/rtsp/headers.ts';

test('Transport: what is offered', async (t) => {
  const table: [string, unknown][] = [
    ['RTP/AVP/TCP;unicast;interleaved=0-1', [{ lower: 'tcp', delivery: 'unicast', interleaved: [0, 1] }]],
    [
      'rtp/avp/tcp ; unicast ; INTERLEAVED = 6 - 7'.replace(' - ', '-'),
      [{ lower: 'tcp', delivery: 'unicast', interleaved: [6, 7] }],
    ],
    ['RTP/AVP/TCP;interleaved=4', [{ lower: 'tcp', delivery: 'unicast', interleaved: [4, 5] }]],
    ['RTP/AVP/TCP', [{ lower: 'tcp', delivery: 'unicast' }]],
    ['RTP/AVP;unicast;client_port=5000-5001', [{ lower: 'udp', delivery: 'unicast', clientPort: [5000, 5001] }]],
    [
      'RTP/AVP/UDP;unicast;client_port=5000;mode=play',
      [{ lower: 'udp', delivery: 'unicast', clientPort: [5000, 5001] }],
    ],
    [
      'RTP/AVP;unicast;client_port=65535-65534;mode="PLAY"',
      [{ lower: 'udp', delivery: 'unicast', clientPort: [65535, 65534] }],
    ],
    ['RTP/AVP;multicast;ttl=127', [{ lower: 'udp', delivery: 'multicast' }]],
    [
      'RTP/AVP;unicast;destination=10.0.0.9;client_port=9-10',
      [{ lower: 'udp', delivery: 'unicast', clientPort: [9, 10] }],
    ],
    [
      'RTP/SAVP;unicast;client_port=1-2,RTP/AVP;unicast;client_port=3-4,RTP/AVP/TCP;interleaved=0-1',
      [
        { lower: 'udp', delivery: 'unicast', clientPort: [3, 4] },
        { lower: 'tcp', delivery: 'unicast', interleaved: [0, 1] },
      ],
    ],
    ['RTP/AVP/TCP;interleaved=0-1;mode=record', []],
    ['RAW/RAW/UDP;unicast', []],
    ['', []],
    [';;;', []],
  ];
  for (const [value, expected] of table) t.same(parseTransport(value), expected, value);
});

test('Transport: what is refused', async (t) => {
  const table = [
    'RTP/AVP;client_port=0-1',
    'RTP/AVP;client_port=0',
    'RTP/AVP;client_port=1-0',
    'RTP/AVP;client_port=65535',
    'RTP/AVP;client_port=65536-65537',
    'RTP/AVP;client_port=5000-5000',
    'RTP/AVP;client_port=',
    'RTP/AVP;client_port=-5',
    'RTP/AVP;client_port=1-2-3',
    'RTP/AVP;client_port=99999999999999999999',
    'RTP/AVP;client_port=1e3-1e4',
    'RTP/AVP/TCP;interleaved=255',
    'RTP/AVP/TCP;interleaved=256-257',
    'RTP/AVP/TCP;interleaved=1-1',
    'RTP/AVP/TCP;interleaved=a-b',
    `RTP/AVP/TCP${';x'.repeat(33)}`,
    Array(9).fill('RTP/AVP/TCP').join(','),
  ];
  for (const value of table) t.throws(() => parseTransport(value), { name: 'RtspError', code: 'bad_request' }, value);
});

test('Transport: what is agreed reads back as an offer', async (t) => {
  const table: [AgreedTransport, string][] = [
    [{ lower: 'tcp', interleaved: [2, 3] }, 'RTP/AVP/TCP;unicast;interleaved=2-3;ssrc=0000ABCD'],
    [
      { lower: 'udp', clientPort: [5000, 5001], serverPort: [7000, 7001] },
      'RTP/AVP;unicast;client_port=5000-5001;server_port=7000-7001;ssrc=0000ABCD',
    ],
  ];
  for (const [agreed, text] of table) {
    t.equal(formatTransport(agreed, 0xabcd), text);
    const { lower } = agreed;
    const places = lower === 'tcp' ? { interleaved: agreed.interleaved } : { clientPort: agreed.clientPort };
    t.same(parseTransport(text), [{ lower, delivery: 'unicast', ...places }]);
  }
});

test('Range', async (t) => {
  for (const value of [
    'npt=now-',
    'npt=0-',
    'npt=0.000-',
    'npt=0.000-5.000',
    'NPT = 0:00:00.5-0:01:00',
    'npt=-10',
    'npt=0-;time=1',
  ])
    t.doesNotThrow(() => checkRange(value), value);
  for (const value of [
    '',
    'npt',
    'npt=',
    'npt=-',
    'npt=x-',
    'npt=1',
    'clock=20260101T000000Z-',
    'smpte=0:0:0-',
    `npt=${'1'.repeat(50)}-`,
  ])
    t.throws(() => checkRange(value), { name: 'RtspError', code: 'invalid_range' }, value);
});

test('Session', async (t) => {
  t.equal(parseSession(formatSession('0123456789abcdef', 60)), '0123456789abcdef');
  for (const [value, id] of [
    ['a', 'a'],
    ['A-b_$.+9 ; timeout=60', 'A-b_$.+9'],
  ] as const)
    t.equal(parseSession(value), id);
  for (const value of ['', ';timeout=60', 'a b', 'a,b', 'ä', 'x'.repeat(129)])
    t.throws(() => parseSession(value), { name: 'RtspError', code: 'bad_request' }, value);
});

test('RTP-Info', async (t) => {
  const tracks = [
    { url: 'rtsp://h/c/trackID=0', seq: 65535, rtptime: 4294967295 },
    { url: 'rtsp://h/c/trackID=1', seq: 0, rtptime: 0 },
  ];
  t.equal(
    formatRtpInfo(tracks),
    'url=rtsp://h/c/trackID=0;seq=65535;rtptime=4294967295,url=rtsp://h/c/trackID=1;seq=0;rtptime=0',
  );
});
