/** Recordings in a `<video>` of Chromium. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'tap';
import { MediaRecorder } from '../../daemon/record/media-recorder.ts';
import { startBrowser } from '../support/browser.ts';
import { collect, once, runningStream } from '../support/recorded-file.ts';

interface Played {
  error: string | undefined;
  /** Before it plays, and at its end, in seconds. */
  duration: number | null;
  end: number;
  width: number;
  frames: number;
  audioBytes: number;
}

test('Chromium plays what was recorded to its end', { timeout: 58_000 }, async (t) => {
  const { stream } = await runningStream(t, { gop: 5 });
  const types = [
    'video/mp4',
    'video/mp4;codecs=avc1,mp4a.40.2',
    'video/webm',
    'video/webm;codecs=vp9,opus',
    'audio/webm',
  ];
  const files: { type: string; bytes: Buffer; seconds: number }[] = [];
  for (const [index, mimeType] of types.entries()) {
    const recorded = mimeType.startsWith('audio') ? stream.clone() : stream;
    if (recorded !== stream) for (const track of recorded.getVideoTracks()) recorded.removeTrack(track);
    const recorder = new MediaRecorder(recorded, { mimeType });
    const { events, bytes } = collect(recorder);
    recorder.start(...((index % 2 === 0 ? [] : [400]) as [number]));
    await once(recorder, 'start');
    const begin = performance.now();
    await new Promise((resolve) => setTimeout(resolve, 1500));
    const seconds = (performance.now() - begin) / 1000;
    recorder.stop();
    await once(recorder, 'stop');
    files.push({ type: events[0]?.data.type ?? '', bytes: await bytes(), seconds });
  }

  const server = createServer((request, response) => {
    const file = files[Number(request.url?.slice(1))];
    if (file === undefined) response.setHeader('content-type', 'text/html').end('<!doctype html><video muted></video>');
    else response.setHeader('content-type', file.type).end(file.bytes);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  const page = await (await startBrowser(t)).newPage();
  await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);

  for (const [index, { type, seconds }] of files.entries()) {
    // Text, for the browser's own classes are not those of this program.
    const played = (await page.evaluate(`new Promise(async (resolve) => {
      const video = document.querySelector('video');
      const bytes = await (await fetch('/${index}')).blob();
      const done = () => resolve({
        error: video.error?.message,
        duration: first,
        end: video.currentTime,
        width: video.videoWidth,
        frames: video.getVideoPlaybackQuality().totalVideoFrames,
        audioBytes: video.webkitAudioDecodedByteCount,
      });
      let first = null;
      video.onloadedmetadata = () => { first = Number.isFinite(video.duration) ? video.duration : null; };
      video.onended = done;
      video.onerror = done;
      video.src = URL.createObjectURL(bytes);
      video.play().catch(() => undefined);
    })`)) as Played;
    t.equal(played.error, undefined, `${type} plays`);
    t.ok(Math.abs(played.end - seconds) < 0.2, `to its end: ${played.end} of ${seconds} s`);
    t.ok(played.audioBytes > 1000, `${played.audioBytes} bytes of sound`);
    if (type.startsWith('video')) {
      t.equal(played.width, 320);
      t.ok(played.frames >= seconds * 15 - 4, `${played.frames} pictures`);
    }
    // WebM in time slices cannot tell.
    if (index % 2 === 0) t.ok(Math.abs((played.duration ?? 0) - seconds) < 0.2, `it tells ${played.duration} s`);
  }
});
