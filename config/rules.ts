import { pointer } from './check.ts';
import type { Problem } from './config-error.ts';
import type { Settings } from './settings.ts';

/** What the file says beside the settings that the rooms receive. */
export interface Sources {
  mqttPasswordFile: string;
}

/** What is wrong although each value by itself is right. */
export function crossFieldProblems(settings: Settings, sources: Sources): Problem[] {
  return [
    ...portClashes(settings),
    ...mqttProblems(settings, sources),
    ...cameraProblems(settings),
    ...streamProblems(settings),
  ];
}

const EVERYWHERE: ReadonlySet<string> = new Set(['0.0.0.0', '::']);

function portClashes({ rtsp, http, rtmp, mqtt }: Settings): Problem[] {
  const listeners = [
    { name: 'rtsp.port', at: '/rtsp/port', ...rtsp },
    { name: 'http.port', at: '/http/port', ...http },
    { name: 'rtmp.port', at: '/rtmp/port', ...rtmp },
    {
      name: 'mqtt.embeddedPort',
      at: '/mqtt/embeddedPort',
      enabled: mqtt.url === '',
      host: '127.0.0.1',
      port: mqtt.embeddedPort,
    },
  ].filter(({ enabled, port }) => enabled && port !== 0);
  return listeners.flatMap((one, index): Problem[] => {
    const other = listeners
      .slice(0, index)
      .find(
        ({ host, port }) =>
          port === one.port && (host === one.host || EVERYWHERE.has(host) || EVERYWHERE.has(one.host)),
      );
    return other === undefined ? [] : [{ path: one.at, value: one.port, message: `is the port of ${other.name} too` }];
  });
}

function mqttProblems({ mqtt }: Settings, { mqttPasswordFile }: Sources): Problem[] {
  const problems: Problem[] = [];
  if (mqtt.password !== '' && mqttPasswordFile !== '') {
    problems.push({ path: '/mqtt/passwordFile', message: 'must not stand beside mqtt.password' });
  }
  const { certFile, keyFile } = mqtt.tls;
  if ((certFile === '') !== (keyFile === '')) {
    const path = certFile === '' ? '/mqtt/tls/certFile' : '/mqtt/tls/keyFile';
    problems.push({ path, message: 'is needed: mqtt.tls.certFile and mqtt.tls.keyFile belong together' });
  }
  return problems;
}

/** Percent of the width or the height. */
const MOST_CROPPED = 90;

function cameraProblems({ cameras }: Settings): Problem[] {
  return Object.entries(cameras).flatMap(([name, { url, username, passwordFile }]): Problem[] => {
    const at = ['cameras', name];
    const problems: Problem[] = [];
    if (!URL.canParse(url)) problems.push({ path: pointer([...at, 'url']), value: url, message: 'is not a URL' });
    if (passwordFile !== '' && username === '')
      problems.push({ path: pointer([...at, 'username']), message: 'is needed beside a password' });
    return problems;
  });
}

function streamProblems({ streams }: Settings): Problem[] {
  return Object.entries(streams).flatMap(([name, { video, audio, encodings }]): Problem[] => {
    const problems: Problem[] = [];
    if (video === false && audio === false) {
      problems.push({
        path: pointer(['streams', name]),
        message: 'must have a picture or sound: video and audio are both false',
      });
    }
    if (video !== false) {
      const [top = 0, right = 0, bottom = 0, left = 0] = video.crop.split(' ').map(Number);
      if (top + bottom > MOST_CROPPED || left + right > MOST_CROPPED)
        problems.push({
          path: pointer(['streams', name, 'video', 'crop']),
          value: video.crop,
          message: `must leave a tenth of the picture: opposite edges together at most ${MOST_CROPPED} percent`,
        });
    }
    for (const [index, { rid, codec, profile }] of encodings.entries()) {
      if (codec !== 'h264' && profile !== 'baseline')
        problems.push({
          path: pointer(['streams', name, 'encodings', index, 'profile']),
          value: profile,
          message: `is of h264 only; the codec here is ${codec}`,
        });
      const first = encodings.findIndex((encoding) => encoding.rid === rid);
      if (first === index) continue;
      const path = pointer(['streams', name, 'encodings', index, 'rid']);
      problems.push({ path, value: rid, message: `must differ from that of encoding ${first}` });
    }
    return problems;
  });
}
