// Runs in the machine of the lab: a WebRTC viewer who stays, and writes every fifth of a second what it has had so far.
//
//   node whep-viewer.mjs http://127.0.0.1:8080/streams/camera/whep USER PASSWORD >>FILE
import { WebRtcViewer } from '../../dist/test/support/webrtc-viewer.js';

const [url, user, password] = process.argv.slice(2);
const headers = {
  authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`,
  'content-type': 'application/sdp',
};
let sessions = 0;
const viewer = await WebRtcViewer.connect({
  kinds: ['video'],
  signal: async (offer) => {
    const response = await fetch(url, { method: 'POST', headers, body: offer });
    if (response.status !== 201) throw new Error(`${response.status} ${await response.text()}`);
    sessions += 1;
    return response.text();
  },
});
const told = { sessions, packets: 0, lost: 0, disordered: 0 };
/** A receiver report without a block (RFC 3550, 6.4.2): a viewer who is not heard of for long counts as gone. */
const REPORT = Buffer.from('80c9000100000001', 'hex');
setInterval(() => viewer.send('video', REPORT), 1000);
let highest;
let timestamp;
setInterval(() => {
  for (const packet of viewer.rtp.video.splice(0)) {
    const [number, time] = [packet.readUInt16BE(2), packet.readUInt32BE(4)];
    told.packets += 1;
    const step = highest === undefined ? 1 : ((number - highest + 0x8000) & 0xffff) - 0x8000;
    // One that comes late was counted as lost.
    told.lost += step > 0 ? step - 1 : -1;
    if (step <= 0) continue;
    if (timestamp !== undefined && ((time - timestamp) | 0) < 0) told.disordered += 1;
    [highest, timestamp] = [number, time];
  }
  viewer.rtp.audio.length = 0;
  viewer.rtcp.length = 0;
  console.log(JSON.stringify({ ...told, state: viewer.state }));
}, 200);
