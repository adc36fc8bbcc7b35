import { test } from 'tap';
import { parseStreamUrl, trackUrl } from '../../../daemon/publish/rtsp/stream-url.ts';

const at = (stream: string, rid?: string, track?: number, base?: string): unknown => ({
  stream,
  rid,
  track,
  base: base ?? `rtsp://h:8554/${stream === '' ? '' : `${stream}/`}${rid === undefined ? '' : `${rid}/`}`,
});

test('URLs of streams and tracks', async (t) => {
  const table: [string, unknown][] = [
    ['rtsp://h:8554/cam', at('cam')],
    ['rtsp://h:8554/cam/', at('cam')],
    ['rtsp://h:8554//cam//', at('cam')],
    ['RTSP://h:8554/cam', at('cam')],
    ['rtsps://h:8554/cam', at('cam', undefined, undefined, 'rtsps://h:8554/cam/')],
    ['rtsp://user:p@ss@h:8554/cam', at('cam')],
    ['rtsp://[::1]:8554/cam', at('cam', undefined, undefined, 'rtsp://[::1]:8554/cam/')],
    ['rtsp://h:8554/cam?x=1&y=/z', at('cam')],
    ['rtsp://h:8554/cam/sub', at('cam', 'sub')],
    ['rtsp://h:8554/cam/sub/trackID=1', at('cam', 'sub', 1)],
    ['rtsp://h:8554/cam/trackID=0', at('cam', undefined, 0)],
    ['rtsp://h:8554/cam/trackid=12/', at('cam', undefined, 12)],
    ['rtsp://h:8554/cam/?x=1/trackID=1', at('cam', undefined, 1)],
    ['rtsp://h:8554/trackID=1', at('', undefined, 1)],
    ['rtsp://h:8554/', at('')],
    ['rtsp://h:8554', at('')],
  ];
  for (const [uri, expected] of table) t.same(parseStreamUrl(uri), expected, uri);
});

test('a track URL leads back to its track', async (t) => {
  const { base } = parseStreamUrl('rtsp://h/cam/sub?x');
  t.same(parseStreamUrl(trackUrl(base, 7)), { stream: 'cam', rid: 'sub', track: 7, base });
});

test('what is no URL of ours', async (t) => {
  for (const uri of [
    '*',
    '',
    '/cam',
    'http://h/cam',
    'rtsp:/h/cam',
    'rtsp://',
    'rtsp:///cam',
    'rtsp://h\\x/cam',
    'rtsp://h"/cam',
    'rtsp://a b/cam',
    'rtsp://h/cam#x',
  ])
    t.throws(() => parseStreamUrl(uri), { name: 'RtspError', code: 'bad_request' }, uri);
  for (const uri of [
    'rtsp://h/a/b/c',
    'rtsp://h/a%2fb',
    'rtsp://h/%',
    'rtsp://h/a b',
    'rtsp://h/ä',
    `rtsp://h/${'a'.repeat(65)}`,
    'rtsp://h/cam/trackID=1234/x',
  ])
    t.throws(() => parseStreamUrl(uri), { name: 'RtspError', code: 'not_found' }, uri);
});
