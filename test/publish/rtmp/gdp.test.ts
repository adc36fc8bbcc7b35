import { spawn } from 'node:child_process';
import { test } from 'tap';
import { gdpBuffers, gdpStart } from '../../../daemon/publish/rtmp/gdp.ts';

test('GStreamer reads what is written, times and caps included', async (t) => {
  const args = ['-v', 'fdsrc', 'fd=0', '!', 'gdpdepay', '!', 'fakesink', 'silent=false', 'sync=false'];
  const child = spawn('gst-launch-1.0', args, { stdio: ['pipe', 'pipe', 'pipe'] });
  let output = '';
  child.stdout.on('data', (text) => (output += text));
  child.stderr.on('data', (text) => (output += text));
  child.stdin.write(gdpStart('video', 'application/x-rtp, media=(string)video, payload=(int)96'));
  child.stdin.write(gdpBuffers([Buffer.alloc(20), Buffer.alloc(21)], 0));
  child.stdin.end(gdpBuffers([Buffer.alloc(22)], 1500.25));
  const code = await new Promise((resolve) => child.once('close', resolve));
  t.equal(code, 0, output);
  t.match(output, /caps = application\/x-rtp, media=\(string\)video, payload=\(int\)96/);
  for (const size of [20, 21])
    t.match(output, new RegExp(`\\(${size} bytes, dts: 0:00:00.000000000, pts: 0:00:00.000000000`));
  t.match(output, /\(22 bytes, dts: 0:00:01.500250000, pts: 0:00:01.500250000/);
  t.notMatch(output, /WARNING|ERROR/);
});
