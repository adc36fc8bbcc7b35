import { spawn } from 'node:child_process';
import { test } from 'tap';
import { gdpRtpPackets, gdpStart } from '../../daemon/convert/gdp.ts';

test('GStreamer reads what is written, times and caps included', async (t) => {
  const args = ['-v', 'fdsrc', 'fd=0', '!', 'gdpdepay', '!', 'fakesink', 'silent=false', 'sync=false'];
  const child = spawn('gst-launch-1.0', args, { stdio: ['pipe', 'pipe', 'pipe'] });
  let output = '';
  child.stdout.on('data', (text) => (output += text));
  child.stderr.on('data', (text) => (output += text));
  child.stdin.write(gdpStart('video', 'application/x-rtp, media=(string)video, payload=(int)96'));
  child.stdin.write(gdpRtpPackets([Buffer.alloc(20), Buffer.alloc(21)], 0, 65535));
  child.stdin.end(gdpRtpPackets([Buffer.alloc(22)], 1500.25, 0));
  const code = await new Promise((resolve) => child.once('close', resolve));
  t.equal(code, 0, output);
  t.match(output, /caps = application\/x-rtp, media=\(string\)video, payload=\(int\)96/);
  for (const size of [20, 21])
    t.match(output, new RegExp(`\\(${size} bytes, dts: 0:00:00.000000000, pts: 0:00:00.000000000`));
  t.match(output, /\(22 bytes, dts: 0:00:01.500250000, pts: 0:00:01.500250000/);
  t.notMatch(output, /WARNING|ERROR/);
});

test('packets are numbered anew, past 65535 too, and the given ones stay as they are', async (t) => {
  const given = [Buffer.alloc(14, 1), Buffer.alloc(13, 2)];
  const bytes = gdpRtpPackets(given, 0, 65535);
  t.equal(bytes.length, 2 * 62 + 27);
  t.equal(bytes.readUInt16BE(62 + 2), 65535);
  t.equal(bytes.readUInt16BE(62 + 14 + 62 + 2), 0);
  t.same(given, [Buffer.alloc(14, 1), Buffer.alloc(13, 2)]);
});
