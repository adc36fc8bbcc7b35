import { isSignedIn, refusal, request, signIn, signOut } from './gateway-request.js';
import { WhepPlayer } from './whep-player.js';

const POLL_MS = 2500;
const STILL_MS = 2500;
const TOAST_MS = 3500;

const element = (id) => document.getElementById(id);
const [stage, video, streamList] = ['stage', 'video', 'streams'].map(element);
const player = new WhepPlayer(video);

/** The streams as the gateway listed them last. */
let streams = [];
let selected;
let reachable = true;
/** The gateway wants to know who is there. */
let locked = false;
let reason = '';

/** A stream's state in plain words, and the tone of its dot. */
const STATES = {
  idle: { words: 'Ready, starts when you watch', tone: 'idle' },
  starting: { words: 'Starting', tone: 'waiting' },
  live: { words: 'Live', tone: 'live' },
  muted: { words: 'Camera is away', tone: 'away' },
  privacy: { words: 'Privacy is on', tone: 'waiting' },
  error: { words: 'Not working', tone: 'away' },
};
const describe = (stream) => STATES[stream.state] ?? { words: stream.state, tone: 'idle' };

const sentence = (text) => (text === '' ? '' : text[0].toUpperCase() + text.slice(1));
const current = () => streams.find(({ name }) => name === selected);
const endpointOf = (name) => new URL(`streams/${encodeURIComponent(name)}/whep`, location.href.split('#')[0]).href;

async function poll() {
  try {
    const response = await request('streams', { signal: AbortSignal.timeout(5000) });
    locked = response.status === 401;
    if (!response.ok) throw await refusal(response);
    ({ streams } = await response.json());
    if (!reachable) player.hurry();
    reachable = true;
    reason = '';
  } catch (error) {
    reachable = false;
    if (locked) streams = [];
    reason = ['TypeError', 'TimeoutError', 'SyntaxError'].includes(error.name)
      ? 'The gateway does not answer.'
      : error.message;
  }
  select(current() === undefined ? (named(location.hash) ?? streams[0]?.name) : selected);
  render();
}

const named = (hash) => streams.find(({ name }) => name === decodeURIComponent(hash.slice(1)))?.name;

function select(name) {
  if (name === selected) return;
  selected = name;
  if (name === undefined) {
    player.stop();
    return;
  }
  video.poster = '';
  player.play(endpointOf(name));
  if (named(location.hash) !== name) history.replaceState(null, '', `#${encodeURIComponent(name)}`);
}

function choose(name) {
  select(name);
  render();
}

/** What the stage shows: the connection's state, unless the stream itself says why there is no picture. */
function situation() {
  const stream = current();
  if (locked)
    return { mode: 'locked', title: 'Sign in to watch', detail: isSignedIn() ? 'Wrong name, password or token.' : '' };
  if (stream === undefined) {
    if (!reachable) return { mode: 'retrying', title: 'No connection to the gateway', detail: reason };
    return { mode: 'none', title: 'Nothing to show yet', detail: '' };
  }
  const ill = stream.state === 'muted' || stream.state === 'error';
  switch (player.state) {
    case 'playing':
      return { mode: 'playing', title: 'Live', detail: '' };
    case 'retrying':
      return { mode: 'retrying', title: 'Connection lost, trying again', detail: sentence(player.detail) };
    case 'refused':
      return { mode: 'refused', title: 'You may not watch this', detail: sentence(player.detail) };
    case 'waiting':
      if (ill) return { mode: 'away', title: describe(stream).words, detail: sentence(stream.reason ?? '') };
      return { mode: 'connecting', title: 'Waiting for the picture', detail: sentence(stream.reason ?? '') };
    default:
      if (ill) return { mode: 'away', title: describe(stream).words, detail: sentence(stream.reason ?? '') };
      return {
        mode: 'connecting',
        title: stream.state === 'starting' ? 'Starting the camera' : 'Connecting',
        detail: '',
      };
  }
}

function render() {
  const stream = current();
  const { mode, title, detail } = situation();
  stage.dataset.mode = mode;
  element('notice-title').textContent = title;
  element('notice-detail').textContent = detail;
  element('name').textContent = stream?.name ?? '';
  document.title = stream === undefined ? 'Vedette' : `${stream.name} – Vedette`;
  renderState(stream);
  renderStreams();
  renderAddresses(stream);
  renderSound();
  element('snapshot').disabled = stream === undefined || !reachable;
  element('about').hidden = stream === undefined;
  element('side').hidden = locked;
  element('sign-out').hidden = !isSignedIn() || locked;
  element('empty').hidden = streams.length > 0 || !reachable;
}

function renderState(stream) {
  const line = element('state');
  if (stream === undefined) line.textContent = locked ? '' : reason;
  else {
    const { words } = describe(stream);
    const live = player.state === 'playing' ? describe({ state: 'live' }).words : words;
    const shown = stream.state === 'idle' || stream.state === 'starting' ? live : words;
    line.textContent = stream.reason === undefined ? shown : `${shown}: ${stream.reason}`;
  }
  const count = Object.values(stream?.viewers ?? {}).reduce((sum, viewers) => sum + viewers, 0);
  element('figure-viewers').textContent = stream === undefined ? '–' : String(count);
}

function renderStreams() {
  const template = element('stream-template').content;
  while (streamList.children.length > streams.length) streamList.lastChild.remove();
  streams.forEach((stream, index) => {
    if (streamList.children[index] === undefined) streamList.append(template.cloneNode(true));
    const button = streamList.children[index].firstElementChild;
    const { words, tone } = describe(stream);
    button.onclick = () => choose(stream.name);
    button.setAttribute('aria-current', String(stream.name === selected));
    button.querySelector('.dot').dataset.tone = tone;
    button.querySelector('.stream-name').textContent = stream.name;
    button.querySelector('.stream-words').textContent = words;
  });
}

const ADDRESS_NAMES = {
  rtsp: 'RTSP',
  rtsps: 'RTSP over TLS',
  whep: 'WebRTC (WHEP)',
  rtmp: 'RTMP',
  'http-flv': 'HTTP-FLV',
  snapshot: 'Still picture',
  mjpeg: 'Motion JPEG, for an <img>',
};

function renderAddresses(stream) {
  const addresses = Object.entries(stream?.urls ?? {}).filter(([protocol]) => protocol !== 'page');
  const key = JSON.stringify(addresses);
  const box = element('addresses');
  element('elsewhere').hidden = addresses.length === 0;
  if (box.dataset.key === key) return;
  box.dataset.key = key;
  box.replaceChildren(
    ...addresses.map(([protocol, url]) => {
      const row = element('address-template').content.cloneNode(true);
      const kind = ADDRESS_NAMES[protocol] ?? protocol;
      row.querySelector('.address-kind').textContent = kind;
      const input = row.querySelector('input');
      input.value = new URL(url, location.href).href;
      input.onfocus = () => input.select();
      const button = row.querySelector('button');
      button.title = `Copy address: ${kind}`;
      button.setAttribute('aria-label', button.title);
      button.onclick = () => copy(input, button);
      return row;
    }),
  );
}

async function copy(input, button) {
  try {
    await navigator.clipboard.writeText(input.value);
  } catch {
    // Pages without TLS have no clipboard; the old command works there.
    input.select();
    document.execCommand('copy');
  }
  setIcon(button, 'check');
  setTimeout(() => setIcon(button, 'copy'), 1500);
  toast('Address copied');
}

const setIcon = (button, icon) => button.querySelector('use').setAttribute('href', `#icon-${icon}`);

function renderSound() {
  const button = element('sound');
  const on = !video.muted;
  setIcon(button, on ? 'sound-on' : 'sound-off');
  button.disabled = !player.hasAudio;
  button.setAttribute('aria-pressed', String(on));
  button.setAttribute('aria-label', on ? 'Turn sound off' : 'Turn sound on');
  element('unmute').hidden = !player.hasAudio || soundChosen;
}

/** Browsers start with sound off; until the viewer has decided, a large button offers it. */
let soundChosen = false;

function toggleSound() {
  if (!player.hasAudio) return;
  soundChosen = true;
  video.muted = !video.muted;
  video.play().catch(() => undefined);
  renderSound();
}

async function saveSnapshot() {
  const name = selected;
  if (name === undefined) return;
  const button = element('snapshot');
  button.disabled = true;
  try {
    const response = await request(`streams/${encodeURIComponent(name)}/snapshot.jpg`);
    if (!response.ok) throw await refusal(response);
    const link = document.createElement('a');
    link.href = URL.createObjectURL(await response.blob());
    link.download = `${name}-${new Date().toISOString().slice(0, 19).replaceAll(':', '-')}.jpg`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
    toast('Picture saved');
  } catch (error) {
    toast(`No picture: ${error.message}`);
  } finally {
    button.disabled = false;
  }
}

function toggleFullscreen() {
  if (document.fullscreenElement !== null && document.fullscreenElement !== undefined) document.exitFullscreen();
  else if (stage.requestFullscreen) stage.requestFullscreen().catch(() => undefined);
  // Phones of one maker know only their own player.
  else video.webkitEnterFullscreen?.();
}

function showFigures() {
  const { width, height, frameRate, bitrate } = player.figures ?? {};
  const playing = player.state === 'playing';
  element('figure-size').textContent = playing && width ? `${width} × ${height}` : '–';
  element('figure-rate').textContent = playing && frameRate ? `${Math.round(frameRate)} fps` : '–';
  element('figure-bitrate').textContent =
    playing && bitrate ? `${(bitrate / 1e6).toFixed(bitrate < 1e6 ? 2 : 1)} Mbit/s` : '–';
}

let toastTimer;
function toast(text) {
  const box = element('toast');
  box.textContent = text;
  box.classList.add('toast-shown');
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => box.classList.remove('toast-shown'), TOAST_MS);
}

let stillTimer;
function stir() {
  stage.classList.remove('still');
  clearTimeout(stillTimer);
  stillTimer = setTimeout(() => stage.classList.add('still'), STILL_MS);
}

const KEYS = { m: toggleSound, f: toggleFullscreen, s: saveSnapshot };

player.addEventListener('change', () => {
  render();
  showFigures();
});
player.addEventListener('figures', showFigures);
video.addEventListener('resize', () => {
  if (video.videoHeight > 0) stage.style.setProperty('--ratio', String(video.videoWidth / video.videoHeight));
});
element('sound').addEventListener('click', toggleSound);
element('sign-in').addEventListener('submit', async (event) => {
  event.preventDefault();
  signIn(element('sign-in-name').value.trim(), element('sign-in-secret').value);
  await poll();
  if (!locked) event.target.reset();
});
element('sign-out').addEventListener('click', async () => {
  signOut();
  await poll();
});
element('unmute').addEventListener('click', toggleSound);
element('snapshot').addEventListener('click', saveSnapshot);
element('fullscreen').addEventListener('click', toggleFullscreen);
video.addEventListener('dblclick', toggleFullscreen);
stage.addEventListener('pointermove', stir);
document.addEventListener('fullscreenchange', () => {
  const full = document.fullscreenElement === stage;
  setIcon(element('fullscreen'), full ? 'shrink' : 'expand');
  element('fullscreen').setAttribute('aria-pressed', String(full));
  stir();
});
document.addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target instanceof HTMLInputElement) return;
  KEYS[event.key.toLowerCase()]?.();
});
addEventListener('hashchange', () => choose(named(location.hash) ?? selected));
addEventListener('online', () => player.hurry());
addEventListener('pagehide', () => player.stop());
addEventListener('pageshow', (event) => {
  if (event.persisted && selected !== undefined) player.play(endpointOf(selected));
});
document.addEventListener('visibilitychange', () => {
  if (document.visibilityState === 'visible') player.hurry();
});

element('host').textContent =
  location.hostname === '127.0.0.1' || location.hostname === 'localhost' ? '' : location.hostname;
await poll();
setInterval(() => {
  if (document.visibilityState === 'visible' && !locked) void poll();
}, POLL_MS);
