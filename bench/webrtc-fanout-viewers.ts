/** The viewers of webrtc-fanout.ts, in a process of their own; offers go out over IPC, answers come back. */
import { WebRtcViewer } from '../test/support/webrtc-viewer.ts';

export type FromViewers =
  | { type: 'offer'; viewer: number; sdp: string }
  /** Milliseconds from the first step of the offer to the first packet of a key frame. */
  | { type: 'playing'; viewer: number; join: number }
  /** Packets that the viewer with the fewest has. */
  | { type: 'least'; packets: number };
export type ToViewers =
  | { type: 'answer'; viewer: number; sdp: string }
  | { type: 'connect'; viewer: number }
  | { type: 'count' };

const tell = (message: FromViewers): unknown => process.send?.(message);
const viewers: WebRtcViewer[] = [];
const answers = new Map<number, (sdp: string) => void>();

process.on('message', (raw) => {
  const message = raw as ToViewers;
  if (message.type === 'answer') answers.get(message.viewer)?.(message.sdp);
  else if (message.type === 'connect') void connect(message.viewer);
  else tell({ type: 'least', packets: Math.min(...viewers.map(({ received }) => received)) });
});

async function connect(id: number): Promise<void> {
  const start = performance.now();
  const viewer = await WebRtcViewer.connect({
    kinds: ['video'],
    keep: false,
    signal: (sdp) => {
      tell({ type: 'offer', viewer: id, sdp });
      return new Promise((resolve) => answers.set(id, resolve));
    },
  });
  viewers.push(viewer);
  while (viewer.firstVideoAt === undefined) await new Promise((resolve) => setTimeout(resolve, 1));
  tell({ type: 'playing', viewer: id, join: viewer.firstVideoAt - start });
}
