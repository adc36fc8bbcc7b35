import { test } from 'tap';
import { MediaClock } from '../../../daemon/lib/clock.ts';
import { MediaStream } from '../../../daemon/media/media-stream.ts';
import { createTrack, encodedOf, type MediaStreamTrack } from '../../../daemon/media/media-stream-track.ts';
import type { EncodedStream, TrackConfiguration } from '../../../daemon/media/track-source.ts';
import type { StreamDirectory } from '../../../daemon/publish/viewer.ts';
import { type SendableTrack, sendableTracks } from '../../../daemon/publish/webrtc/sendable-tracks.ts';
import { encodingName, PCMA } from '../../../daemon/rtp/codec.ts';
import { RtpStream } from '../../../daemon/rtp/rtp-stream.ts';
import { QuietSource } from '../../support/quiet-source.ts';

/** What cannot be encoded here. */
class FailingSource extends QuietSource {
  override encode(configuration: TrackConfiguration): EncodedStream {
    return { ...super.encode(configuration), problem: 'no encoder for it' };
  }
}

/** A telephone's sound, which is encoded as Opus for those who cannot play it. */
class TelephoneSource extends QuietSource {
  override readonly rtp = new RtpStream({ codec: PCMA, clock: new MediaClock(), cname: 'quiet' });
  readonly opus = super.encode({ settings: {}, contentHint: '', enabled: true });

  override encode(configuration: TrackConfiguration): EncodedStream {
    return { ...super.encode(configuration), inOpus: () => this.opus };
  }
}

/** A stream `porch` with these renditions, by rid in their order. */
function porch(renditions: Record<string, MediaStreamTrack[]>): StreamDirectory {
  const streams = new Map(Object.entries(renditions).map(([rid, tracks]) => [rid, new MediaStream(tracks)]));
  return {
    find: (name, rid) => (name === 'porch' && rid !== undefined ? streams.get(rid) : undefined),
    renditions: (name) => (name === 'porch' ? [...streams.values()] : []),
  };
}

const BOTH = { stream: 'porch', kinds: ['video', 'audio'] } as const;

const sent = (tracks: readonly SendableTrack[]): MediaStreamTrack[] => tracks.map((track) => track.sent().track);

test('the picture in each encoding, the sound once', (t) => {
  const [main, sub] = [createTrack(new QuietSource()), createTrack(new QuietSource())];
  const sound = createTrack(new QuietSource('audio'));
  const streams = porch({ main: [main, sound], sub: [sub, sound] });
  const all = sendableTracks(streams, BOTH);
  t.same(sent(all.video), [main, sub], 'the first encoding first');
  t.same(sent(all.audio), [sound]);
  t.same(sent(sendableTracks(streams, { ...BOTH, rid: 'sub' }).video), [sub]);
  t.same(sendableTracks(streams, { ...BOTH, kinds: ['video'] }).audio, [], 'who may not listen');
  main.stop();
  t.same(sent(sendableTracks(streams, BOTH).video), [sub], 'what has ended is not sent');
  t.end();
});

test('a sound is sent as it is or as Opus', (t) => {
  const source = new TelephoneSource('audio');
  const sound = createTrack(source);
  const { audio } = sendableTracks(porch({ main: [sound] }), BOTH);
  t.same(
    audio.map(({ codec }) => encodingName(codec)),
    ['PCMA', 'opus'],
  );
  t.equal(audio[0]?.sent().encoded, encodedOf(sound));
  t.equal(audio[1]?.sent().encoded, source.opus);
  t.end();
});

test('what cannot be sent', (t) => {
  const [picture, failing] = [createTrack(new QuietSource()), createTrack(new FailingSource())];
  const streams = porch({ main: [failing], sub: [picture] });
  t.same(sent(sendableTracks(streams, BOTH).video), [picture], 'an encoding that has a problem is left out');
  for (const [wanted, code, message] of [
    [{ ...BOTH, stream: 'attic' }, 'not_found', /'attic'/],
    [{ ...BOTH, rid: 'tiny' }, 'not_found', /'tiny'/],
    [{ ...BOTH, rid: 'main' }, 'not_live', /no encoder for it/],
    [{ ...BOTH, kinds: ['audio'] }, 'not_live', /no live track/],
  ] as const)
    t.throws(() => sendableTracks(streams, wanted), { code, message });
  t.end();
});
